// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/** Which sessions of a client endpoint share an external endpoint (RFC 4787 section 4.1). */
public enum Mapping {
    /** None: each session has one of its own. */
    ADDRESS_AND_PORT,
    /** All through rules of the same pool, whatever their remotes (REQ-1). */
    ENDPOINT_INDEPENDENT
}
