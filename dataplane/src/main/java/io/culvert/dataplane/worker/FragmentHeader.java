// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

/**
 * What {@link Fragments} knows of a fragment, whatever its IP version: the fields of the one that was read last, and
 * what is done to it. One object of each version serves all fragments of a worker.
 */
abstract class FragmentHeader {
    static final int UNIT = 8;
    /** {@link #read} found nothing wrong. */
    static final int FINE = -1;

    // The datagram: its addresses, an IPv4 one as ::ffff:a.b.c.d, and its id.
    long sourceHigh;
    long sourceLow;
    long destinationHigh;
    long destinationLow;
    int id;
    /** Of the IP packet, bytes. */
    int length;
    /** Which bytes of the datagram, in units of eight; the last unit may not be whole. */
    int from;
    int to;
    boolean isLast;

    /** Reads the fields of a fragment. @return FINE, or the ordinal of the reason to drop it for */
    abstract int read(long mbuf);

    /** Source and destination port of the first fragment that was read, as they lie in it. */
    abstract int ports();

    /** Who looks after the flow of the first fragment that was read. */
    abstract int ownerOfFirst();

    /** Makes the first fragment that was read the burst's only packet, with the key of its flow. */
    abstract void put(Burst burst, long mbuf);

    /** Whether that packet may open a session. @return a rule's index, or the complement (~) of a drop reason's */
    abstract int judge();

    /** Opens a session for that packet as it was judged, or drops it; who opens one holds the lock of its client. */
    abstract void settle(int verdict);

    /** An id for a datagram that leaves. */
    abstract int nextId();

    abstract boolean isTimeUp();

    abstract boolean mayCut();

    /** Makes the first fragment what it was when it was read: filtering may have replaced its source since. */
    abstract void restore(long mbuf);

    /** The first fragment that was read, as it came in, is about to be dropped because its time is up. */
    abstract void tellTime(Burst burst, long mbuf);

    /** The first fragment that was read, as it came in, is about to be dropped because it is too long. */
    abstract void tellMtu(Burst burst, long mbuf, int mtu);

    /** Rewrites the fragment that was read by the flow in use, ports and UDP checksum if it is the first. */
    abstract void rewrite(long mbuf, int newId);

    /** Sends the fragment that was rewritten in pieces. @return false when it has been dropped */
    abstract boolean cut(Burst burst, long mbuf);
}
