// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

/** The DPDK drivers that work on kernel interfaces, fastest first. The names are those of the command line. */
public enum Driver {
    /** Takes the frames from a veth before the kernel's network stack sees them. */
    AF_XDP("net_af_xdp", "net_af_xdp%d,iface=%s"),
    /** Makes an interface of its own whose kernel end is the peer's. */
    TAP("net_tap", "net_tap%d,iface=%s"),
    /** A packet socket on a veth, with a ring as deep as the other drivers'. */
    AF_PACKET("net_af_packet", "net_af_packet%d,iface=%s,blocksz=65536,framesz=2048,framecnt=4096");

    private final String label;
    private final String device;

    Driver(final String label, final String device) {
        this.label = label;
        this.device = device;
    }

    /** As DPDK calls it. */
    public String label() {
        return label;
    }

    /** The vdev string of B's port {@code number}. */
    String device(final int number, final String kernelInterface) {
        return device.formatted(number, kernelInterface);
    }
}
