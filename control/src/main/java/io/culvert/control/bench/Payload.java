// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.culvert.dataplane.wire.Checksum;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The bytes behind the headers: the same in every packet. */
record Payload(int length) {
    private static final int STEP = 37;

    int frameLength() {
        return Headers.PAYLOAD + length;
    }

    void write(final MemorySegment frame) {
        for (int at = Headers.PAYLOAD; at < frameLength(); at++) {
            frame.set(JAVA_BYTE, at, (byte) (at * STEP));
        }
    }

    /** As {@link Checksum} adds it up. */
    int sum() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment frame = arena.allocate(frameLength());
            write(frame);
            return Checksum.sum(frame, Headers.PAYLOAD, length);
        }
    }
}
