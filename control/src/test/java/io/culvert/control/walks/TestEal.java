// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import io.culvert.bindings.eal.Eal;
import java.util.List;

/** EAL for all tests of this JVM: a process can initialise it once only, so it stays until the JVM ends. */
public final class TestEal {
    static {
        Eal.init(List.of("-l", "0", "--no-huge", "--no-shconf", "-m", "512", "--no-pci", "--no-telemetry",
                "--log-level", "warning", "--file-prefix", "culvert-test-" + ProcessHandle.current().pid()));
    }

    /** Does nothing the second time. */
    public static void init() {
        // The work is the class's initialisation.
    }

    private TestEal() { }
}
