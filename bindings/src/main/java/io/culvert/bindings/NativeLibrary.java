// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads {@code libculvert.so}, and with it the DPDK libraries it is linked to. Every class that calls into
 * {@link io.culvert.bindings.ffi.Dpdk} loads it first; loading twice is free.
 */
public final class NativeLibrary {
    private static final String PROPERTY = "culvert.library";

    static {
        final Path library = path();
        if (!Files.isReadable(library)) {
            throw new UnsatisfiedLinkError(library + " is not there. Fix: build it with make in native/, or point -D"
                    + PROPERTY + " at it");
        }
        System.load(library.toString());
    }

    /** Does nothing the second time. */
    public static void load() {
        // The work is the class's initialisation.
    }

    /** Where the library is, or should be. */
    static Path path() {
        return Path.of(System.getProperty(PROPERTY, "native/target/libculvert.so")).toAbsolutePath();
    }

    private NativeLibrary() { }
}
