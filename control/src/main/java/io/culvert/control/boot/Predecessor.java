// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.instance.Instance;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.host.NeighborFile;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Adoption;
import io.culvert.dataplane.nat.Adoption.Fate;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.worker.Clock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What the process that had this instance before left of it, however it ended: its counters, and its flow tables if
 * this process can go on with them. If not, it says why; nothing is given up in silence.
 */
final class Predecessor implements AutoCloseable {
    /** EAL measures the clock anew each time, to the nearest 10 MHz. A host that was moved differs by more. */
    private static final double HZ_TOLERANCE = 0.01;
    private static final Duration JUST_NOW = Duration.ofMinutes(1);

    private final Instance instance;
    private final Arena arena = Arena.ofShared();
    private final Optional<CounterFile> counters;
    private final MemorySegment neighbors;
    private final List<FlowFile> tables = new ArrayList<>();
    /** Whose they are, and which addresses they number: noted before anything of theirs changes. */
    private final List<FlowFile.Owner> owners = new ArrayList<>();
    private final List<long[]> addresses = new ArrayList<>();
    private final boolean leftTables;
    private final Optional<String> obstacle;

    Predecessor(final Instance instance, final int workers, final Clock clock) throws IOException {
        this.instance = instance;
        this.neighbors = NeighborFile.read(instance.neighborsFile(), arena);
        this.counters = readCounters();
        this.leftTables = Files.exists(instance.flowsFile(0), LinkOption.NOFOLLOW_LINKS);
        this.obstacle = openTables(workers, clock);
    }

    /** Whether a process was here a moment ago, so that its streams wait for this one. */
    static boolean hasJustLeft(final Instance instance) {
        try (Arena look = Arena.ofConfined()) {
            return System.currentTimeMillis() - CounterFile.read(instance.countersFile(), look).heartbeatMs()
                    < JUST_NOW.toMillis();
        } catch (final IOException e) {
            return false;
        }
    }

    private Optional<CounterFile> readCounters() {
        try {
            return Files.exists(instance.countersFile())
                    ? Optional.of(CounterFile.read(instance.countersFile(), arena)) : Optional.empty();
        } catch (final IOException e) {
            return Optional.empty();
        }
    }

    /** All or none. @return why not */
    private Optional<String> openTables(final int workers, final Clock clock) {
        try (Arena trial = Arena.ofShared()) {
            if (!Files.exists(instance.flowsFile(0))) {
                return Optional.of("it left no flow table");
            }
            for (int worker = 0; worker < workers; worker++) {
                final Path path = instance.flowsFile(worker);
                final FlowFile table = FlowFile.attach(path, trial);
                final FlowFile.Owner owner = table.owner();
                if (owner.workers() != workers) {
                    return Optional.of("it had " + count(owner.workers(), "worker") + ", and this has " + workers);
                }
                if (Math.abs(owner.hz() - clock.hz()) > HZ_TOLERANCE * clock.hz()) {
                    return Optional.of("its clock ran at " + owner.hz() + " Hz, and runs at " + clock.hz() + " Hz now");
                }
                if (clock.at(owner.hz()).nowMs() - table.nowMs() < 0) {
                    return Optional.of("its clock is ahead of this one's");
                }
            }
            for (int worker = 0; worker < workers; worker++) {
                final FlowFile table = FlowFile.attach(instance.flowsFile(worker), arena);
                tables.add(table);
                owners.add(table.owner());
                addresses.add(table.copyAddresses());
            }
            return Optional.empty();
        } catch (final IOException e) {
            tables.clear();
            return Optional.of(e.getMessage());
        }
    }

    Optional<CounterFile> counters() {
        return counters;
    }

    /** Its tables, one of each worker, to go on with; empty when there is none or they do not fit. */
    List<FlowFile> tables() {
        return tables;
    }

    /** Whether this process can go on with the tables themselves, which are as large as its own would be. */
    boolean hasTablesFor(final int sessions, final int addresses) {
        return !tables.isEmpty() && tables.stream().allMatch(
                table -> table.capacity() == sessions && table.addressCapacity() == addresses);
    }

    /** The clock whose milliseconds its entries are in. */
    Clock clock(final Clock own) {
        return tables.isEmpty() ? own : own.at(owners.getFirst().hz());
    }

    /** The key under which its packets were spread over the workers; empty when its sessions do not go on. */
    Optional<byte[]> spreadKey() {
        return tables.isEmpty() ? Optional.empty() : Optional.of(owners.getFirst().spreadKey());
    }

    /** What the numbers in a worker's table stand for now. */
    Adoption.Numbers numbers(final int worker, final FlowFile.Owner now) {
        final FlowFile.Owner before = owners.get(worker);
        return new Adoption.Numbers(indices(before.rules(), now.rules()), indices(before.ports(), now.ports()),
                addresses.get(worker));
    }

    /** What it knew of next hops, for those that are referenced by now. */
    void remindOf(final Neighbors table, final FlowFile.Owner now) {
        table.recall(neighbors, indices(owners.getFirst().ports(), now.ports()));
    }

    private static int[] indices(final long[] before, final long[] now) {
        final Map<Long, Integer> places = new HashMap<>();
        for (int place = 0; place < now.length; place++) {
            places.put(now[place], place);
        }
        return Arrays.stream(before).mapToInt(fingerprint -> places.getOrDefault(fingerprint, -1)).toArray();
    }

    /** How many sessions its tables hold, as far as they can be read. */
    long sessions() {
        long sessions = 0;
        try (Arena trial = Arena.ofConfined()) {
            final MemorySegment copy = trial.allocate(FlowFile.COPY_LENGTH, Long.BYTES);
            for (int worker = 0; Files.exists(instance.flowsFile(worker)); worker++) {
                final FlowFile table = FlowFile.read(instance.flowsFile(worker), trial);
                for (int session = 0; session < Math.min(table.highWater(), table.capacity()); session++) {
                    sessions += table.readSession(session, copy) ? 1 : 0;
                }
            }
        } catch (final IOException e) {
            // Of another layout: then nobody can count them.
        }
        return sessions;
    }

    /** The line for the log when its sessions cannot go on; empty when there was no predecessor. */
    Optional<String> farewell() {
        if (counters.isEmpty() && !leftTables) {
            return Optional.empty();
        }
        return obstacle.map(why -> "starts without the sessions of its predecessor" + pid() + ": " + why + "; "
                + count(sessions(), "session") + " ended, counters "
                + (counters.isPresent() ? "go on" : "start at 0"));
    }

    /** The line for the log when they go on. */
    String welcome(final List<Adoption.Outcome> outcomes) {
        final int kept = outcomes.stream().mapToInt(outcome -> outcome.count(Fate.KEPT)).sum();
        int ended = 0;
        final List<String> causes = new ArrayList<>();
        for (final Fate fate : Fate.values()) {
            final int met = outcomes.stream().mapToInt(outcome -> outcome.count(fate)).sum();
            if (fate != Fate.KEPT && met > 0) {
                ended += met;
                causes.add(met + " " + fate.name().toLowerCase(Locale.ROOT).replace('_', ' '));
            }
        }
        return "goes on with its predecessor's sessions" + pid() + ": " + kept + " kept, " + ended + " ended"
                + causes.stream().collect(Collectors.joining(", ", causes.isEmpty() ? "" : " (",
                causes.isEmpty() ? "" : ")"));
    }

    private String pid() {
        return counters.map(file -> " (process " + file.pid() + ")").orElse("");
    }

    private static String count(final long number, final String what) {
        return number + " " + what + (number == 1 ? "" : "s");
    }

    /** Its tables are of no use any more after this. A second time it does nothing. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
