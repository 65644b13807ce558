// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** UDP ports from low to high, both included. Written {@code 9000} or {@code 9000-9099}. */
public record PortRange(int low, int high) {
    private static final Pattern FORM = Pattern.compile("([0-9]{1,9})(?:-([0-9]{1,9}))?");
    private static final Pattern IPTABLES_FORM = Pattern.compile("([0-9]+):([0-9]+)");
    private static final int HIGHEST = 65_535;

    public PortRange {
        if (low < 1 || high > HIGHEST || low > high) {
            throw new IllegalArgumentException("ports " + low + "-" + high);
        }
    }

    /** @throws IllegalArgumentException whose message opens with the quoted text and ends with the mend */
    public static PortRange parse(final String text) {
        final Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            final Matcher iptables = IPTABLES_FORM.matcher(text);
            throw new IllegalArgumentException(Quote.of(text) + " is not a port or a port range. Fix: write "
                    + (iptables.matches() ? iptables.group(1) + "-" + iptables.group(2) : "9000 or 9000-9099"));
        }
        final int low = Integer.parseInt(form.group(1));
        final int high = form.group(2) == null ? low : Integer.parseInt(form.group(2));
        if (low < 1 || low > HIGHEST || high < 1 || high > HIGHEST) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is outside the UDP ports. Fix: use 1 to " + HIGHEST);
        }
        if (low > high) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " runs backwards. Fix: write " + high + "-" + low);
        }
        return new PortRange(low, high);
    }

    public int length() {
        return high - low + 1;
    }

    public boolean contains(final int port) {
        return low <= port && port <= high;
    }

    public boolean overlaps(final PortRange other) {
        return low <= other.high && other.low <= high;
    }

    @Override
    public String toString() {
        return low == high ? Integer.toString(low) : low + "-" + high;
    }
}
