// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/** The flow tables of the other workers, which read and write them meanwhile. */
@FunctionalInterface
public interface OtherTables {
    /** Whether one of them has this flow. @param keyLo in the numbers of the worker that asks */
    boolean have(long keyLo, long keyHi);
}
