// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.nat.PortsLeft.Clients;
import java.util.Arrays;
import java.util.IntSummaryStatistics;
import java.util.List;

/**
 * The external addresses and ports that the rules of one pool lend to their sessions. A client keeps its external
 * address while it can (paired pooling, RFC 4787 REQ-2): its own address chooses the first to try. A lease is the
 * index of the address and the port in one int.
 */
public final class SnatPool {
    public static final int EXHAUSTED = -1;

    /**
     * A pool as configured.
     *
     * @param addresses in network order or by number
     */
    public record Spec(int index, List<Integer> addresses, int low, int high) { }

    private final ExternalPorts[] externals;
    private final PortsLeft left;
    /** A bit for each address of {@link #left} that is one of this pool, from this word of it on. */
    private final long[] members;
    private final int firstWord;
    /** How many of them lie before each word, and the index here of each in their order there. */
    private final int[] membersBefore;
    private final int[] indexOf;
    /** By {@link Clients}: until then no two neighbours become free. Any worker writes it; an old one costs a look. */
    private final long[] noPairsUntilMs = new long[Clients.values().length];

    SnatPool(final ExternalPorts[] externals, final PortsLeft left) {
        this.externals = externals;
        this.left = left;
        final IntSummaryStatistics numbers =
                Arrays.stream(externals).mapToInt(ExternalPorts::number).summaryStatistics();
        firstWord = numbers.getMin() / Long.SIZE;
        final int words = numbers.getMax() / Long.SIZE - firstWord + 1;
        members = new long[words];
        membersBefore = new int[words];
        for (final ExternalPorts external : externals) {
            members[external.number() / Long.SIZE - firstWord] |= 1L << external.number();
        }
        for (int word = 1; word < words; word++) {
            membersBefore[word] = membersBefore[word - 1] + Long.bitCount(members[word - 1]);
        }
        indexOf = new int[externals.length];
        for (int i = 0; i < externals.length; i++) {
            indexOf[rank(externals[i].number())] = i;
        }
    }

    /** {@link #lend(int, int, int, int, ReplyAim, long)} of any port. */
    public int lend(final int client, final int preferredPort, final int worker, final int session, final long nowMs) {
        return lend(client, preferredPort, worker, session, null, nowMs);
    }

    /**
     * @param worker whose session it is for, and {@code session} its forward slot there
     * @param aim of the session's replies, or null where any port is as good
     * @return a lease, or EXHAUSTED
     */
    int lend(final int client, final int preferredPort, final int worker, final int session, final ReplyAim aim,
             final long nowMs) {
        final Clients clients = ExternalPorts.clients(preferredPort);
        int external = withPortsLeft(clients, externals[firstFor(client, externals.length)].number());
        // More than once only where another worker takes an address's last port between the look and the lending.
        for (int asked = 0; external != EXHAUSTED && asked < externals.length; asked++) {
            if (aim != null) {
                aim.from(address(external));
            }
            final int port = externals[external].lend(preferredPort, worker, session, aim, nowMs);
            if (port != ExternalPorts.EXHAUSTED) {
                return lease(external, port);
            }
            external = withPortsLeft(clients, externals[external].number() + 1);
        }
        return EXHAUSTED;
    }

    /** The pool's first address, from this one of all on and behind the last the first, that has a port left. */
    private int withPortsLeft(final Clients clients, final int start) {
        int word = start / Long.SIZE - firstWord;
        long found = word < members.length ? membersWithPortsLeft(clients, word) & -1L << start : 0;
        // Once around; what lies before the start in its own word comes last.
        for (int looked = 0; found == 0 && looked < members.length; looked++) {
            word = word + 1 < members.length ? word + 1 : 0;
            found = membersWithPortsLeft(clients, word);
        }
        return found == 0 ? EXHAUSTED
                : indexOf[rank((firstWord + word) * Long.SIZE + Long.numberOfTrailingZeros(found))];
    }

