// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.layout.LayoutCheck.Field;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LayoutCheckTest {
    @Test
    void javaOffsetsEqualDpdkOffsets() {
        LayoutCheck.run();
        assertEquals(LayoutCheck.nativeLayout(), LayoutCheck.javaLayout());
        assertTrue(LayoutCheck.nativeLayout().containsKey("rte_mbuf.data_off"), "the table is not empty");
    }

    @Test
    void eachSingleWrongEntryIsRefused() {
        final Map<String, Field> right = LayoutCheck.nativeLayout();
        assertEquals(List.of(), LayoutCheck.differences(LayoutCheck.javaLayout(), right));
        right.forEach((name, field) -> {
            refuses(name, new Field(field.offset() + 1, field.size()));
            refuses(name, new Field(field.offset(), field.size() * 2));
        });
    }

    @Test
    void aFieldThatJavaDoesNotKnowIsRefused() {
        final Map<String, Field> java = LayoutCheck.javaLayout();
        java.remove("rte_mbuf.data_len");
        assertOnly("rte_mbuf.data_len", LayoutCheck.differences(java, LayoutCheck.nativeLayout()));
    }

    @Test
    void theLibrarysReleaseIsThatOfItsHeaders() {
        assertEquals(Eal.version(), Eal.builtOn());
    }

    private static void refuses(final String name, final Field wrong) {
        final Map<String, Field> other = new LinkedHashMap<>(LayoutCheck.nativeLayout());
        other.put(name, wrong);
        assertOnly(name, LayoutCheck.differences(LayoutCheck.javaLayout(), other));
    }

    private static void assertOnly(final String name, final List<String> differences) {
        assertEquals(1, differences.size(), differences.toString());
        assertTrue(differences.getFirst().startsWith(name + " is "), differences.getFirst());
    }
}
