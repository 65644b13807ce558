// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.ArrayList;
import java.util.List;

/** A few lines in columns as wide as their widest cell. A column whose name ends with a blank is aligned left. */
final class TextTable {
    private static final String GAP = "  ";

    private final List<String> names;
    private final List<List<String>> rows = new ArrayList<>();

    TextTable(final String... names) {
        this.names = List.of(names);
    }

    TextTable row(final Object... cells) {
        rows.add(List.of(cells).stream().map(Object::toString).toList());
        return this;
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }

    void print(final Output out) {
        line(out, names.stream().map(String::strip).toList());
        rows.forEach(row -> line(out, row));
    }

    private void line(final Output out, final List<String> cells) {
        final StringBuilder line = new StringBuilder();
        for (int column = 0; column < cells.size(); column++) {
            final int at = column;
            final int width = rows.stream().mapToInt(row -> row.get(at).length())
                    .reduce(names.get(column).strip().length(), Math::max);
            final String blanks = " ".repeat(width - cells.get(column).length());
            final boolean left = names.get(column).endsWith(" ");
            line.append(column == 0 ? "" : GAP).append(left ? cells.get(column) + blanks : blanks + cells.get(column));
        }
        out.put(line.toString().stripTrailing()).endLine();
    }
}
