// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The section {@code workers}: which cores poll. */
final class WorkersReader {
    private static final List<String> KEYS = List.of("cores", "count", "poll");
    private static final String EXAMPLE = "workers: { cores: [2, 3] } or workers: { cores: auto, count: 2 }";
    /** RTE_MAX_LCORE of Debian's DPDK. */
    private static final int WORKERS_LIMIT = 128;
    private static final int CORE_HIGHEST = 1023;
    private static final Pattern BARE_NUMBER = Pattern.compile("[0-9]+");
    private static final Pattern CORES = Pattern.compile("[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*");
    private static final Pattern CORE_RANGE = Pattern.compile("([0-9]+)(?:-([0-9]+))?");

    private WorkersReader() {
    }

    static WorkersConfig read(final Section file, final Problems problems) {
        final Optional<Section> workers =
                file.node("workers").flatMap(node -> Section.ofKeys(node, "workers", EXAMPLE, KEYS, problems));
        final List<Integer> cores = workers.map(WorkersReader::readCores).orElse(List.of());
        final Optional<Located<Integer>> count =
                workers.flatMap(section -> section.value("count", Values.integer(1, WORKERS_LIMIT)));
        if (count.isPresent() && !cores.isEmpty()) {
            workers.get().problem(count.get().place(), "count goes with cores: auto only; " + cores.size()
                    + " cores are named. Fix: remove count, or write cores: auto");
        }
        final WorkersConfig.Poll poll = workers.flatMap(section -> section.value("poll", WorkersReader::poll))
                .map(Located::value).orElse(WorkersConfig.Poll.ADAPTIVE);
        return new WorkersConfig(
                cores, cores.isEmpty() ? count.map(Located::value).orElse(1) : cores.size(), poll);
    }

    private static List<Integer> readCores(final Section workers) {
        if (workers.says("cores", "auto")) {
            return List.of();
        }
        if (!workers.isList("cores")) {
            return workers.value("cores", WorkersReader::cores).map(Located::value).orElse(List.of());
        }
        final List<Integer> cores = new ArrayList<>();
        for (final Located<Integer> core : workers.list("cores", false, Values.integer(0, CORE_HIGHEST))) {
            if (cores.contains(core.value())) {
                workers.problem(core.place(), "core " + core.value()
                        + " is named twice; two workers on one core starve each other. Fix: name it once");
            } else {
                cores.add(core.value());
            }
        }
        if (cores.size() > WORKERS_LIMIT) {
            workers.problem(workers.place(), "more than " + WORKERS_LIMIT + " cores. Fix: name fewer");
        }
        return List.copyOf(cores);
    }

    /** {@code 2-5} or {@code 2,4-7}, as taskset writes it. */
    private static List<Integer> cores(final String text) {
        if (BARE_NUMBER.matcher(text).matches()) {
            throw new IllegalArgumentException(Quote.of(text) + " can mean core " + text + " or " + text
                    + " cores. Fix: write cores: [" + text + "] for the one, or cores: auto, count: " + text
                    + " for the other");
        }
        final String spaceless = text.replace(" ", "");
        if (!CORES.matcher(spaceless).matches()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " does not name cores. Fix: write auto, [2, 3] or \"2-5\"");
        }
        final List<Integer> cores = new ArrayList<>();
        final Matcher range = CORE_RANGE.matcher(spaceless);
        while (range.find()) {
            final int first = Integer.parseInt(range.group(1));
            final int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
            if (first > last || last > CORE_HIGHEST) {
                throw new IllegalArgumentException(Quote.of(text)
                        + " runs backwards or beyond core " + CORE_HIGHEST + ". Fix: write lowest-highest");
            }
            IntStream.rangeClosed(first, last).forEach(cores::add);
        }
        if (cores.size() > WORKERS_LIMIT || cores.stream().distinct().count() < cores.size()) {
            throw new IllegalArgumentException(Quote.of(text) + " names a core twice, or more than " + WORKERS_LIMIT
                    + " cores. Fix: name each core once");
        }
        return List.copyOf(cores);
    }

    private static WorkersConfig.Poll poll(final String text) {
        return WorkersConfig.Poll.valueOf(
                Values.oneOf(text, List.of("adaptive", "busy")).toUpperCase(Locale.ROOT));
    }
}
