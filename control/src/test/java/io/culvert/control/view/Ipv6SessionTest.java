// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.wire.IpAddress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class Ipv6SessionTest {
    private static final List<IpAddress> PLAN =
            List.of(ip("2001:db8::1"), ip("2001:db8:1::1"), ip("2001:db8:1::17"));

    private final Arena arena = Arena.ofShared();
    private final FlowFile file = FlowFile.inMemory(4, PLAN.size() + 4, arena);
    private final FlowTable table = new FlowTable(file);
    private final AddressBook book = table.addressBook(PLAN);

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void aReaderSeesTheAddressesBehindTheNumbers() {
        open("2001:db8:5::7", 40_000);
        final Session session = sessions().getFirst();
        assertEquals(ip("2001:db8:5::7"), session.clientAddress());
        assertEquals(PLAN, List.of(session.listenAddress(), session.externalAddress(), session.targetAddress()));
    }

    @Test
    void everyFormOfOutputWritesThemAsRfc5952Says() {
        open("2001:db8:5::7", 40_000);
        assertTrue(printed(out -> new SessionTable(out, List.of("six"), false)).contains(
                "[2001:db8:5::7]:40000  [2001:db8::1]:9000     -> [2001:db8:1::17]:5004  [2001:db8:1::1]:40000"));
        assertTrue(printed(SessionConntrack::new).contains(
                " src=2001:db8:5::7 dst=2001:db8::1 sport=40000 dport=9000 packets=0 bytes=0 [UNREPLIED]"
                        + " src=2001:db8:1::17 dst=2001:db8:1::1 sport=5004 dport=40000 "));
        assertTrue(printed(SessionJson::lines).contains(
                "\"client\":{\"address\":\"2001:db8:5::7\",\"port\":40000}"));
    }

    @Test
    void filtersMatchAddressesNetworksAndPorts() {
        final IpAddress address = ip("2001:db8:5::7");
        for (final String matching : new String[] {"2001:db8:5::7", "[2001:db8:5::7]:53", "2001:db8:5::/48", "::/0"}) {
            assertTrue(AddressFilter.parse(matching).matches(address, 53), matching);
        }
        for (final String other : new String[] {
            "2001:db8:5::8", "[2001:db8:5::7]:54", "2001:db8:6::/48", "0.0.0.0/0"}) {
            assertFalse(AddressFilter.parse(other).matches(address, 53), other);
        }
        assertFalse(AddressFilter.parse("::/0").matches(ip("192.0.2.1"), 53));
        for (final String malformed : new String[] {"2001:db8:5::7/129", "[::1]:x", "2001:db8:5"}) {
            assertThrows(IllegalArgumentException.class, () -> AddressFilter.parse(malformed), malformed);
        }
    }

    @Test
    void sessionsAreOrderedByAddressWithIpv4First() {
        open("2001:db8:5::ff", 1);
        open("2001:db8:5::7", 2);
        final int four = table.take();
        RelayFixture.open(table, four, 0, RelayFixture.endpoint("203.0.113.9:3"), RelayFixture.endpoint("10.0.0.1:9"),
                RelayFixture.endpoint("10.0.0.2:9"), RelayFixture.endpoint("10.0.0.3:9"), 0);
        assertEquals(List.of("203.0.113.9", "2001:db8:5::7", "2001:db8:5::ff"), sessions().stream()
                .sorted(SessionOrder.parse("client")).map(session -> session.clientAddress().toString()).toList());
    }

    private void open(final String client, final int port) {
        final IpAddress address = ip(client);
        RelayFixture.open(table, table.take(), 0,
                RelayFixture.endpoint(book.acquire(address.high(), address.low()), port),
                RelayFixture.endpoint(AddressBook.number(0), 9_000), RelayFixture.endpoint(AddressBook.number(1), port),
                RelayFixture.endpoint(AddressBook.number(2), 5_004), 0);
    }

    private List<Session> sessions() {
        final List<Session> sessions = new ArrayList<>();
        new FlowReader(List.of(file), List.of("six")).forEach(sessions::add);
        return sessions;
    }

    private String printed(final Function<Output, SessionPrinter> printer) {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            final SessionPrinter form = printer.apply(out);
            sessions().forEach(form::print);
        }
        return text.toString();
    }

    private static IpAddress ip(final String text) {
        return IpAddress.of(InetAddress.ofLiteral(text));
    }
}
