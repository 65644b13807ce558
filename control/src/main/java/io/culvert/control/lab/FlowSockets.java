// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.ErrnoException;
import io.culvert.bindings.libc.SocketAddress;
import io.culvert.bindings.libc.UdpSocket;
import io.culvert.control.Failure;
import java.util.Arrays;

/**
 * One socket and one source port per flow; flows take turns over the bind addresses. Ports are handed out from the top,
 * away from the ports that services listen on. The sockets are not connected: a connected one would hide answers that
 * come from the wrong source.
 */
final class FlowSockets implements AutoCloseable {
    private static final int BUFFER_BUDGET = 256 << 20;
    private static final int LEAST_BUFFER = 256 << 10;
    private static final int MOST_BUFFER = 64 << 20;

    private final ClientPlan plan;
    private final int[] nextPorts;
    private final UdpSocket[] sockets;
    private int opened;

    private FlowSockets(final ClientPlan plan) {
        this.plan = plan;
        nextPorts = new int[plan.sources().size()];
        Arrays.fill(nextPorts, plan.highestSourcePort());
        sockets = new UdpSocket[plan.flows()];
    }

    static FlowSockets open(final ClientPlan plan) {
        final FlowSockets flows = new FlowSockets(plan);
        try {
            while (flows.opened < plan.flows()) {
                flows.openNext();
            }
            return flows;
        } catch (final ErrnoException e) {
            flows.close();
            throw new Failure(Failure.FAILED, "cannot open the socket of flow " + flows.opened + ": " + e.getMessage()
                    + ". Fix: fewer --flows, or raise the limit the message names", e);
        } catch (final Failure e) {
            flows.close();
            throw e;
        }
    }

    int descriptor(final int flow) {
        return sockets[flow].descriptor();
    }

    @Override
    public void close() {
        for (int i = 0; i < opened; i++) {
            sockets[i].close();
        }
    }

    private void openNext() {
        final UdpSocket socket = UdpSocket.open();
        sockets[opened++] = socket;
        bind(socket, opened - 1);
        final int bytes = Math.clamp(BUFFER_BUDGET / plan.flows(), LEAST_BUFFER, MOST_BUFFER);
        socket.receiveBuffer(bytes);
        socket.sendBuffer(bytes);
    }

    private void bind(final UdpSocket socket, final int flow) {
        final int turn = flow % nextPorts.length;
        final int address = SocketAddress.addressHost(plan.sources().get(turn));
        while (nextPorts[turn] >= plan.lowestSourcePort()) {
            if (tryBind(socket, address, nextPorts[turn]--)) {
                return;
            }
        }
        throw new Failure(Failure.FAILED, "no source port is left for flow " + flow + ": "
                + plan.lowestSourcePort() + "-" + plan.highestSourcePort() + " of "
                + SocketAddress.addressText(address) + " are all taken. Fix: a wider --source-ports range, more --bind "
                + "addresses, or fewer --flows");
    }

    private static boolean tryBind(final UdpSocket socket, final int address, final int port) {
        try {
            socket.bind(SocketAddress.of(address, port));
            return true;
        } catch (final ErrnoException e) {
            if (e.errno() == ErrnoException.EADDRINUSE) {
                return false;
            }
            final String mend = e.errno() == ErrnoException.EADDRNOTAVAIL
                    ? "--bind takes addresses of this host (ip -br address lists them)"
                    : "--source-ports within what this user may bind";
            throw new Failure(Failure.FAILED, "cannot send from " + SocketAddress.addressText(address) + ":" + port
                    + ": " + e.getMessage() + ". Fix: " + mend, e);
        }
    }
}
