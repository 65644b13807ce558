// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code culvert-host-prepare --dry-run} on a made-up /sys, inside a network namespace whose routes and addresses are
 * real: what it refuses, what it leaves alone, what it would do.
 */
final class HostPrepareTest {
    private static final String DEVICE = "0000:8a:00.0";
    private static final String NETWORK = """
            ip link add up0 type veth peer name up1
            ip addr add 203.0.113.1/24 dev up0
            ip addr add 2001:db8::1/64 dev up0 nodad
            ip link set up0 up
            ip link set up1 up
            """;
    private static final String SSH_SESSION = "export SSH_CONNECTION='203.0.113.9 50000 203.0.113.1 22'";

    @TempDir
    private Path sysfs;

    @BeforeEach
    void buildSysfs() throws IOException {
        addDevice(DEVICE, "ice", "0x020000", "up0");
        Files.createDirectories(sysfs.resolve("bus/pci/drivers/vfio-pci"));
        final Path pages = Files.createDirectories(sysfs.resolve("kernel/mm/hugepages/hugepages-2048kB"));
        Files.writeString(pages.resolve("nr_hugepages"), "8\n");
    }

    @Test
    void bindsAPortThroughDriverctl() throws Exception {
        final Script prepared = prepare("", DEVICE);

        assertEquals(0, prepared.exitCode(), prepared.output());
        assertTrue(prepared.output().contains("would run: driverctl set-override " + DEVICE + " vfio-pci"),
                prepared.output());
    }

    @Test
    void takesAnAddressInCapitals() throws Exception {
        final Script prepared = prepare("", DEVICE.toUpperCase(Locale.ROOT));

        assertEquals(0, prepared.exitCode(), prepared.output());
        assertTrue(prepared.output().contains("driverctl set-override " + DEVICE + " vfio-pci"), prepared.output());
    }

    @Test
    void refusesTheInterfaceOfTheIpv4DefaultRoute() throws Exception {
        assertRefused(prepare("ip route add default via 203.0.113.254", DEVICE),
                DEVICE + " is up0, which carries the IPv4 default route");
    }

    @Test
    void refusesTheInterfaceOfTheIpv6DefaultRoute() throws Exception {
        assertRefused(prepare("ip -6 route add default via 2001:db8::fe", DEVICE),
                DEVICE + " is up0, which carries the IPv6 default route");
    }

    @Test
    void refusesOneLegOfAMultipathDefaultRoute() throws Exception {
        assertRefused(prepare("""
                ip addr add 192.0.2.1/24 dev up1
                ip route add default nexthop via 192.0.2.254 dev up1 nexthop via 203.0.113.254 dev up0
                """, DEVICE), DEVICE + " is up0, which carries the IPv4 default route");
    }

    @Test
    void refusesThePortBelowTheDefaultRoutesVlan() throws Exception {
        Files.createDirectories(sysfs.resolve("class/net/up0.7/lower_up0"));

        assertRefused(prepare("""
                ip link add up0.7 type veth
                ip addr add 192.0.2.1/24 dev up0.7
                ip link set up0.7 up
                ip route add default via 192.0.2.254 dev up0.7
                """, DEVICE), DEVICE + " is up0, which carries the IPv4 default route");
    }

    @Test
    void refusesTheInterfaceOfTheSshSession() throws Exception {
        assertRefused(prepare(SSH_SESSION, DEVICE),
                DEVICE + " is up0, which carries this SSH session (203.0.113.1)");
    }

    @Test
    void findsTheSshSessionBehindSudo() throws Exception {
        final String sudo = "bash -c '\"$@\"; exit' - env -u SSH_CONNECTION";

        assertRefused(prepareThrough(sudo, SSH_SESSION, DEVICE), DEVICE + " is up0, which carries this SSH session");
    }

    @Test
    void refusesThePortThatAVirtioDeviceHides() throws Exception {
        final Path virtio = Files.createDirectories(device(DEVICE).resolve("virtio2"));
        final Path link = sysfs.resolve("class/net/up0/device");
        Files.delete(link);
        Files.createSymbolicLink(link, virtio);

        assertRefused(prepare("ip route add default via 203.0.113.254", DEVICE), "carries the IPv4 default route");
    }

