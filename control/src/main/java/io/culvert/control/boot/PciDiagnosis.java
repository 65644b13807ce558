// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Why DPDK found no port at a PCI address: the first thing that is wrong on the way from the slot to vfio, in the order
 * in which the kernel meets it. DPDK says "No such device" to all of them.
 */
public final class PciDiagnosis {
    private static final String VFIO = "vfio-pci";
    /** Drivers that hand the whole device to a program. */
    private static final Set<String> USER_SPACE = Set.of(VFIO, "igb_uio", "uio_pci_generic");
    /** Kernel drivers that DPDK works beside. */
    private static final Set<String> SHARED = Set.of("mlx4_core", "mlx5_core", "mana");
    /** Drivers that vfio tolerates in the group of a device that it hands out. */
    private static final Set<String> HARMLESS = Set.of(VFIO, "pci-stub", "pcieport");

    private final Path devices;
    private final Path vfio;

    /** @param sys usually {@code /sys} @param dev usually {@code /dev} */
    PciDiagnosis(final Path sys, final Path dev) {
        this.devices = sys.resolve("bus/pci/devices");
        this.vfio = dev.resolve("vfio");
    }

    public static PciDiagnosis ofHost() {
        return new PciDiagnosis(Path.of("/sys"), Path.of("/dev"));
    }

    /**
     * What keeps DPDK from the device and what mends it, in the form {@code cause. Fix: mend}. Opens the vfio files for
     * a moment, so it is for a device that no port of this process holds.
     *
     * @param address as sysfs has it, e.g. {@code 0000:8a:00.0}
     */
    public String explain(final String address) {
        return obstacle(address).orElseGet(() -> noDriver(devices.resolve(address), address));
    }

    /**
     * The same, as far as the kernel is concerned; empty when it would hand the device out.
     *
     * @param address as for {@link #explain}
     */
    public Optional<String> obstacle(final String address) {
        final Path device = devices.resolve(address);
        if (!Files.exists(device)) {
            return Optional.of("this host has no PCI device " + address + ": it was removed, or that is not its"
                    + " address. Fix: put it back, or look the address up with 'lspci -D | grep -i ethernet'");
        }
        final String driver = driverOf(device);
        if (!SHARED.contains(driver) && !USER_SPACE.contains(driver)) {
            return Optional.of(address + " is bound to "
                    + (driver.isEmpty() ? "no driver" : "the kernel's driver " + driver) + ", and DPDK needs " + VFIO
                    + ". Fix: name it in /etc/culvert/host.conf and run"
                    + " culvert-host-prepare --config /etc/culvert/host.conf");
        }
        return driver.equals(VFIO) ? vfioObstacle(device, address) : Optional.empty();
    }

    private Optional<String> vfioObstacle(final Path device, final String address) {
        final Path group = device.resolve("iommu_group");
        if (!Files.exists(group)) {
            return Optional.of(address + " is in no IOMMU group. Fix: switch VT-d or AMD-Vi on in the firmware and boot"
                    + " with intel_iommu=on iommu=pt; on a virtual machine without an IOMMU see deploy/README.md");
        }
        final String number = nameOf(group);
        final Optional<String> neighbor = neighborOfTheKernel(group, address);
        if (neighbor.isPresent()) {
            return Optional.of(address + " shares the IOMMU group " + number + " with " + neighbor.get()
                    + ", and vfio hands out whole groups only. Fix: bind that device to " + VFIO
                    + ", too, or use a slot with a group of its own");
        }
        return container().or(() -> group(number, address));
    }

    /** vfio's container, one for all devices: a misc device, which {@code DeviceAllow=char-vfio} does not cover. */
    private Optional<String> container() {
        final Path file = vfio.resolve("vfio");
        return refusal(file).map(e -> e instanceof NoSuchFileException
                ? "there is no " + file + ": the kernel's module " + VFIO + " is not loaded. Fix: modprobe " + VFIO
                : "this process may not open " + file + " (" + e.getMessage() + "). Fix: in a systemd unit with a"
                        + " DevicePolicy add DeviceAllow=" + file + " rw; else check its mode (usually 0666)");
    }

    private Optional<String> group(final String number, final String address) {
        final Path withIommu = vfio.resolve(number);
        final Path file = Files.exists(withIommu) ? withIommu : vfio.resolve("noiommu-" + number);
        final boolean noIommu = !file.equals(withIommu) && Files.exists(file);
        return refusal(file).map(e -> {
            if (e instanceof NoSuchFileException) {
                return "there is no " + withIommu + " for " + address + ". Fix: bind it anew with driverctl"
                        + " set-override " + address + " " + VFIO;
            }
            if (noIommu) {
                return "this process may not open " + file + " (" + e.getMessage() + "): without an IOMMU vfio is for"
                        + " root with CAP_SYS_RAWIO only. Fix: see deploy/README.md";
            }
            return e instanceof AccessDeniedException || e.getMessage().contains("not permitted")
                    ? "this process may not open " + file + ", the group of " + address + " (" + e.getMessage()
                            + "). Fix: run culvert-host-prepare with --owner and the user of this process; in a systemd"
                            + " unit with a DevicePolicy add DeviceAllow=char-vfio rw, with " + VFIO
                            + " loaded before the unit starts"
                    : file + ", the group of " + address + ", cannot be opened (" + e.getMessage() + "). Fix: end the"
                            + " other program that uses a device of this group";
        });
    }

    /** Nothing is wrong in the kernel: DPDK itself has no driver for it, or the driver gave up. */
    private static String noDriver(final Path device, final String address) {
        return "no driver of DPDK took " + address + " (PCI id " + id(device, "vendor") + ":" + id(device, "device")
                + "). Fix: see what DPDK printed above; if nothing, install the driver of this NIC (apt-get install"
                + " librte-meta-net), and see docs/nics.md";
    }

    private static Optional<IOException> refusal(final Path file) {
        try {
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE).close();
            return Optional.empty();
        } catch (final IOException e) {
            return Optional.of(e);
        }
    }

    private Optional<String> neighborOfTheKernel(final Path group, final String address) {
        try (Stream<Path> members = Files.list(group.resolve("devices"))) {
            final List<String> names = members.map(member -> member.getFileName().toString()).sorted().toList();
            return names.stream().filter(name -> !name.equals(address))
                    .filter(name -> !driverOf(devices.resolve(name)).isEmpty()
                            && !HARMLESS.contains(driverOf(devices.resolve(name))))
                    .map(name -> name + ", which the kernel drives (" + driverOf(devices.resolve(name)) + ")")
                    .findFirst();
        } catch (final IOException e) {
            return Optional.empty();
        }
    }

    /** @return empty when no driver is bound */
    private static String driverOf(final Path device) {
        final Path link = device.resolve("driver");
        return Files.exists(link) ? nameOf(link) : "";
    }

    /** What a link of sysfs leads to, by its last name. */
    private static String nameOf(final Path link) {
        try {
            return link.toRealPath().getFileName().toString();
        } catch (final IOException e) {
            return "";
        }
    }

    private static String id(final Path device, final String file) {
        try {
            return Files.readString(device.resolve(file)).strip().replace("0x", "");
        } catch (final IOException e) {
            return "unknown";
        }
    }
}
