// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;

/**
 * One session as its two flow entries tell it. The relay sees client -> listen and sends external -> target; with
 * {@code snat: none} external is the client itself.
 */
public record Session(
        long id, int worker, String rule,
        IpAddress clientAddress, int clientPort,
        IpAddress listenAddress, int listenPort,
        IpAddress externalAddress, int externalPort,
        IpAddress targetAddress, int targetPort,
        long forwardPackets, long forwardBytes,
        long replyPackets, long replyBytes,
        long idleMs, long ageMs) {

    /** What a look at the counters says about a session. */
    public enum State {
        /** Packets in both directions, the last one lately. */
        ACTIVE("active"),
        /** The target has not answered yet. */
        UNREPLIED("unreplied"),
        /** It was answered, but for {@link #SILENT_MS} nothing came from either side. */
        SILENT("silent");

        private final String label;

        State(final String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    /** A media stream that pauses for so long has stopped. */
    public static final long SILENT_MS = 10_000;

    public State state() {
        if (replyPackets == 0) {
            return State.UNREPLIED;
        }
        return idleMs >= SILENT_MS ? State.SILENT : State.ACTIVE;
    }

    /** Whether replies find the client without our address: {@code snat: none}. */
    public boolean keepsSource() {
        return externalAddress.equals(clientAddress) && externalPort == clientPort;
    }

    public long packets() {
        return forwardPackets + replyPackets;
    }

    public long bytes() {
        return forwardBytes + replyBytes;
    }
}