    @Test
    void checksEveryPortBeforeItTouchesTheFirst() throws Exception {
        addDevice("0000:8a:00.1", "ice", "0x020000", "free0");

        final Script refused = prepare("ip route add default via 203.0.113.254", "0000:8a:00.1", DEVICE);

        assertRefused(refused, DEVICE + " is up0");
        assertFalse(refused.output().contains("would run"), refused.output());
    }

    @Test
    void leavesMellanoxPortsOnTheirKernelDriver() throws Exception {
        addDevice("0000:c1:00.0", "mlx5_core", "0x020000", "free0");

        final Script prepared = prepare("", "0000:c1:00.0");

        assertEquals(0, prepared.exitCode(), prepared.output());
        assertTrue(prepared.output().contains("0000:c1:00.0 stays on mlx5_core"), prepared.output());
        assertFalse(prepared.output().contains("would run"), prepared.output());
    }

    @Test
    void leavesABoundPortAlone() throws Exception {
        addDevice("0000:8a:00.1", "vfio-pci", "0x020000", "free0");
        Files.writeString(device("0000:8a:00.1").resolve("driver_override"), "vfio-pci\n");

        final Script prepared = prepare("", "0000:8a:00.1");

        assertEquals(0, prepared.exitCode(), prepared.output());
        assertFalse(prepared.output().contains("would run"), prepared.output());
    }

    @Test
    void tellsTheMendWhereThereIsNoIommu() throws Exception {
        Files.delete(device(DEVICE).resolve("iommu_group"));

        final Script refused = prepare("", DEVICE);
        assertRefused(refused, "Fix: switch VT-d or AMD-Vi on");
        // vfio is loaded at boot, and what modprobe is told has no effect on a module that is there.
        assertRefused(refused, "echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode; "
                + "echo 'options vfio enable_unsafe_noiommu_mode=1' > /etc/modprobe.d/culvert-noiommu.conf");

        final Path parameters = Files.createDirectories(sysfs.resolve("module/vfio/parameters"));
        Files.writeString(parameters.resolve("enable_unsafe_noiommu_mode"), "Y\n");
        assertEquals(0, prepare("", DEVICE).exitCode());
    }

    @Test
    void raisesHugePagesAndNeverLowersThem() throws Exception {
        final Script more = prepare("", "--pages", "64");
        final Script fewer = prepare("", "--pages", "4");

        assertAll(
                () -> assertTrue(more.output().contains("would run: write 64 "), more.output()),
                () -> assertEquals(0, fewer.exitCode(), fewer.output()),
                () -> assertFalse(fewer.output().contains("would run: write"), fewer.output()),
                () -> assertEquals("8\n", Files.readString(
                        sysfs.resolve("kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"))));
    }

    @Test
    void namesTheLineOfABadConfig() throws Exception {
        final Path config = sysfs.resolve("host.conf");
        Files.writeString(config, "# ports\ndevice " + DEVICE + " # edge\n\ndevise 0000:8a:00.1\n");

        final Script refused = prepare("", "--config", config.toString());

        assertEquals(2, refused.exitCode(), refused.output());
        assertTrue(refused.output().contains(config + ":4: unknown word 'devise'"), refused.output());
    }

    @Test
    void refusesAPortWhoseGroupTheKernelKeepsAPartOf() throws Exception {
        addDevice("0000:8a:00.1", "megaraid_sas", "0x010400", "free0");
        final Path members = Files.createDirectories(device(DEVICE).resolve("iommu_group/devices"));
        Files.createSymbolicLink(members.resolve(DEVICE), device(DEVICE));
        Files.createSymbolicLink(members.resolve("0000:8a:00.1"), device("0000:8a:00.1"));

        assertRefused(prepare("", DEVICE),
                DEVICE + " shares its IOMMU group with 0000:8a:00.1, which megaraid_sas drives");
    }

    @Test
    void takesAPortWithTheRestOfItsGroup() throws Exception {
        addDevice("0000:8a:00.1", "ice", "0x020000", "free0");
        addDevice("0000:80:01.0", "pcieport", "0x060400", "free1");
        final Path members = Files.createDirectories(device(DEVICE).resolve("iommu_group/devices"));
        for (final String member : List.of(DEVICE, "0000:8a:00.1", "0000:80:01.0")) {
            Files.createSymbolicLink(members.resolve(member), device(member));
        }

        final Script prepared = prepare("", DEVICE, "0000:8a:00.1");

        assertEquals(0, prepared.exitCode(), prepared.output());
    }

