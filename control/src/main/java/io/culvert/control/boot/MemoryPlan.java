// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.ethdev.Port;
import io.culvert.control.Failure;
import io.culvert.control.config.MemoryConfig.Huge;
import io.culvert.control.config.PortConfig;
import io.culvert.control.config.RelayConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * How much memory the relay takes and of which kind: settled before EAL starts, because EAL cannot change its mind.
 *
 * @param buffers packet buffers of the mempool
 * @param dataRoom bytes of one, headroom included
 * @param descriptors of each queue
 * @param megabytes that EAL reserves
 */
public record MemoryPlan(boolean huge, HugePages pages, int buffers, int dataRoom, int descriptors, int megabytes) {
    /** RTE_PKTMBUF_HEADROOM. */
    private static final int HEADROOM = 128;
    private static final int DEFAULT_DATA_ROOM = 2_048;
    /** Ethernet header, two VLAN tags, FCS. */
    private static final int FRAME_OVERHEAD = 26;
    /** A ring this deep covers a stall of half a millisecond at 8 Mpps. */
    private static final int HARDWARE_DESCRIPTORS = 4_096;
    /**
     * As many as the AF_XDP driver's fill ring holds. A receive ring of fewer runs over earlier, and the driver does
     * not count that: DPDK reads rx_dropped, the kernel counts a full ring apart from it.
     */
    private static final int VIRTUAL_DESCRIPTORS = 2_048;
    /** mbuf header, mempool object header and trailer. */
    private static final int BUFFER_OVERHEAD = 256;
    private static final int SMALL_PAGE_BYTES = 4_096;
    /** Waiting packets and fragments, core caches, packets on the walk. */
    private static final int BUFFERS_PER_WORKER = 3_072;
    /** What drivers and EAL itself allocate beside the buffers. */
    private static final int EAL_MEGABYTES = 64;
    /** Drivers that fill rings of their own (AF_XDP) need some thousands of buffers whatever the descriptors. */
    private static final int BUFFERS_PER_QUEUE_MIN = 8_192;

    public static MemoryPlan of(final RelayConfig config) {
        final boolean physical = config.ports().stream().anyMatch(port -> !Port.isVirtual(port.device()));
        final int descriptors = physical ? HARDWARE_DESCRIPTORS : VIRTUAL_DESCRIPTORS;
        final int queues = config.ports().size() * config.workers().count();
        final int buffers = queues * Math.max(2 * descriptors, BUFFERS_PER_QUEUE_MIN)
                + config.workers().count() * BUFFERS_PER_WORKER - 1;
        final int mtu = config.ports().stream().mapToInt(port -> port.mtu().orElse(0)).max().orElse(0);
        final int dataRoom = HEADROOM + Math.max(DEFAULT_DATA_ROOM, mtu + FRAME_OVERHEAD);
        final HugePages pages = HugePages.ofHost();
        final int bufferBytes = dataRoom + BUFFER_OVERHEAD;
        final int onHugePages = megabytes(config, buffers, bufferBytes);
        final boolean huge = huge(config, pages, onHugePages);
        final int megabytes = huge ? onHugePages : megabytes(config, buffers, bytesOnSmallPages(bufferBytes));
        return new MemoryPlan(huge, pages, buffers, dataRoom, descriptors, megabytes);
    }

    /** As configured, or what the buffers take. */
    private static int megabytes(final RelayConfig config, final int buffers, final int bufferBytes) {
        return config.memory().megabytes() > 0 ? config.memory().megabytes()
                : (int) ((long) buffers * bufferBytes >> 20) + EAL_MEGABYTES;
    }

    /** A mempool lays no buffer across the end of a page: on small ones a buffer of 2,432 bytes takes a whole page. */
    private static int bytesOnSmallPages(final int bufferBytes) {
        return bufferBytes <= SMALL_PAGE_BYTES ? SMALL_PAGE_BYTES / (SMALL_PAGE_BYTES / bufferBytes)
                : (bufferBytes + SMALL_PAGE_BYTES - 1) / SMALL_PAGE_BYTES * SMALL_PAGE_BYTES;
    }

    /** EAL's command line. */
    public List<String> ealArguments(final RelayConfig config, final int mainCpu) {
        final List<String> arguments = new ArrayList<>(List.of(
                "-l", Integer.toString(mainCpu), "--file-prefix", "culvert-" + config.instance(),
                "--no-telemetry", "--log-level", "warning"));
        if (huge) {
            // Nothing of EAL's is left behind in hugetlbfs, and no second process can attach to it.
            arguments.add("--in-memory");
        } else {
            arguments.addAll(List.of("--no-huge", "--no-shconf", "-m", Integer.toString(megabytes)));
        }
        final List<String> pci = config.ports().stream().map(PortConfig::device)
                .filter(device -> !Port.isVirtual(device)).toList();
        pci.forEach(device -> arguments.addAll(List.of("-a", device)));
        if (pci.isEmpty()) {
            arguments.add("--no-pci");
        }
        return arguments;
    }

    private static boolean huge(final RelayConfig config, final HugePages pages, final int megabytes) {
        final boolean available = pages.canHold((long) megabytes << 20);
        if (config.memory().huge() == Huge.TRUE && !available) {
            throw new Failure(Failure.FAILED, "memory: { huge: true } needs " + megabytes + " MiB of huge pages and "
                    + (pages.free() * pages.pageBytes() >> 20) + " MiB are free" + (pages.mount().isPresent() ? ""
                    : ", and no hugetlbfs is mounted") + ". Fix: run culvert-host-prepare, or set memory: "
                    + "{ huge: false }");
        }
        return available && config.memory().huge() != Huge.FALSE;
    }
}
