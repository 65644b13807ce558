// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.Locale;

/** What the packets of a benchmark are. */
public enum Mix {
    /** Every packet belongs to an open session; as many go forward as back. */
    ESTABLISHED,
    /** The same of packets that do not forbid fragments, each of which gets an IP id (RFC 6864 section 5.3.1). */
    FRAGMENTABLE,
    /** Every packet is the first of a new session; between the measured laps all sessions end. */
    NEW,
    /** Half the packets are addressed to another MAC, half to a port where nobody listens. */
    DROP,
    /** Echo requests to the relay's own addresses, which it answers. */
    ICMP,
    /** First packets of sessions that cannot be opened: {@link Refusal} says why. Walked by Java alone. */
    REFUSED;

    /** As people write it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
