// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.TestEal;
import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.ffi.Dpdk;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PortTest {
    private static final int BUFFERS = 4_095;
    private static final int BURST = 32;
    private static final int RING = 1_023;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment mbufs = arena.allocate(JAVA_LONG, BURST);
    private Mempool pool;

    @BeforeAll
    static void init() {
        TestEal.init();
    }

    @BeforeEach
    void open() {
        pool = Mempool.create("ports", BUFFERS, 2_176, -1);
    }

    @AfterEach
    void close() {
        assertEquals(BUFFERS, pool.available(), "every buffer is back");
        pool.close();
        arena.close();
    }

    @Test
    void aRingGivesBackWhatItTookAndCountsIt() {
        try (Port port = Port.open("net_ring0")) {
            assertEquals("net_ring", port.driver());
            port.start(1, 512, 0, pool);
            final TxQueue tx = port.txQueue(0);
            final RxQueue rx = port.rxQueue(0);
            assertEquals(0, rx.receive(mbufs, BURST));
            fill(BURST, 60);
            final long first = mbufs.getAtIndex(JAVA_LONG, 0);
            assertEquals(BURST, tx.transmit(mbufs, BURST));
            mbufs.fill((byte) 0);
            assertEquals(BURST - 1, rx.receive(mbufs, BURST - 1), "no more than asked for");
            assertEquals(first, mbufs.getAtIndex(JAVA_LONG, 0), "in the same order");
            Mempool.free(mbufs, BURST - 1);
            assertEquals(1, rx.receive(mbufs, BURST));
            assertEquals(60, Mbuf.dataLength(Mbuf.view(mbufs.getAtIndex(JAVA_LONG, 0))));
            Mempool.free(mbufs, 1);
            assertEquals(BURST, port.stats().sentPackets());
            assertEquals(BURST, port.stats().receivedPackets());
        }
    }

    /** net_null spreads nothing, but keeps what it is told. */
    @Test
    void aPortSaysHowItSpreadsPacketsOverItsQueues() {
        final byte[] key = new byte[Port.RSS_KEY_LIMIT];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (i * 7 + 200);
        }
        try (Port port = Port.open("net_null0")) {
            port.start(3, 512, 0, key, pool);
            final Rss rss = port.rss().orElseThrow();
            assertArrayEquals(Arrays.copyOf(key, 40), rss.key());
            assertArrayEquals(IntStream.range(0, 128).map(i -> i % 3).toArray(), rss.reta());
            assertTrue(rss.hashesIpv4Udp() && rss.hashesIpv6Udp());
        }
        try (Port port = Port.open("net_ring0")) {
            port.start(3, 512, 0, key, pool);
            assertTrue(port.rss().isEmpty(), "net_ring knows nothing of it");
        }
    }

    @Test
    void aVirtualDeviceThatIsNoPortIsRemovedAgain() {
        final DpdkException refused = assertThrows(DpdkException.class, () -> Port.open("crypto_null0,socket_id=0"));
        assertEquals("rte_eth_dev_get_port_by_name", refused.function());
        assertTrue(Dpdk.rte_eal_hotplug_remove(arena.allocateFrom("vdev"), arena.allocateFrom("crypto_null0")) < 0,
                "nothing is left to remove");
    }

    @Test
    void aFullRingTakesWhatFitsAndLeavesTheRestToItsOwner() {
        try (Port port = Port.open("net_ring0")) {
            port.start(1, 512, 0, pool);
            int taken = 0;
            int offered = 0;
            while (taken == offered) {
                fill(BURST, 60);
                taken += port.txQueue(0).transmit(mbufs, BURST);
                offered += BURST;
            }
            assertEquals(RING, taken);
            Mempool.free(mbufs.asSlice((long) (BURST - offered + taken) * Long.BYTES), offered - taken);
            for (int count = BURST; count > 0;) {
                count = port.rxQueue(0).receive(mbufs, BURST);
                Mempool.free(mbufs, count);
            }
        }
    }

    @Test
    void aNullPortMakesPacketsAndSwallowsThem() {
        try (Port port = Port.open("net_null0,size=100")) {
            assertEquals("net_null", port.driver());
            port.start(1, 512, 0, pool);
            assertEquals(BURST, port.rxQueue(0).receive(mbufs, BURST));
            assertEquals(100, Mbuf.packetLength(Mbuf.view(mbufs.getAtIndex(JAVA_LONG, 0))));
            assertEquals(BURST, port.txQueue(0).transmit(mbufs, BURST));
            assertEquals(BURST, port.stats().receivedPackets());
            assertEquals(BURST, port.stats().sentPackets());
        }
    }

    @Test
    void aClosedPortCanBeOpenedAgain() {
        for (int i = 0; i < 5; i++) {
            try (Port port = Port.open("net_ring0")) {
                port.start(1, 512, 0, pool);
                assertEquals(0, port.stats().sentPackets(), "a new port counts from zero");
                fill(1, 60);
                assertEquals(1, port.txQueue(0).transmit(mbufs, 1));
                assertEquals(1, port.rxQueue(0).receive(mbufs, BURST));
                Mempool.free(mbufs, 1);
            }
        }
    }

    @Test
    void severalPortsAndQueuesAreApart() {
        try (Port first = Port.open("net_ring0"); Port second = Port.open("net_ring1")) {
            first.start(2, 512, 0, pool);
            second.start(1, 512, 0, pool);
            fill(1, 60);
            first.txQueue(1).transmit(mbufs, 1);
            assertEquals(0, first.rxQueue(0).receive(mbufs, BURST));
            assertEquals(0, second.rxQueue(0).receive(mbufs, BURST));
            assertEquals(1, first.rxQueue(1).receive(mbufs, BURST));
            Mempool.free(mbufs, 1);
        }
    }

    @Test
    void tellsWhatADeviceIs() {
        try (Port port = Port.open("net_null0")) {
            final PortInfo info = port.info();
            assertTrue(info.maxRxQueues() >= 1 && info.maxTxQueues() >= 1, info.toString());
            assertTrue(info.mac() != 0 && (info.mac() & 1) == 0, "the MAC address is a station's: " + info);
            assertEquals("net_null0", port.device());
        }
    }

    @Test
    void aDriverThatDoesNotExistIsNamed() {
        refuses("net_nonsense0", "rte_eal_hotplug_add");
    }

    @Test
    void aDeviceThatDoesNotExistIsNamed() {
        refuses("0000:fe:1f.7", "rte_eth_dev_get_port_by_name");
    }

    @Test
    void aWrongArgumentIsRefusedByTheDriver() {
        refuses("net_pcap0,rx_pcap=/nowhere/at-all.pcap", "rte_eal_hotplug_add");
        refuses("net_null0,nonsense=1", "rte_eal_hotplug_add");
        Port.open("net_null0").close();
    }

    @Test
    void aDeviceThatIsOpenIsNotOpenedTwice() {
        try (Port port = Port.open("net_null0")) {
            refuses("net_null0", "rte_eal_hotplug_add");
            assertEquals("net_null", port.info().driver(), "the first is not harmed");
        }
    }

    @Test
    void moreQueuesThanThereAreAreRefusedByTheFunctionThatSaysSo() {
        try (Port port = Port.open("net_ring0")) {
            final int tooMany = port.info().maxRxQueues() + 1;
            final DpdkException refusal =
                    assertThrows(DpdkException.class, () -> port.start(tooMany, 512, 0, pool));
            assertEquals("rte_eth_dev_configure", refusal.function());
            assertTrue(refusal.getMessage().contains("net_ring0"), refusal.getMessage());
        }
    }

    @Test
    void tellsPciAddressesFromVirtualDevices() {
        assertFalse(Port.isVirtual("0000:8a:00.0"));
        assertFalse(Port.isVirtual("8a:00.1"));
        assertFalse(Port.isVirtual("0000:8a:00.0,some=argument"));
        assertTrue(Port.isVirtual("net_tap0"));
        assertTrue(Port.isVirtual("net_af_xdp0,iface=veth0"));
        assertTrue(Port.isVirtual("0000:8a:00.8"), "there is no function 8");
    }

    private static void refuses(final String device, final String function) {
        final DpdkException refusal = assertThrows(DpdkException.class, () -> Port.open(device));
        assertEquals(function, refusal.function());
        assertTrue(refusal.getMessage().contains(device.split(",")[0]), refusal.getMessage());
        // net_pcap gives no reason for a file that it cannot open.
        final String reason = refusal.errno() == 1 ? "failed without a reason" : "(errno " + refusal.errno() + ")";
        assertTrue(refusal.errno() > 0 && refusal.getMessage().contains(reason), refusal.getMessage());
    }

    private void fill(final int count, final int length) {
        assertTrue(pool.allocate(mbufs, count));
        for (int i = 0; i < count; i++) {
            Mbuf.setLength(mbufs.getAtIndex(JAVA_LONG, i), length);
        }
    }
}
