// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;

/**
 * Gives a packet that filtering lets in the source that the session's reply flow expects: from there it is a reply like
 * any other, and the client sees it come from its listener. Checksums follow; a wrong one stays wrong.
 */
final class SourceReplacer {
    /**
     * @param frame where it lies: IPv4 without options, UDP
     * @param source and {@code sourcePort}: in network order
     */
    static void replace(final long frame, final int source, final short sourcePort) {
        final int oldSource = NativeMemory.getInt(frame + Ipv4.SOURCE);
        final int oldPort = NativeMemory.getShort(frame + Udp.PORTS) & 0xFFFF;
        final int l3Delta = Checksum.delta(0, oldSource, source);
        final int l4Delta = Checksum.delta(l3Delta, oldPort, sourcePort & 0xFFFF);
        final int ipChecksum = NativeMemory.getShort(frame + Ipv4.CHECKSUM) & 0xFFFF;
        final int udpChecksum = NativeMemory.getShort(frame + Udp.CHECKSUM) & 0xFFFF;
        NativeMemory.setInt(frame + Ipv4.SOURCE, source);
        NativeMemory.setShort(frame + Udp.PORTS, sourcePort);
        NativeMemory.setShort(frame + Ipv4.CHECKSUM, (short) Checksum.update(ipChecksum, l3Delta));
        NativeMemory.setShort(frame + Udp.CHECKSUM, (short) Checksum.updateUdp(udpChecksum, l4Delta));
    }

    /** Gives packet {@code i} of the burst, which stops here, the source back that it came in with: its key's. */
    static void restore(final Burst burst, final int i) {
        final int source = (int) burst.keyLo(i);
        final short port = (short) burst.keyHi(i);
        if (NativeMemory.getInt(burst.frame(i) + Ipv4.SOURCE) != source
                || NativeMemory.getShort(burst.frame(i) + Udp.PORTS) != port) {
            replace(burst.frame(i), source, port);
        }
    }

    private SourceReplacer() { }
}