    private long membersWithPortsLeft(final Clients clients, final int word) {
        return left.word(clients, firstWord + word) & members[word];
    }

    /** How many of the pool's addresses lie before this one of all. */
    private int rank(final int number) {
        final int word = number / Long.SIZE - firstWord;
        return membersBefore[word] + Long.bitCount(members[word] & (1L << number) - 1);
    }

    /** Lends two neighbours, for which there are no sessions yet. @return the lease of the even one, or EXHAUSTED */
    int lendPair(final int client, final int preferredPort, final int worker, final long nowMs) {
        final int clients = ExternalPorts.clients(preferredPort).ordinal();
        // Neighbours become free when their rest ends and at no other time: who finds none learns when to ask again.
        if (nowMs < noPairsUntilMs[clients]) {
            return EXHAUSTED;
        }
        final int first = firstFor(client, externals.length);
        long untilMs = Long.MAX_VALUE;
        for (int i = 0; i < externals.length; i++) {
            final int external = (first + i) % externals.length;
            final int even = externals[external].lendPair(preferredPort, worker, nowMs);
            if (even != ExternalPorts.EXHAUSTED) {
                return lease(external, even);
            }
            untilMs = Math.min(untilMs, externals[external].restEndsMs(preferredPort, nowMs));
        }
        noPairsUntilMs[clients] = untilMs;
        return EXHAUSTED;
    }

    /** The address that a client is given while nothing speaks against it. */
    static int addressFor(final int client, final List<Integer> addresses) {
        return addresses.get(firstFor(client, addresses.size()));
    }

    private static int firstFor(final int client, final int addresses) {
        // From the high bits of the product: the low ones know nothing of the host's own byte, which lies highest.
        return (int) ((client * 0x9E3779B9 & 0xFFFF_FFFFL) * addresses >>> Integer.SIZE);
    }

    /** Takes a given lease for a session that has it from before. @return false when it is not to be had */
    public boolean claim(final int lease, final int worker, final int session) {
        return external(lease) < externals.length && externals[external(lease)].claim(port(lease), worker, session);
    }

    /** Claims both ports of a pair, for which there are no sessions yet. @param even the lease of the first */
    boolean claimPair(final int even, final int worker) {
        if (!claim(even, worker, ExternalPorts.NO_SESSION)) {
            return false;
        }
        if (!claim(even + 1, worker, ExternalPorts.NO_SESSION)) {
            giveBack(even, 0);
            return false;
        }
        return true;
    }

    public void giveBack(final int lease, final long nowMs) {
        externals[external(lease)].giveBack(port(lease), nowMs);
    }

    /** The worker whose session holds the lease, or {@link ExternalPorts#NO_OWNER}. */
    public int owner(final int lease) {
        return externals[external(lease)].owner(port(lease));
    }

    /** Names the session that stands for a lease; called by its owner. */
    void setSession(final int lease, final int session) {
        externals[external(lease)].setSession(port(lease), session);
    }

    /** The forward slot of a session that holds the lease, in its owner's table, or NO_SESSION. */
    public int sessionOf(final int lease) {
        return externals[external(lease)].sessionOf(port(lease));
    }

    /** Whether this is the pool's address of that index. */
    public boolean lends(final int external, final int address) {
        return external < externals.length && externals[external].address() == address;
    }

    public int address(final int external) {
        return externals[external].address();
    }

    public static int external(final int lease) {
        return lease >>> Short.SIZE;
    }

    public static int port(final int lease) {
        return lease & 0xFFFF;
    }

    public static int lease(final int external, final int port) {
        return external << Short.SIZE | port;
    }

    /** How many leases there can be. */
    public int size() {
        int size = 0;
        for (final ExternalPorts external : externals) {
            size += external.size();
        }
        return size;
    }

    /** How many leases there are. */
    public int lent() {
        int lent = 0;
        for (final ExternalPorts external : externals) {
            lent += external.lent();
        }
        return lent;
    }
}
