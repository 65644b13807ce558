// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.layout;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import io.culvert.bindings.ffi.culvert_field;
import io.culvert.bindings.ffi.culvert_port_conf;
import io.culvert.bindings.ffi.culvert_port_info;
import io.culvert.bindings.ffi.culvert_port_stats;
import io.culvert.bindings.ffi.rte_mbuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Compares every offset that Java reads in place with the one the C compiler used for {@code libculvert.so}, and
 * refuses to start on a difference: a wrong offset would corrupt packets in silence.
 */
public final class LayoutCheck {
    /** Where a field lies, in bytes; a struct itself lies at 0 with its own size. */
    public record Field(long offset, long size) { }

    static {
        NativeLibrary.load();
    }

    /** @throws IllegalStateException that lists each difference */
    public static void run() {
        final List<String> differences = differences(javaLayout(), nativeLayout());
        if (!differences.isEmpty()) {
            throw new IllegalStateException("Java and libculvert.so disagree on layouts: "
                    + String.join("; ", differences) + ". Fix: rebuild native/ and bindings/ against one DPDK");
        }
    }

    /** The fields that differ, or are known to C only: each as a sentence. */
    static List<String> differences(final Map<String, Field> java, final Map<String, Field> c) {
        final List<String> differences = new ArrayList<>();
        c.forEach((name, field) -> {
            if (!field.equals(java.get(name))) {
                differences.add(name + " is " + field + " in C and " + java.get(name) + " in Java");
            }
        });
        return differences;
    }

    /** As {@code libculvert.so} was compiled. */
    static Map<String, Field> nativeLayout() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            final MemorySegment first = Dpdk.culvert_layout(count);
            final long fields = count.get(ValueLayout.JAVA_INT, 0);
            final MemorySegment table = first.reinterpret(fields * culvert_field.sizeof());
            final Map<String, Field> layout = new LinkedHashMap<>();
            for (long i = 0; i < fields; i++) {
                final MemorySegment field = culvert_field.asSlice(table, i);
                layout.put(culvert_field.name(field).getString(0),
                        new Field(culvert_field.offset(field), culvert_field.size(field)));
            }
            return layout;
        }
    }

    /** As jextract read the headers. */
    static Map<String, Field> javaLayout() {
        final Map<String, Field> layout = new LinkedHashMap<>();
        layout.put("rte_mbuf", new Field(0, rte_mbuf.sizeof()));
        layout.put("rte_mbuf.buf_addr", new Field(rte_mbuf.buf_addr$offset(), Long.BYTES));
        layout.put("rte_mbuf.data_off", new Field(rte_mbuf.data_off$offset(), Short.BYTES));
        layout.put("rte_mbuf.refcnt", new Field(rte_mbuf.refcnt$offset(), Short.BYTES));
        layout.put("rte_mbuf.nb_segs", new Field(rte_mbuf.nb_segs$offset(), Short.BYTES));
        layout.put("rte_mbuf.port", new Field(rte_mbuf.port$offset(), Short.BYTES));
        layout.put("rte_mbuf.ol_flags", new Field(rte_mbuf.ol_flags$offset(), Long.BYTES));
        layout.put("rte_mbuf.packet_type", new Field(rte_mbuf.packet_type$offset(), Integer.BYTES));
        layout.put("rte_mbuf.pkt_len", new Field(rte_mbuf.pkt_len$offset(), Integer.BYTES));
        layout.put("rte_mbuf.data_len", new Field(rte_mbuf.data_len$offset(), Short.BYTES));
        layout.put("rte_mbuf.vlan_tci", new Field(rte_mbuf.vlan_tci$offset(), Short.BYTES));
        layout.put("rte_mbuf.buf_len", new Field(rte_mbuf.buf_len$offset(), Short.BYTES));
        layout.put("rte_mbuf.pool", new Field(rte_mbuf.pool$offset(), Long.BYTES));
        layout.put("rte_mbuf.next", new Field(rte_mbuf.next$offset(), Long.BYTES));
        layout.put("culvert_port_info", new Field(0, culvert_port_info.sizeof()));
        layout.put("culvert_port_info.mac", new Field(culvert_port_info.mac$offset(), 6));
        layout.put("culvert_port_info.numa_socket",
                new Field(culvert_port_info.numa_socket$offset(), Integer.BYTES));
        layout.put("culvert_port_info.rss_offloads", new Field(culvert_port_info.rss_offloads$offset(), Long.BYTES));
        layout.put("culvert_port_conf", new Field(0, culvert_port_conf.sizeof()));
        layout.put("culvert_port_conf.mtu", new Field(culvert_port_conf.mtu$offset(), Short.BYTES));
        layout.put("culvert_port_conf.promiscuous", new Field(culvert_port_conf.promiscuous$offset(), 1));
        layout.put("culvert_port_stats", new Field(0, culvert_port_stats.sizeof()));
        layout.put("culvert_port_stats.rx_nombuf", new Field(culvert_port_stats.rx_nombuf$offset(), Long.BYTES));
        return layout;
    }

    private LayoutCheck() { }
}
