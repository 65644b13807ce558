// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/** The orders that sessions can be listed in. Equal sessions keep the order of their ids, so a listing is stable. */
public final class SessionOrder {
    private static final Comparator<Session> BY_ID = Comparator.comparingLong(Session::id);

    private static final Map<String, Comparator<Session>> ORDERS = new TreeMap<>(Map.ofEntries(
            Map.entry("id", BY_ID),
            Map.entry("rule", Comparator.comparing(Session::rule)),
            Map.entry("client", endpoints(Session::clientAddress, Session::clientPort)),
            Map.entry("listen", endpoints(Session::listenAddress, Session::listenPort)),
            Map.entry("target", endpoints(Session::targetAddress, Session::targetPort)),
            Map.entry("snat", endpoints(Session::externalAddress, Session::externalPort)),
            Map.entry("packets", Comparator.comparingLong(Session::packets)),
            Map.entry("bytes", Comparator.comparingLong(Session::bytes)),
            Map.entry("idle", Comparator.comparingLong(Session::idleMs)),
            Map.entry("age", Comparator.comparingLong(Session::ageMs)),
            Map.entry("state", Comparator.comparing(Session::state))));

    /**
     * @param key a key, or {@code -key} for the largest first
     * @throws IllegalArgumentException that lists the keys when it is none
     */
    public static Comparator<Session> parse(final String key) {
        final boolean descending = key.startsWith("-");
        final Comparator<Session> order = ORDERS.get(key.substring(descending ? 1 : 0).toLowerCase(Locale.ROOT));
        if (order == null) {
            throw new IllegalArgumentException("'" + key + "' is none of "
                    + String.join(", ", ORDERS.keySet()) + " (-KEY: largest first)");
        }
        return (descending ? order.reversed() : order).thenComparing(BY_ID);
    }

    /** IPv4 before IPv6, each in its own order. */
    private static Comparator<Session> endpoints(final Function<Session, IpAddress> address,
                                                 final ToIntFunction<Session> port) {
        return Comparator.comparing(address, Comparator.comparing((IpAddress ip) -> !ip.isIpv4())
                .thenComparing(IpAddress::high, SessionOrder::inWireOrder)
                .thenComparing(IpAddress::low, SessionOrder::inWireOrder)).thenComparingInt(port);
    }

    private static int inWireOrder(final long a, final long b) {
        return Long.compareUnsigned(Long.reverseBytes(a), Long.reverseBytes(b));
    }

    private SessionOrder() { }
}
