// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import picocli.CommandLine.Command;

/** Benchmarks: each asks one question of this machine and answers it next to a yardstick in the same run. */
@Command(
        name = "bench",
        header = {
            "Measures the relay on this machine, next to a yardstick in the same run.",
            "",
            "  culvert bench walk",
            "  culvert bench walk --mix new --json",
            "  culvert bench scale",
            "  culvert bench wire",
            "  culvert bench kernel",
            "  culvert bench stall",
            "  culvert bench start",
            ""
        },
        mixinStandardHelpOptions = true,
        subcommands = {
            BenchWalkCommand.class,
            BenchScaleCommand.class,
            BenchWireCommand.class,
            BenchKernelCommand.class,
            BenchStallCommand.class,
            BenchStartCommand.class
        })
final class BenchCommand {
}
