// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

/** The release this is, as {@code --version} and {@code culvert_build_info} say it. */
public final class Version {
    public static final String CULVERT = "0.1.0";

    private Version() { }
}
