// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.bindings.libc.SocketAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class SourcesTest {
    @Test
    void countsTheDistinctPortsOfEachAddress() {
        final Sources sources = new Sources();
        final Sources.Lens first = sources.new Lens();
        final Sources.Lens second = sources.new Lens();
        for (final int port : new int[] {0, 63, 64, 40_000, 65_535, 64}) {
            first.add(SocketAddress.of(0xC0000207, port));
            second.add(SocketAddress.of(0xC0000207, port));
        }
        second.add(SocketAddress.of(0x0A000001, 5_004));
        assertEquals(
                List.of(new EchoReport.Source("10.0.0.1", 1, 5_004, 5_004),
                        new EchoReport.Source("192.0.2.7", 5, 0, 65_535)),
                sources.list());
    }

    @Test
    void keepsAddressesApartThatShareASlotOfTheLens() {
        final Sources sources = new Sources();
        final Sources.Lens lens = sources.new Lens();
        for (int round = 0; round < 2; round++) {
            for (int host = 0; host < 1_000; host++) {
                lens.add(SocketAddress.of(0x0A000000 + host, 1 + host));
            }
        }
        final List<EchoReport.Source> list = sources.list();
        assertEquals(1_000, list.size());
        for (int host = 0; host < 1_000; host++) {
            assertEquals(1 + host, list.get(host).lowestPort());
            assertEquals(1, list.get(host).ports());
        }
    }

    @Test
    void listsNoMoreAddressesThanItsLimit() {
        final Sources sources = new Sources();
        final Sources.Lens lens = sources.new Lens();
        for (int host = 0; host < 10_000; host++) {
            lens.add(SocketAddress.of(0x0A000000 + host, 1));
        }
        assertEquals(4_096, sources.list().size());
    }
}
