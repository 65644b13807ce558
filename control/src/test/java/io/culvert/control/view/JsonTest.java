// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class JsonTest {
    private static String written(final Consumer<Json> writing) {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            writing.accept(new Json(out));
        }
        return text.toString();
    }

    @Test
    void nestsObjectsAndArrays() {
        assertEquals("{\"a\":[1,[],{}],\"b\":{\"c\":true}}", written(json -> json.beginObject()
                .name("a").beginArray().value(1).beginArray().endArray().beginObject().endObject().endArray()
                .name("b").beginObject().name("c").value(true).endObject().endObject()));
    }

    @Test
    void escapesWhatWouldEndTheStringOrTheLine() {
        final String hostile = "\"}],\\\n\t\u0000\u007f\u2028é\uD83D\uDE00</script>";
        final String text = written(json -> json.beginObject().name(hostile).value(hostile).endObject());
        assertEquals(Map.of(hostile, hostile), StrictJson.parse(text));
        assertEquals(0, text.chars().filter(character -> character < ' ' || character > '~').count());
    }

    @Test
    void writesEveryLongAndOnlyFiniteDoubles() {
        final String text = written(json -> json.beginArray().value(0).value(-1).value(Long.MAX_VALUE)
                .value(Long.MIN_VALUE).value(1.5).value(Double.NaN).value(Double.POSITIVE_INFINITY).endArray());
        assertEquals(Arrays.asList(0L, -1L, Long.MAX_VALUE, Long.MIN_VALUE, 1.5, null, null), StrictJson.parse(text));
    }

    @Test
    void staysWholeAcrossTheBuffersEnd() {
        final String part = "0123456789".repeat(7_000);
        final List<?> parts = (List<?>) StrictJson.parse(
                written(json -> json.beginArray().value(part).value(7).value(part).endArray()));
        assertEquals(List.of(part, 7L, part), parts);
    }

    @Test
    void isJudgedByAParserThatRefusesWhatIsNotJson() {
        for (final String wrong : List.of("{\"a\":1,}", "[1 2]", "{a:1}", "[01]", "[1]]",
                "\"\n\"", "{\"a\":1,\"a\":2}")) {
            assertThrows(IllegalArgumentException.class, () -> StrictJson.parse(wrong), wrong);
        }
    }
}
