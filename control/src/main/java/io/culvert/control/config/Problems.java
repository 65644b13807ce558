// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.Failure;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Every problem found in one file, so that the operator mends them all in one round. */
final class Problems {
    /** More than this says that the file is not a configuration at all. */
    private static final int SHOWN_LIMIT = 100;

    private record Problem(Place place, String message) {
    }

    private final String where;
    private final List<Problem> found = new ArrayList<>();

    Problems(final String where) {
        this.where = where;
    }

    void add(final Place place, final String message) {
        found.add(new Problem(place, message));
    }

    boolean isEmpty() {
        return found.isEmpty();
    }

    /** One line per problem, in file order. */
    Failure failure() {
        final Stream<String> lines = found.stream().sorted(Comparator.comparing(Problem::place)).distinct()
                .limit(SHOWN_LIMIT)
                .map(problem -> where + ":" + problem.place.line() + ":" + problem.place.column() + ": "
                        + problem.message);
        final String rest = found.size() > SHOWN_LIMIT
                ? "\n" + where + ": and " + (found.size() - SHOWN_LIMIT) + " more problems" : "";
        return new Failure(Failure.INVALID, lines.collect(Collectors.joining("\n")) + rest);
    }
}
