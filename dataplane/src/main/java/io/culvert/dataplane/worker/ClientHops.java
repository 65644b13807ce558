// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.host.Neighbors;

/**
 * The next hops of reply flows whose client is in a connected network: such a flow names its next hop from the client's
 * first answer on, so that senders who do not exist hold no place of {@link Neighbors}. Only packets whose flow has no
 * usable next hop come here. Owned by one worker.
 */
final class ClientHops {
    private final Neighbors neighbors;
    private final AddressBook book;

    ClientHops(final Neighbors neighbors, final AddressBook book) {
        this.neighbors = neighbors;
        this.book = book;
    }

    /**
     * Writes the next hop into a flow that has none yet, if it has answered by now.
     *
     * @param entry where the flow lies
     * @return the adjacency that the flow names now, {@link Neighbors#UNKNOWN} when the client has not answered
     */
    int bind(final long entry) {
        final int named = NativeMemory.getShort(entry + FlowEntry.ADJACENCY) & 0xFFFF;
        if (named != Neighbors.UNKNOWN) {
            return named;
        }
        final int client = NativeMemory.getInt(entry + FlowEntry.NEW_DESTINATION);
        final int found = neighbors.acquire(link(entry), book.high(client), book.low(client), false);
        NativeMemory.setShort(entry + FlowEntry.ADJACENCY, (short) found);
        return found;
    }

    /** The place for whose answer a packet of this flow may wait, or {@link Neighbors#NO_PLACE}. */
    int placeToWaitFor(final long entry) {
        final int named = bind(entry);
        if (named != Neighbors.UNKNOWN) {
            return named;
        }
        final int client = NativeMemory.getInt(entry + FlowEntry.NEW_DESTINATION);
        return neighbors.placeToWaitFor(link(entry), book.high(client), book.low(client));
    }

    /** Of a reply flow: the link that leads to its client. */
    private static int link(final long entry) {
        return NativeMemory.getShort(entry + FlowEntry.EXTERNAL) & 0xFFFF;
    }
}
