// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

/** A value that was read well, and where it stands. */
record Located<T>(T value, Place place) {
    int line() {
        return place.line();
    }
}
