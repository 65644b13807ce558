// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

/** Shows a user's text in a message: short, on one line, and with nothing in it that a terminal would obey. */
final class Quote {
    private static final int LENGTH_LIMIT = 60;

    private Quote() {
    }

    static String of(final String text) {
        final boolean cut = text.length() > LENGTH_LIMIT;
        final String shown = cut ? text.substring(0, LENGTH_LIMIT) : text;
        final StringBuilder quoted = new StringBuilder("\"");
        shown.chars().forEach(c -> quoted.append(Character.isISOControl(c) ? '?' : (char) c));
        return quoted.append(cut ? "...\"" : "\"").toString();
    }
}
