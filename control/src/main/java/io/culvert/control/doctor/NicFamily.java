// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What is known of the NICs that a relay may meet, by the kernel module that would drive one: a device on vfio-pci is
 * still recognised by the kernel's table of aliases. {@code docs/nics.md} is the same table with its sources; a test
 * holds the two together.
 */
public enum NicFamily {
    IXGBE("ixgbe", "net_ixgbe", 16, Replies.STEERED),
    IXGBE_VF("ixgbevf", "net_ixgbe_vf", 4, Replies.HANDED),
    I40E("i40e", "net_i40e", 64, Replies.STEERED),
    IAVF("iavf", "net_iavf", 16, Replies.STEERED),
    ICE("ice", "net_ice", 128, Replies.STEERED),
    IGB("igb", "net_e1000_igb", 8, Replies.STEERED),
    E1000E("e1000e", "net_e1000_em", 1, Replies.ONE_QUEUE),
    MLX5("mlx5_core", "mlx5_pci", 128, Replies.STEERED),
    BNXT("bnxt_en", "net_bnxt", 128, Replies.STEERED),
    ENA("ena", "net_ena", 128, Replies.STEERED),
    GVE("gve", "net_gve", 128, Replies.HANDED),
    VIRTIO("virtio_pci", "net_virtio", 128, Replies.IF_OFFERED),
    VMXNET3("vmxnet3", "net_vmxnet3", 8, Replies.HANDED);

    /** How a reply comes to the worker that owns its session. */
    public enum Replies {
        /** The NIC hashes UDP with a key and a table that can be read: external ports are chosen for it. */
        STEERED,
        /** As STEERED where the hypervisor offers RSS, else as HANDED. */
        IF_OFFERED,
        /** The NIC spreads, and does not say how: a worker hands the packet over. */
        HANDED,
        /** One queue, one worker. */
        ONE_QUEUE
    }

    private final String module;
    private final String driver;
    private final int queues;
    private final Replies replies;

    NicFamily(final String module, final String driver, final int queues, final Replies replies) {
        this.module = module;
        this.driver = driver;
        this.queues = queues;
        this.replies = replies;
    }

    /** DPDK's name of its driver. */
    public String driver() {
        return driver;
    }

    /** The most workers that its queues serve, as far as this program uses them. */
    public int queues() {
        return queues;
    }

    public Replies replies() {
        return replies;
    }

    /** @param address e.g. {@code 0000:8a:00.0} @return empty for a NIC that is not in the table */
    public static Optional<NicFamily> ofHost(final String address) {
        try {
            final String release = Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
            return of(Files.readString(Path.of("/sys/bus/pci/devices", address, "modalias")).strip(),
                    Path.of("/lib/modules", release, "modules.alias"));
        } catch (final IOException e) {
            return Optional.empty();
        }
    }

    /** @param alias the device's, as in its {@code modalias} @param table the kernel's: "alias PATTERN MODULE" lines */
    static Optional<NicFamily> of(final String alias, final Path table) throws IOException {
        try (Stream<String> lines = Files.lines(table)) {
            final List<String> modules = lines.filter(line -> line.startsWith("alias pci:"))
                    .map(line -> line.split(" "))
                    .filter(words -> words.length == 3 && matches(words[1], alias)).map(words -> words[2]).toList();
            return Arrays.stream(values()).filter(family -> modules.contains(family.module)).findFirst();
        }
    }

    private static boolean matches(final String pattern, final String alias) {
        return Pattern.matches(Pattern.quote(pattern).replace("*", "\\E.*\\Q"), alias);
    }
}
