// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The name of a Prometheus series, taken apart: {@code metric{label="value",...}}. No value holds a quote. */
public record Series(String metric, Map<String, String> labels) {
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"([^\"]*)\"");

    public static Series parse(final String name) {
        final int brace = name.indexOf('{');
        if (brace < 0) {
            return new Series(name, Map.of());
        }
        final Map<String, String> labels = new LinkedHashMap<>();
        final Matcher matcher = LABEL.matcher(name).region(brace, name.length());
        while (matcher.find()) {
            labels.put(matcher.group(1), matcher.group(2));
        }
        return new Series(name.substring(0, brace), labels);
    }

    /** The name of the series of a metric with one label. */
    public static String of(final String metric, final String label, final String value) {
        return metric + "{" + label + "=\"" + value + "\"}";
    }

    /** The name of the series of a metric with two labels. */
    public static String of(final String metric, final String label1, final String value1,
                            final String label2, final String value2) {
        return metric + "{" + label1 + "=\"" + value1 + "\"," + label2 + "=\"" + value2 + "\"}";
    }
}
