// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What testpmd says when forwarding stops.
 *
 * @param received packets that came back
 * @param sent packets that the wire took
 * @param refused packets that the wire did not take
 */
record TestpmdPort(long received, long sent, long refused) {
    private static final Pattern RATE = Pattern.compile("Rx-pps:\\s+(\\d+)");
    private static final Pattern FORWARDED = Pattern.compile(
            "Forward statistics for port \\d+ .*?RX-packets: (\\d+).*?TX-packets: (\\d+)\\s+TX-dropped: (\\d+)",
            Pattern.DOTALL);

    /** @param text that testpmd answers to {@code stop} */
    static TestpmdPort parse(final String text) {
        final Matcher matcher = found(FORWARDED, text);
        return new TestpmdPort(Long.parseLong(matcher.group(1)), Long.parseLong(matcher.group(2)),
                Long.parseLong(matcher.group(3)));
    }

    /**
     * @param text that testpmd answers to {@code show port stats}
     * @return packets received per second since the last such question
     */
    static long rate(final String text) {
        return Long.parseLong(found(RATE, text).group(1));
    }

    private static Matcher found(final Pattern pattern, final String text) {
        final Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new IllegalStateException("dpdk-testpmd answered in words that this program does not know: " + text);
        }
        return matcher;
    }

    /** The part of what was offered that the wire did not take: its ring was full. */
    double refusedShare() {
        return sent + refused == 0 ? 0 : (double) refused / (sent + refused);
    }

    /** The part of what the wire took that did not come back. What is on the way when forwarding stops counts too. */
    double lostShare() {
        return sent == 0 ? 0 : Math.max(0, (double) (sent - received) / sent);
    }
}
