// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

/** What stands at the far end of the wire, in turn: the relay, and forwarding modes of {@code dpdk-testpmd}. */
enum WireDevice {
    CULVERT("culvert", "Culvert"),
    /** Touches no packet. */
    IO("io", "testpmd io"),
    /** Swaps the two MAC addresses. */
    MACSWAP("macswap", "testpmd macswap"),
    /** Swaps MAC addresses, IP addresses and ports: a translation without a memory. */
    FIVE_TUPLE_SWAP("5tswap", "testpmd 5tswap");

    private final String mode;
    private final String label;

    WireDevice(final String mode, final String label) {
        this.mode = mode;
        this.label = label;
    }

    /** As testpmd calls it, and JSON. */
    String mode() {
        return mode;
    }

    String label() {
        return label;
    }
}
