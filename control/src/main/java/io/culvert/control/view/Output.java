// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;
import java.io.PrintWriter;

/**
 * What a verb prints, gathered in one buffer: a dump of millions of lines makes no object per field. When the reader of
 * the pipe has gone, the next write ends the verb with {@link Closed}.
 */
public final class Output implements AutoCloseable {
    /** Nobody reads any more ({@code | head}): not an error, but nothing is left to do. */
    public static final class Closed extends RuntimeException {
        private Closed() {
            super("the output is closed", null, false, false);
        }
    }

    private static final int CAPACITY = 1 << 16;
    private static final int LONGEST_NUMBER = 20;

    private final PrintWriter to;
    private final char[] buffer = new char[CAPACITY];
    private int length;
    /** Where the current line starts in the buffer; negative when a part of it was flushed. */
    private int lineStart;

    public Output(final PrintWriter to) {
        this.to = to;
    }

    public Output put(final char character) {
        reserve(1);
        buffer[length++] = character;
        return this;
    }

    public Output put(final String text) {
        int from = 0;
        while (from < text.length()) {
            reserve(1);
            final int count = Math.min(text.length() - from, CAPACITY - length);
            text.getChars(from, from + count, buffer, length);
            length += count;
            from += count;
        }
        return this;
    }

    public Output put(final long number) {
        if (number == Long.MIN_VALUE) {
            return put(Long.toString(number));
        }
        reserve(LONGEST_NUMBER);
        if (number < 0) {
            buffer[length++] = '-';
        }
        long rest = Math.abs(number);
        final int end = length + digits(rest);
        for (int at = end - 1; at >= length; at--) {
            buffer[at] = (char) ('0' + rest % 10);
            rest /= 10;
        }
        length = end;
        return this;
    }

    public Output putAddress(final IpAddress address) {
        return address.isIpv4() ? putIpv4(address.ipv4()) : put(address.toString());
    }

    private Output putIpv4(final int address) {
        return put(address & 0xFF).put('.').put(address >>> 8 & 0xFF).put('.').put(address >>> 16 & 0xFF).put('.')
                .put((long) (address >>> 24));
    }

    /** An IPv6 address stands in brackets before its port. */
    public Output putEndpoint(final IpAddress address, final int port) {
        if (address.isIpv4()) {
            putAddress(address);
        } else {
            put('[').putAddress(address).put(']');
        }
        return put(':').put((long) port);
    }

    /** A session's id as people type it: hexadecimal, six digits at least. */
    public Output putId(final long id) {
        put("0x");
        final int digits = Math.max(6, (Long.SIZE - Long.numberOfLeadingZeros(id) + 3) / 4);
        for (int digit = digits - 1; digit >= 0; digit--) {
            put(Character.forDigit((int) (id >>> 4 * digit & 0xF), 16));
        }
        return this;
    }

    /** A number that ends at the column {@code width} behind here. */
    public Output putRight(final long number, final int width) {
        for (int blanks = width - digits(Math.abs(number)); blanks > 0; blanks--) {
            put(' ');
        }
        return put(number);
    }

    public Output putRight(final String text, final int width) {
        for (int blanks = width - text.length(); blanks > 0; blanks--) {
            put(' ');
        }
        return put(text);
    }

    /** Blanks up to a column of the line, two at least. */
    public Output tab(final int column) {
        put(' ').put(' ');
        while (length - lineStart < column) {
            put(' ');
        }
        return this;
    }

    public Output endLine() {
        put('\n');
        lineStart = length;
        return this;
    }

    @Override
    public void close() {
        flush();
    }

    /** @throws Closed when nobody reads any more */
    public void flush() {
        to.write(buffer, 0, length);
        lineStart -= length;
        length = 0;
        if (to.checkError()) {
            throw new Closed();
        }
    }

    private Output put(final int number) {
        return put((long) number);
    }

    private void reserve(final int characters) {
        if (CAPACITY - length < characters) {
            flush();
        }
    }

    private static int digits(final long number) {
        int digits = 1;
        for (long rest = number; rest > 9; rest /= 10) {
            digits++;
        }
        return digits;
    }
}
