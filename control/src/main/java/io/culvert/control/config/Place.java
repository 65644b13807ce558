// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.Comparator;
import java.util.Optional;
import org.snakeyaml.engine.v2.exceptions.Mark;

/** Where in the file something stands; the first line is 1 and the first column is 1. */
record Place(int line, int column) implements Comparable<Place> {
    static final Place START = new Place(1, 1);
    private static final Comparator<Place> ORDER =
            Comparator.comparingInt(Place::line).thenComparingInt(Place::column);

    static Place of(final Optional<Mark> mark) {
        return mark.map(at -> new Place(at.getLine() + 1, at.getColumn() + 1)).orElse(START);
    }

    @Override
    public int compareTo(final Place other) {
        return ORDER.compare(this, other);
    }
}
