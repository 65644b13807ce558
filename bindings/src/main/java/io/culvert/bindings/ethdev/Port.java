// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.ffi.Dpdk;
import io.culvert.bindings.ffi.culvert_port_conf;
import io.culvert.bindings.ffi.culvert_port_info;
import io.culvert.bindings.ffi.culvert_port_rss;
import io.culvert.bindings.ffi.culvert_port_stats;
import io.culvert.bindings.mempool.Mempool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/** An Ethernet device of DPDK: physical (by PCI address) or virtual (by a vdev string such as {@code net_tap0}). */
public final class Port implements AutoCloseable {
    /**
     * Drivers whose bursts never block and make no system call: their downcalls are linked critical, which saves the
     * thread-state transition. A blocking call through a critical handle would stop every safepoint, so a driver that
     * is not listed gets the normal handle.
     */
    private static final Set<String> NEVER_BLOCKING = Set.of(
            "net_ice", "net_i40e", "net_iavf", "net_ixgbe", "net_ixgbe_vf", "net_e1000_igb", "net_e1000_em", "net_igc",
            "mlx5_pci", "mlx5_auxiliary", "net_mlx4", "net_bnxt", "net_ena", "net_vmxnet3", "net_memif", "net_ring",
            "net_null");

    /** As many bytes as any driver's key has. */
    public static final int RSS_KEY_LIMIT = Dpdk.CULVERT_RSS_KEY_LIMIT();
    /** The function that a {@link DpdkException} names when the host takes the port's device away. */
    public static final String REMOVAL = "RTE_DEV_EVENT_REMOVE";

    private static final int EEXIST = 17;

    static {
        NativeLibrary.load();
    }

    private final String device;
    private final short id;
    private final String driver;

    private Port(final String device, final short id) {
        this.device = device;
        this.id = id;
        this.driver = info().driver();
    }

    /**
     * Finds a PCI device that EAL probed, or creates the virtual device.
     *
     * @param device {@code 0000:8a:00.0}, or {@code name,key=value,...} of a vdev
     * @throws DpdkException when the device is not there or its driver refuses the arguments
     */
    public static Port open(final String device) {
        if (!isVirtual(device)) {
            return find(device);
        }
        plug(device);
        try {
            return find(device);
        } catch (final DpdkException e) {
            unplug(device);
            throw e;
        }
    }

