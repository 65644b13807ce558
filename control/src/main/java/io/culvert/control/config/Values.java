// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Parsers of the small values. All throw IllegalArgumentException: the quoted text, why not, and the mend. */
final class Values {
    private static final Pattern INTEGER = Pattern.compile("0|-?[1-9][0-9]{0,8}");
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,7})(s|m|h)");
    private static final Pattern UNITLESS = Pattern.compile("[0-9]+");
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofDays(7);

    private static final int NAME_LENGTH_LIMIT = 32;
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]*");
    private static final int RULE_NAME_LENGTH_LIMIT = 64;
    private static final Pattern RULE_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

    private Values() {
    }

    /** Of an instance or a port: part of file names and of DPDK's own names. */
    static String name(final String text) {
        return name(text, NAME, NAME_LENGTH_LIMIT, "lower-case letters, digits and -");
    }

    static String ruleName(final String text) {
        return name(text, RULE_NAME, RULE_NAME_LENGTH_LIMIT, "letters, digits, dot, _ and -");
    }

    private static String name(final String text, final Pattern form, final int lengthLimit, final String alphabet) {
        if (!form.matcher(text).matches() || text.length() > lengthLimit) {
            throw new IllegalArgumentException(Quote.of(text) + " is not a name. Fix: use at most " + lengthLimit
                    + " " + alphabet + ", starting with a letter or a digit");
        }
        return text;
    }

    static Function<String, Integer> integer(final int lowest, final int highest) {
        return text -> {
            final boolean isInteger = INTEGER.matcher(text).matches();
            if (!isInteger || Integer.parseInt(text) < lowest || Integer.parseInt(text) > highest) {
                throw new IllegalArgumentException(Quote.of(text)
                        + (isInteger ? " is out of range" : " is not a whole number in this range")
                        + ". Fix: use " + lowest + " to " + highest);
            }
            return Integer.parseInt(text);
        };
    }

    static int flows(final String text) {
        final int flows = integer(2, 33_554_432).apply(text);
        if (flows % 2 != 0) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is odd, and a session takes two flows. Fix: write " + (flows + 1));
        }
        return flows;
    }

    static String oneOf(final String text, final List<String> words) {
        if (!words.contains(text)) {
            throw new IllegalArgumentException(Quote.of(text) + " is not known here. Fix: use "
                    + String.join(" or ", words));
        }
        return text;
    }

    static Duration duration(final String text) {
        final Matcher form = DURATION.matcher(text);
        if (!form.matches()) {
            throw new IllegalArgumentException(Quote.of(text) + whyNotADuration(text));
        }
        final long count = Long.parseLong(form.group(1));
        final Duration duration = switch (form.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            default -> Duration.ofHours(count);
        };
        if (duration.compareTo(SHORTEST) < 0 || duration.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(Quote.of(text) + " is out of range. Fix: use 1s to 168h");
        }
        return duration;
    }

    private static String whyNotADuration(final String text) {
        if (UNITLESS.matcher(text).matches()) {
            return " has no unit. Fix: write " + text + "s if seconds are meant";
        }
        return text.endsWith("ms")
                ? " is finer than timeouts are kept. Fix: use whole seconds, like 1s"
                : " is not a duration. Fix: write a whole number and its unit: 300s, 5m or 2h";
    }
}
