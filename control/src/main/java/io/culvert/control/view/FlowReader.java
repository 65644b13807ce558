// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.wire.IpAddress;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;

/**
 * Walks the sessions of all workers in their mapped tables. The workers notice nothing: a session that opens or closes
 * under the walk is seen whole or not at all. Memory does not grow with the table.
 */
public final class FlowReader {
    private final List<FlowFile> tables;
    private final List<String> rules;
    private final MemorySegment forward;
    private final MemorySegment reply;
    private final MemorySegment both;

    /** @param rules their names, by the index that entries carry; {@link Counters#rules} */
    public FlowReader(final List<FlowFile> tables, final List<String> rules) {
        this.tables = List.copyOf(tables);
        this.rules = List.copyOf(rules);
        this.both = Arena.ofAuto().allocate(FlowFile.COPY_LENGTH, Long.BYTES);
        this.forward = both.asSlice(0, FlowEntry.LENGTH);
        this.reply = both.asSlice(FlowEntry.LENGTH, FlowEntry.LENGTH);
    }

    /** How many sessions the tables can hold. */
    public long capacity() {
        return tables.stream().mapToLong(FlowFile::capacity).sum();
    }

    /** Shows each live session once, worker by worker, in the order of the slots. One thread at a time. */
    public void forEach(final Consumer<Session> visitor) {
        for (int worker = 0; worker < tables.size(); worker++) {
            final FlowFile table = tables.get(worker);
            final int end = Math.min(table.highWater(), table.capacity());
            for (int slot = 0; slot < end; slot++) {
                if (table.readSession(slot, both)) {
                    visitor.accept(session(table, worker, slot));
                }
            }
        }
    }

    private Session session(final FlowFile table, final int worker, final int slot) {
        final long nowMs = table.nowMs();
        final long seen = FlowEntry.keyLo(forward);
        final int seenPorts = FlowEntry.ports(forward);
        final long sent = FlowEntry.newAddresses(forward);
        final int sentPorts = FlowEntry.newPorts(forward);
        final IpAddress client = FlowFile.client(both);
        return new Session((long) slot * tables.size() + worker, worker, ruleName(FlowEntry.rule(forward)),
                client, port(seenPorts),
                table.address((int) (seen >>> Integer.SIZE)), port(seenPorts >>> Short.SIZE),
                (int) sent == (int) seen ? client : table.address((int) sent), port(sentPorts),
                table.address((int) (sent >>> Integer.SIZE)), port(sentPorts >>> Short.SIZE),
                FlowEntry.packets(forward), FlowEntry.bytes(forward),
                FlowEntry.packets(reply), FlowEntry.bytes(reply),
                Math.min(sinceMs(FlowEntry.lastSeenMs(forward), nowMs), sinceMs(FlowEntry.lastSeenMs(reply), nowMs)),
                sinceMs(FlowEntry.openedMs(forward), nowMs));
    }

    /** What happened after the worker last published its clock happens now. */
    private static long sinceMs(final long thenMs, final long nowMs) {
        return Math.max(0, nowMs - thenMs);
    }

    private static int port(final int wireOrder) {
        return Short.toUnsignedInt(Short.reverseBytes((short) wireOrder));
    }

    private String ruleName(final int rule) {
        return rule < rules.size() ? rules.get(rule) : "#" + rule;
    }
}
