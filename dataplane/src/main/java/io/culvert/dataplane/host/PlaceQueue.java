// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

/** Places of {@link Neighbors} in the order in which they came. A place is in one queue at most: queues share links. */
final class PlaceQueue {
    static final int NONE = Neighbors.UNKNOWN;

    /** The neighbours of a place in its queue, by place: for all queues of one table. */
    record Links(int[] older, int[] newer) {
        Links(final int places) {
            this(new int[places], new int[places]);
        }
    }

    private final Links links;
    private int oldest = NONE;
    private int newest = NONE;
    private int size;

    PlaceQueue(final Links links) {
        this.links = links;
    }

    int size() {
        return size;
    }

    /** The place that has been here for longest, or NONE. */
    int oldest() {
        return oldest;
    }

    void add(final int place) {
        links.older[place] = newest;
        links.newer[place] = NONE;
        if (newest == NONE) {
            oldest = place;
        } else {
            links.newer[newest] = place;
        }
        newest = place;
        size++;
    }

    /** Takes out a place that is in this queue. */
    void remove(final int place) {
        final int before = links.older[place];
        final int behind = links.newer[place];
        if (before == NONE) {
            oldest = behind;
        } else {
            links.newer[before] = behind;
        }
        if (behind == NONE) {
            newest = before;
        } else {
            links.older[behind] = before;
        }
        size--;
    }
}
