// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Bar charts as SVG text: readable on a light and on a dark page, no script, no font of its own. */
final class SvgChart {
    private static final int WIDTH = 860;
    private static final int LEFT = 120;
    private static final int RIGHT = 90;
    private static final int TOP = 70;
    private static final int ROW = 44;
    private static final int BAR = 28;
    private static final int LEGEND = 40;
    private static final int FOOT = 24;
    private static final int LEGEND_STEP = 140;
    private static final int SWATCH = 12;
    /** Told apart also by those who do not see all colours (Okabe and Ito). */
    static final List<String> COLORS =
            List.of("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00");

    /** @param values by row, then by part */
    static String stackedBars(final String title, final String subtitle, final String footnote,
                              final List<String> rows, final List<String> parts, final double[][] values) {
        final double longest = Arrays.stream(values).mapToDouble(row -> Arrays.stream(row).sum()).max().orElse(1);
        final double scale = (WIDTH - LEFT - RIGHT) / longest;
        final int height = TOP + ROW * rows.size() + LEGEND + FOOT;
        final StringBuilder svg = new StringBuilder(4_096);
        begin(svg, WIDTH, height, title, subtitle, footnote);
        for (int row = 0; row < rows.size(); row++) {
            final double y = TOP + (double) row * ROW;
            text(svg, LEFT - 10, y + BAR * 0.65, "text-anchor=\"end\"", rows.get(row));
            double x = LEFT;
            for (int part = 0; part < parts.size(); part++) {
                final double width = values[row][part] * scale;
                svg.append(String.format(Locale.ROOT, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
                        + "fill=\"%s\"><title>%s: %.2f</title></rect>%n", x, y, width, BAR,
                        COLORS.get(part % COLORS.size()), escaped(parts.get(part)), values[row][part]));
                x += width;
            }
            text(svg, x + 8, y + BAR * 0.65, "", String.format(Locale.ROOT, "%.1f", Arrays.stream(values[row]).sum()));
        }
        for (int part = 0; part < parts.size() && parts.size() > 1; part++) {
            final int x = LEFT + part * LEGEND_STEP;
            svg.append(String.format(Locale.ROOT, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>%n",
                    x, height - FOOT - LEGEND + 10, SWATCH, SWATCH, COLORS.get(part % COLORS.size())));
            text(svg, x + SWATCH + 6.0, height - FOOT - LEGEND + 21.0, "", parts.get(part));
        }
        return svg.append("</svg>\n").toString();
    }

    /** The page with its own ground, so that a viewer's ground does not matter. */
    static void begin(final StringBuilder svg, final int width, final int height, final String title,
                      final String subtitle, final String footnote) {
        svg.append(String.format(Locale.ROOT, """
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %1$d %2$d" font-family="sans-serif" font-size="13">
                <style>.ground { fill: #fff } text { fill: #222 } @media (prefers-color-scheme: dark) {
                .ground { fill: #161b22 } text { fill: #ddd } }</style>
                <rect class="ground" width="%1$d" height="%2$d" rx="6"/>
                """, width, height));
        text(svg, 10, 24, "font-size=\"17\"", title);
        text(svg, 10, 48, "", subtitle);
        text(svg, 10, height - 8.0, "font-size=\"11\"", footnote);
    }

    static void text(final StringBuilder svg, final double x, final double y, final String attributes,
                             final String text) {
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>%n", x, y, attributes,
                escaped(text)));
    }

    private static String escaped(final String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private SvgChart() { }
}
