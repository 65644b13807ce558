// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;

/** Falling curves over two logarithmic axes as SVG text, on the same page as {@link SvgChart}. */
final class SvgCurves {
    private static final int WIDTH = 860;
    private static final int HEIGHT = 470;
    private static final int LEFT = 90;
    private static final int RIGHT = 30;
    private static final int TOP = 70;
    private static final int BOTTOM = 80;
    /** From 0.1 to 100,000 and from 0.01 to 10 million. */
    private static final int X_FIRST = -1;
    private static final int X_LAST = 5;
    private static final int Y_FIRST = -2;
    private static final int Y_LAST = 7;
    private static final int STEPS_PER_DECADE = 40;
    private static final int LEGEND_STEP = 140;

    /** @param value of a point on the x axis; what is 0 is not drawn */
    record Curve(String name, DoubleUnaryOperator value) { }

    static String draw(final String title, final String subtitle, final String footnote, final String xLabel,
                       final String yLabel, final List<Curve> curves) {
        final StringBuilder svg = new StringBuilder(8_192);
        SvgChart.begin(svg, WIDTH, HEIGHT, title, subtitle, footnote);
        for (int x = X_FIRST; x <= X_LAST; x++) {
            line(svg, x(x), y(Y_FIRST), x(x), y(Y_LAST));
            SvgChart.text(svg, x(x), y(Y_FIRST) + 18, "text-anchor=\"middle\"", power(x));
        }
        for (int y = Y_FIRST; y <= Y_LAST; y++) {
            line(svg, x(X_FIRST), y(y), x(X_LAST), y(y));
            SvgChart.text(svg, LEFT - 8.0, y(y) + 4, "text-anchor=\"end\"", power(y));
        }
        SvgChart.text(svg, x(X_LAST), y(Y_FIRST) + 38, "text-anchor=\"end\"", xLabel);
        SvgChart.text(svg, x(X_FIRST) + 6, y(Y_LAST) + 16, "", yLabel);
        for (int index = 0; index < curves.size(); index++) {
            final String color = SvgChart.COLORS.get(index);
            svg.append(String.format(Locale.ROOT,
                    "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2.5\" points=\"%s\"/>%n",
                    color, points(curves.get(index).value())));
            final int x = LEFT + index * LEGEND_STEP;
            svg.append(String.format(Locale.ROOT, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/>%n",
                    x, HEIGHT - 52, color));
            SvgChart.text(svg, x + 18.0, HEIGHT - 41.0, "", curves.get(index).name());
        }
        return svg.append("</svg>\n").toString();
    }

    private static String points(final DoubleUnaryOperator value) {
        final StringBuilder points = new StringBuilder();
        for (int step = 0; step <= (X_LAST - X_FIRST) * STEPS_PER_DECADE; step++) {
            final double x = X_FIRST + (double) step / STEPS_PER_DECADE;
            final double y = Math.log10(value.applyAsDouble(Math.pow(10, x)));
            if (y >= Y_FIRST) {
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x(x), y(Math.min(y, Y_LAST))));
            }
        }
        return points.toString().strip();
    }

    private static double x(final double exponent) {
        return LEFT + (exponent - X_FIRST) / (X_LAST - X_FIRST) * (WIDTH - LEFT - RIGHT);
    }

    private static double y(final double exponent) {
        return HEIGHT - BOTTOM - (exponent - Y_FIRST) / (Y_LAST - Y_FIRST) * (HEIGHT - TOP - BOTTOM);
    }

    private static void line(final StringBuilder svg, final double x1, final double y1, final double x2,
                             final double y2) {
        svg.append(String.format(Locale.ROOT, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
                + "stroke=\"#888\" stroke-opacity=\"0.4\"/>%n", x1, y1, x2, y2));
    }

    private static String power(final int exponent) {
        return exponent < 0 ? String.format(Locale.ROOT, "%." + -exponent + "f", Math.pow(10, exponent))
                : String.format(Locale.ROOT, "%,d", (long) Math.pow(10, exponent));
    }

    private SvgCurves() { }
}