    /** As at boot, from a unit: no terminal, no SSH session, and no route yet. */
    @Test
    void takesNoNewPortWhileNothingTellsWhichOneTheHostNeeds() throws Exception {
        assertRefused(prepareForReal(DEVICE), "no default route now, so nothing tells whether " + DEVICE);
    }

    @Test
    void goesOnWithAPortThatItTookBefore() throws Exception {
        addDevice("0000:8a:00.1", "vfio-pci", "0x020000", "free0");
        Files.writeString(device("0000:8a:00.1").resolve("driver_override"), "vfio-pci\n");

        final Script prepared = prepareForReal("0000:8a:00.1");

        assertEquals(0, prepared.exitCode(), prepared.output());
    }

    @Test
    void refusesPagesThatAreNotTheKernelsDefault() throws Exception {
        final Path pages = Files.createDirectories(sysfs.resolve("kernel/mm/hugepages/hugepages-1048576kB"));
        Files.writeString(pages.resolve("nr_hugepages"), "2\n");

        assertRefused(prepare("", "--pages", "2", "--page-size", "1G"), "boot with default_hugepagesz=1G");
    }

    @Test
    void refusesAPortAtANodeWithoutPages() throws Exception {
        addDevice("0000:8a:00.1", "vfio-pci", "0x020000", "free0");
        Files.writeString(device("0000:8a:00.1").resolve("driver_override"), "vfio-pci\n");
        Files.writeString(device("0000:8a:00.1").resolve("numa_node"), "1\n");
        final Path pages = Files.createDirectories(
                sysfs.resolve("devices/system/node/node1/hugepages/hugepages-2048kB"));
        Files.writeString(pages.resolve("nr_hugepages"), "0\n");

        assertRefused(prepareForReal("0000:8a:00.1", "--pages", "8"), "0000:8a:00.1 is at NUMA node 1, which has none");
    }

    private void assertRefused(final Script script, final String reason) {
        assertAll(
                () -> assertEquals(1, script.exitCode(), script.output()),
                () -> assertTrue(script.output().contains(reason), script.output()),
                () -> assertTrue(script.output().contains("Fix: "), script.output()));
    }

    private Path device(final String address) {
        return sysfs.resolve("bus/pci/devices").resolve(address);
    }

    private void addDevice(final String address, final String driver, final String pciClass, final String net)
            throws IOException {
        final Path device = Files.createDirectories(device(address));
        Files.writeString(device.resolve("class"), pciClass + "\n");
        Files.createSymbolicLink(device.resolve("iommu_group"),
                Files.createDirectories(sysfs.resolve("kernel/iommu_groups/7")));
        Files.createSymbolicLink(device.resolve("driver"),
                Files.createDirectories(sysfs.resolve("bus/pci/drivers").resolve(driver)));
        Files.createSymbolicLink(Files.createDirectories(sysfs.resolve("class/net").resolve(net)).resolve("device"),
                device);
    }

    private Script prepare(final String setup, final String... arguments) throws Exception {
        return prepareThrough("", setup, arguments);
    }

    /** Not a dry run, on the made-up /sys; nothing but what lies there and in this test's namespaces is changed. */
    private Script prepareForReal(final String... arguments) throws Exception {
        final String command = String.join(" ",
                Script.checkout().resolve("deploy/host/culvert-host-prepare").toString(),
                "--sysfs", sysfs.toString(), String.join(" ", arguments));
        final Path driverctl = sysfs.resolve("bin/driverctl");
        Files.createDirectories(driverctl.getParent());
        Files.writeString(driverctl, "#!/bin/sh\n");
        Files.setPosixFilePermissions(driverctl, PosixFilePermissions.fromString("rwxr-xr-x"));
        // The shells around the test may be an SSH session's; a host that boots has none.
        return Script.run(Map.of("SSH_CONNECTION", "", "PATH", driverctl.getParent() + ":" + System.getenv("PATH")),
                List.of("unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc",
                        "bash", "-ec", NETWORK + command));
    }

    private Script prepareThrough(final String wrapper, final String setup, final String... arguments)
            throws Exception {
        final String command = String.join(" ", wrapper,
                Script.checkout().resolve("deploy/host/culvert-host-prepare").toString(),
                "--dry-run", "--sysfs", sysfs.toString(), String.join(" ", arguments));
        return Script.run(Map.of("SSH_CONNECTION", ""),
                List.of("unshare", "--map-root-user", "--net", "bash", "-ec", NETWORK + setup + "\n" + command));
    }
}