    private static void plug(final String device) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment name = arena.allocateFrom(name(device));
            // EAL takes a device that is there already for success, and then two owners would close one port.
            if (Dpdk.rte_eth_dev_get_port_by_name(name, arena.allocate(ValueLayout.JAVA_SHORT)) == 0) {
                throw new DpdkException("rte_eal_hotplug_add", device, EEXIST);
            }
            final String arguments = device.substring(Math.min(name(device).length() + 1, device.length()));
            final int added = Dpdk.rte_eal_hotplug_add(
                    arena.allocateFrom("vdev"), name, arena.allocateFrom(arguments));
            if (added != 0) {
                throw new DpdkException("rte_eal_hotplug_add", device, added);
            }
        }
    }

    private static Port find(final String device) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment id = arena.allocate(ValueLayout.JAVA_SHORT);
            final int found = Dpdk.rte_eth_dev_get_port_by_name(arena.allocateFrom(name(device)), id);
            if (found != 0) {
                throw new DpdkException("rte_eth_dev_get_port_by_name", name(device), found);
            }
            return new Port(device, id.get(ValueLayout.JAVA_SHORT, 0));
        }
    }

    private static void unplug(final String device) {
        try (Arena arena = Arena.ofConfined()) {
            Dpdk.rte_eal_hotplug_remove(arena.allocateFrom("vdev"), arena.allocateFrom(name(device)));
        }
    }

    /** What stands before the first comma; arguments of the driver follow it. */
    private static String name(final String device) {
        return device.split(",", 2)[0];
    }

    /** Whether this names a virtual device: anything that is not a PCI address. */
    public static boolean isVirtual(final String device) {
        return !device.matches("([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](,.*)?");
    }

    public short id() {
        return id;
    }

    public String device() {
        return device;
    }

    public String driver() {
        return driver;
    }

    public PortInfo info() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment info = culvert_port_info.allocate(arena);
            check(Dpdk.culvert_port_info(id, info));
            long mac = 0;
            for (int i = 5; i >= 0; i--) {
                mac = mac << 8 | info.get(ValueLayout.JAVA_BYTE, culvert_port_info.mac$offset() + i) & 0xFF;
            }
            return new PortInfo(
                    info.asSlice(culvert_port_info.driver$offset()).getString(0),
                    mac,
                    culvert_port_info.link_up(info) != 0,
                    culvert_port_info.link_mbps(info),
                    culvert_port_info.numa_socket(info),
                    Short.toUnsignedInt(culvert_port_info.max_rx_queues(info)),
                    Short.toUnsignedInt(culvert_port_info.max_tx_queues(info)),
                    Short.toUnsignedInt(culvert_port_info.reta_size(info)),
                    Short.toUnsignedInt(culvert_port_info.max_mtu(info)),
                    culvert_port_info.rss_offloads(info));
        }
    }

    /** Bytes of the longest IP packet that the device sends, as its driver has it now. */
    public int mtu() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment mtu = arena.allocate(ValueLayout.JAVA_SHORT);
            final int code = Dpdk.rte_eth_dev_get_mtu(id, mtu);
            if (code != 0) {
                throw new DpdkException("rte_eth_dev_get_mtu", device, code);
            }
            return Short.toUnsignedInt(mtu.get(ValueLayout.JAVA_SHORT, 0));
        }
    }

    /** {@link #start(int, int, int, byte[], Mempool)}, spreading over several queues as the driver likes. */
    public void start(final int queues, final int descriptors, final int mtu, final Mempool pool) {
        start(queues, descriptors, mtu, new byte[0], pool);
    }

    /**
     * Configures {@code queues} receive and as many transmit queues and starts the port, promiscuous: which frames
     * are ours is decided by the walk, also for addresses that the device does not know.
     *
     * @param descriptors of each queue; the driver's own limits win
     * @param mtu bytes of an IP packet; 0 leaves what the device has
     * @param rssKey of the hash that spreads packets over several queues, {@link #RSS_KEY_LIMIT} bytes, of which the
     *     driver takes as many as it needs; empty for the driver's own
     */
    public void start(final int queues, final int descriptors, final int mtu, final byte[] rssKey,
                      final Mempool pool) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment conf = culvert_port_conf.allocate(arena);
            culvert_port_conf.rx_queues(conf, (short) queues);
            culvert_port_conf.tx_queues(conf, (short) queues);
            culvert_port_conf.rx_descriptors(conf, (short) descriptors);
            culvert_port_conf.tx_descriptors(conf, (short) descriptors);
            culvert_port_conf.mtu(conf, (short) mtu);
            culvert_port_conf.promiscuous(conf, (byte) 1);
            culvert_port_conf.rss_key_length(conf, (byte) rssKey.length);
            MemorySegment.copy(rssKey, 0, culvert_port_conf.rss_key(conf), ValueLayout.JAVA_BYTE, 0, rssKey.length);
            check(Dpdk.culvert_port_start(id, conf, pool.segment()));
        }
    }

    /** How the started port spreads packets over its queues, or nothing where its driver cannot say. */
    public Optional<Rss> rss() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment rss = culvert_port_rss.allocate(arena);
            check(Dpdk.culvert_port_rss(id, rss));
            if (culvert_port_rss.offloads(rss) == 0) {
                return Optional.empty();
            }
            final int[] reta = new int[Short.toUnsignedInt(culvert_port_rss.reta_size(rss))];
            Arrays.setAll(reta, i -> Short.toUnsignedInt(
                    culvert_port_rss.reta(rss).getAtIndex(ValueLayout.JAVA_SHORT, i)));
            final byte[] key = culvert_port_rss.key(rss).asSlice(0, culvert_port_rss.key_length(rss))
                    .toArray(ValueLayout.JAVA_BYTE);
            return Optional.of(new Rss(key, reta, culvert_port_rss.offloads(rss)));
        }
    }

    public RxQueue rxQueue(final int queue) {
        return rxQueue(queue, neverBlocks());
    }

    public TxQueue txQueue(final int queue) {
        return txQueue(queue, neverBlocks());
    }

    /** @param critical whether bursts go through critical downcalls; never for a driver that may block */
    public RxQueue rxQueue(final int queue, final boolean critical) {
        return new RxQueue(id, (short) queue, critical);
    }

    /** @param critical as for {@link #rxQueue(int, boolean)} */
    public TxQueue txQueue(final int queue, final boolean critical) {
        return new TxQueue(id, (short) queue, critical);
    }

    private boolean neverBlocks() {
        return NEVER_BLOCKING.contains(driver);
    }

    public PortStats stats() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment stats = culvert_port_stats.allocate(arena);
            check(Dpdk.culvert_port_stats(id, stats));
            return new PortStats(
                    culvert_port_stats.rx_packets(stats), culvert_port_stats.tx_packets(stats),
                    culvert_port_stats.rx_bytes(stats), culvert_port_stats.tx_bytes(stats),
                    culvert_port_stats.rx_missed(stats), culvert_port_stats.rx_errors(stats),
                    culvert_port_stats.tx_errors(stats), culvert_port_stats.rx_nombuf(stats));
        }
    }

    /** Stops the port, gives its buffers back and removes it if it is virtual. No queue may be in use. */
    @Override
    public void close() {
        Dpdk.rte_eth_dev_stop(id);
        Dpdk.rte_eth_dev_close(id);
        if (isVirtual(device)) {
            unplug(device);
        }
    }

    private void check(final int code) {
        if (code != 0) {
            throw DpdkException.ofShim(device, code);
        }
    }
}
