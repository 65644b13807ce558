// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.HexFormat;
import java.util.regex.Pattern;

/** A 48-bit Ethernet address; the first byte on the wire is the highest of the six. */
public record MacAddress(long value) {
    private static final int LENGTH = 6;
    private static final Pattern FORM = Pattern.compile("[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\\1){4}[0-9A-Fa-f]{2}");
    private static final HexFormat WIRE_FORM = HexFormat.ofDelimiter(":");

    public MacAddress {
        if (value >>> (LENGTH * Byte.SIZE) != 0) {
            throw new IllegalArgumentException("a MAC address has 48 bits: 0x" + Long.toHexString(value));
        }
    }

    /** The address whose bytes these are, in wire order. */
    public static MacAddress of(final byte... bytes) {
        if (bytes.length != LENGTH) {
            throw new IllegalArgumentException("a MAC address has 6 bytes, not " + bytes.length);
        }
        long value = 0;
        for (final byte b : bytes) {
            value = value << Byte.SIZE | Byte.toUnsignedInt(b);
        }
        return new MacAddress(value);
    }

    /** @throws IllegalArgumentException whose message opens with the quoted text and ends with the mend */
    public static MacAddress parse(final String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is not a MAC address. Fix: write six pairs of hex digits, like 52:54:00:aa:00:01");
        }
        return of(WIRE_FORM.parseHex(text.replace('-', ':')));
    }

    /** In wire order. */
    public byte[] bytes() {
        final byte[] bytes = new byte[LENGTH];
        for (int at = 0; at < LENGTH; at++) {
            bytes[at] = (byte) (value >>> (LENGTH - 1 - at) * Byte.SIZE);
        }
        return bytes;
    }

    /** Whether one station can own it: neither a group address nor all zeros. */
    public boolean isUnicast() {
        return value != 0 && (value >>> (LENGTH - 1) * Byte.SIZE & 1) == 0;
    }

    @Override
    public String toString() {
        return WIRE_FORM.formatHex(bytes());
    }
}
