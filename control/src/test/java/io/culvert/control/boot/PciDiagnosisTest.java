// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each obstacle between a NIC and DPDK, on a made-up /sys and /dev, is told by its own name and its own mend. */
class PciDiagnosisTest {
    private static final String NIC = "0000:8a:00.0";
    private static final String NEIGHBOR = "0000:8a:00.1";
    /** Even root gets EACCES when it opens this for writing. */
    private static final Path FORBIDDEN = Path.of("/proc/sys/kernel/ostype");

    @TempDir
    private Path root;
    private Path sys;
    private Path dev;

    @BeforeEach
    void buildReadyHost() throws IOException {
        sys = root.resolve("sys");
        dev = root.resolve("dev");
        addDevice(NIC, "vfio-pci");
        join(NIC, 12);
        Files.createDirectories(dev.resolve("vfio"));
        Files.createFile(dev.resolve("vfio/vfio"));
        Files.createFile(dev.resolve("vfio/12"));
    }

    @Test
    void aDeviceThatIsNotThereIsCalledRemovedOrMisspelt() {
        assertExplains("0000:8b:00.0", "this host has no PCI device 0000:8b:00.0", "lspci -D");
    }

    @Test
    void aDeviceOfTheKernelIsCalledSoWithItsDriver() throws IOException {
        bind(NIC, "ice");
        assertExplains(NIC, NIC + " is bound to the kernel's driver ice", "culvert-host-prepare");
        Files.delete(device(NIC).resolve("driver"));
        assertExplains(NIC, NIC + " is bound to no driver", "culvert-host-prepare");
    }

    @Test
    void aHostWithoutIommuIsNamed() throws IOException {
        Files.delete(device(NIC).resolve("iommu_group"));
        assertExplains(NIC, NIC + " is in no IOMMU group", "intel_iommu=on");
    }

    @Test
    void aMissingModuleIsNamed() throws IOException {
        Files.delete(dev.resolve("vfio/vfio"));
        assertExplains(NIC, "vfio-pci is not loaded", "modprobe vfio-pci");
    }

    @Test
    void aForbiddenContainerIsNotTakenForAnUnboundDevice() throws IOException {
        forbid("vfio");
        assertExplains(NIC, "may not open " + dev.resolve("vfio/vfio"), "DeviceAllow=" + dev.resolve("vfio/vfio"));
    }

    @Test
    void aForbiddenGroupIsNamedWithItsOwner() throws IOException {
        forbid("12");
        assertExplains(NIC, "may not open " + dev.resolve("vfio/12") + ", the group of " + NIC, "--owner");
    }

    @Test
    void aGroupWithoutIommuIsForRootOnly() throws IOException {
        Files.delete(dev.resolve("vfio/12"));
        forbid("noiommu-12");
        assertExplains(NIC, "without an IOMMU vfio is for root", "deploy/README.md");
    }

    @Test
    void aGroupThatIsSharedWithTheKernelIsNamedWithTheOtherDevice() throws IOException {
        addDevice(NEIGHBOR, "ahci");
        join(NEIGHBOR, 12);
        assertExplains(NIC, "shares the IOMMU group 12 with " + NEIGHBOR + ", which the kernel drives (ahci)",
                "bind that device");
        bind(NEIGHBOR, "pcieport");
        assertExplains(NIC, "no driver of DPDK took " + NIC, "librte-meta-net");
    }

    @Test
    void aDeviceThatOnlyDpdkDoesNotKnowIsNamedWithItsId() {
        assertExplains(NIC, "no driver of DPDK took " + NIC + " (PCI id 8086:1592)", "docs/nics.md");
    }

    @Test
    void aMellanoxDeviceMayStayWithTheKernel() throws IOException {
        bind(NIC, "mlx5_core");
        assertExplains(NIC, "no driver of DPDK took " + NIC, "librte-meta-net");
    }

    private void assertExplains(final String address, final String cause, final String mend) {
        final String text = new PciDiagnosis(sys, dev).explain(address);
        final int fix = text.indexOf(". Fix: ");
        assertTrue(fix > 0, text);
        assertTrue(text.substring(0, fix).contains(cause), text);
        assertTrue(text.substring(fix).contains(mend), text);
    }

    private Path device(final String address) {
        return sys.resolve("bus/pci/devices").resolve(address);
    }

    private void addDevice(final String address, final String driver) throws IOException {
        Files.createDirectories(device(address));
        Files.writeString(device(address).resolve("vendor"), "0x8086\n");
        Files.writeString(device(address).resolve("device"), "0x1592\n");
        bind(address, driver);
    }

    private void bind(final String address, final String driver) throws IOException {
        final Path directory = Files.createDirectories(sys.resolve("bus/pci/drivers").resolve(driver));
        Files.deleteIfExists(device(address).resolve("driver"));
        Files.createSymbolicLink(device(address).resolve("driver"), directory);
    }

    private void join(final String address, final int group) throws IOException {
        final Path directory = sys.resolve("kernel/iommu_groups/" + group);
        Files.createDirectories(directory.resolve("devices"));
        Files.createSymbolicLink(directory.resolve("devices").resolve(address), device(address));
        Files.createSymbolicLink(device(address).resolve("iommu_group"), directory);
    }

    private void forbid(final String file) throws IOException {
        Files.deleteIfExists(dev.resolve("vfio").resolve(file));
        Files.createSymbolicLink(dev.resolve("vfio").resolve(file), FORBIDDEN);
    }
}
