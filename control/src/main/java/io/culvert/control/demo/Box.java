// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

/** What relays in B. Its scene removes it. */
interface Box {
    /** The driver or the kernel's tool cannot do it on this host; the message says why. */
    final class Unusable extends RuntimeException {
        Unusable(final String why) {
            super(why, null, false, false);
        }
    }

    /** Packets into and out of B since it started, all interfaces together. */
    record Traffic(long received, long sent) {
        Traffic minus(final Traffic earlier) {
            return new Traffic(received - earlier.received, sent - earlier.sent);
        }
    }

    /** What relays, for people. */
    String label();

    /** Relays when this returns. @throws Unusable */
    void start();

    Traffic traffic();

    /** CPU ticks of B's process; {@link #NO_PROCESS} when the kernel does it. */
    long cpuTicks();

    /** @throws io.culvert.control.Failure when it relays no more */
    void check();

    /** Kills it as a crash would, starts it again as it was, and waits until it relays. */
    default Restart restart() {
        throw new UnsupportedOperationException(label());
    }

    /** Ends it, where it can be ended. @param before what was counted when the measurement began */
    BoxReport finish(BoxReport before);

    /** What it has counted so far. */
    BoxReport report();

    long NO_PROCESS = -1;
}
