// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.wire.Wire;

/**
 * Tells for the session that is being opened which external ports bring its replies straight to the queue of its
 * worker, where the NIC of the target's link can be computed. One for each worker, set anew for each session.
 */
final class ReplyAim {
    private final int worker;
    private final AddressBook book;
    /** By link; null where replies land anywhere. */
    private final ReplyQueues[] links;

    private ReplyQueues queues;
    private int target;
    /** The target's port, where a reply has its source port. */
    private int sourcePort;
    private boolean isIpv6;
    /** The hash of a reply to port 0 of the external address in question. */
    private int hash;

    /** @param links by link, null where the NIC does not spread as can be computed */
    ReplyAim(final int worker, final AddressBook book, final ReplyQueues[] links) {
        this.worker = worker;
        this.book = book;
        this.links = links;
    }

    /** The session goes to this target over this link. @return this, or null where any port is as good */
    ReplyAim at(final int link, final int targetAddress, final int targetPort) {
        isIpv6 = AddressBook.isNumber(targetAddress);
        queues = link < links.length ? links[link] : null;
        if (queues != null && isIpv6 && !queues.hashesIpv6()) {
            queues = null;
        }
        target = targetAddress;
        sourcePort = Wire.net16(targetPort) & 0xFFFF;
        return queues == null ? null : this;
    }

    /** The ports in question are those of this external address. */
    void from(final int external) {
        hash = isIpv6
                ? queues.toeplitz().ofIpv6(book.high(target), book.low(target), book.high(external),
                        book.low(external), sourcePort)
                : queues.toeplitz().ofIpv4(target, external, sourcePort);
    }

    /** Whether replies to this port reach the worker by themselves. */
    boolean isHitBy(final int port) {
        final int ports = Wire.net16(port) << Short.SIZE;
        final int whole = hash ^ (isIpv6 ? queues.toeplitz().ofIpv6Ports(ports) : queues.toeplitz().ofIpv4Ports(ports));
        return queues.queueOf(whole) == worker;
    }
}
