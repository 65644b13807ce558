// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Loads {@code libculvert-bench.so}, which lies beside {@code libculvert.so}. Every class that calls into
 * {@link io.culvert.bindings.ffi.Bench} loads it first; only benchmarks do.
 */
public final class BenchLibrary {
    static {
        NativeLibrary.load();
        final Path library = NativeLibrary.path().resolveSibling("libculvert-bench.so");
        if (!Files.isReadable(library)) {
            throw new UnsatisfiedLinkError(library + " is not there. Fix: build it with make in native/");
        }
        System.load(library.toString());
    }

    /** Does nothing the second time. */
    public static void load() {
        // The work is the class's initialisation.
    }

    private BenchLibrary() { }
}
