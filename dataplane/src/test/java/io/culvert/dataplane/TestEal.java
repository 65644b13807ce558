// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import java.util.List;

/** EAL for all tests of this JVM: a process can initialise it once only, so it stays until the JVM ends. */
public final class TestEal {
    static {
        Eal.init(List.of("-l", Integer.toString(Lcore.allowedCpus()[0]), "--no-huge", "--no-shconf", "-m", "128",
                "--no-pci", "--no-telemetry", "--log-level", "error",
                // A net_ring that is opened again finds the rings it left, says so as an error, and goes on with them.
                "--log-level", "lib.ring:critical",
                "--file-prefix", "culvert-test-" + ProcessHandle.current().pid()));
    }

    /** Does nothing the second time. */
    public static void init() {
        // The work is the class's initialisation.
    }

    private TestEal() { }
}
