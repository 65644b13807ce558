// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;

/**
 * Writes JSON (RFC 8259) as it goes: commas and escapes are its business, the order of calls is the caller's. All but
 * ASCII is escaped, so that the terminal's encoding does not matter.
 */
public final class Json {
    private static final String HEX = "0123456789abcdef";
    /** One bit per level in {@link #filled}. */
    private static final int DEEPEST = Long.SIZE - 1;

    private final Output out;
    private int depth;
    /** Whether the object or array at a depth has a member already. */
    private long filled;
    private boolean named;

    public Json(final Output out) {
        this.out = out;
    }

    public Json beginObject() {
        return begin('{');
    }

    public Json endObject() {
        return end('}');
    }

    public Json beginArray() {
        return begin('[');
    }

    public Json endArray() {
        return end(']');
    }

    public Json name(final String name) {
        separate();
        quote(name);
        out.put(':');
        named = true;
        return this;
    }

    public Json value(final String value) {
        separate();
        quote(value);
        return this;
    }

    public Json value(final long value) {
        separate();
        out.put(value);
        return this;
    }

    public Json value(final boolean value) {
        separate();
        out.put(Boolean.toString(value));
        return this;
    }

    /** JSON has no word for infinity and NaN: they are null. */
    public Json value(final double value) {
        separate();
        out.put(Double.isFinite(value) ? Double.toString(value) : "null");
        return this;
    }

    /** An address, as a string. */
    public Json address(final IpAddress address) {
        separate();
        out.put('"').putAddress(address).put('"');
        return this;
    }

    private Json begin(final char bracket) {
        separate();
        out.put(bracket);
        if (++depth > DEEPEST) {
            throw new IllegalStateException("JSON nested deeper than " + DEEPEST);
        }
        filled &= ~(1L << depth);
        return this;
    }

    private Json end(final char bracket) {
        depth--;
        out.put(bracket);
        return this;
    }

    private void separate() {
        if (named) {
            named = false;
            return;
        }
        if ((filled >>> depth & 1) != 0 && depth > 0) {
            out.put(',');
        }
        filled |= 1L << depth;
    }

    private void quote(final String text) {
        out.put('"');
        for (int at = 0; at < text.length(); at++) {
            final char character = text.charAt(at);
            if (character == '"' || character == '\\') {
                out.put('\\').put(character);
            } else if (character >= ' ' && character < 0x7F) {
                out.put(character);
            } else {
                out.put("\\u").put(HEX.charAt(character >>> 12)).put(HEX.charAt(character >>> 8 & 0xF))
                        .put(HEX.charAt(character >>> 4 & 0xF)).put(HEX.charAt(character & 0xF));
            }
        }
        out.put('"');
    }
}
