// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

/**
 * How the three hosts are joined: A has the clients, B relays, C has the echo server. With two arms B stands between
 * two networks; with one arm all three are in one network and B has a single port.
 */
enum Topology {
    TWO_ARM("two-arm", "10.9.1.1", "10.9.1.3"),
    ONE_ARM("one-arm", "10.9.0.1", "10.9.0.3");

    static final int PORT = 7890;
    static final String PREFIX = "/24";
    /** A, and B as A sees it. */
    static final String CLIENT = "10.9.0.2";
    static final String LISTENER = "10.9.0.1";

    private final String label;
    private final String source;
    private final String server;

    Topology(final String label, final String source, final String server) {
        this.label = label;
        this.source = source;
        this.server = server;
    }

    String label() {
        return label;
    }

    /** B as C sees it. */
    String source() {
        return source;
    }

    /** C. */
    String server() {
        return server;
    }
}
