// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import picocli.CommandLine.Command;

/** The project's own UDP server and client, over the kernel's sockets: for the demo, the tests and real networks. */
@Command(
        name = "lab",
        header = {
            "A UDP echo server and a UDP client of many flows, to try a relay with.",
            "",
            "  culvert lab echo --listen 0.0.0.0:7890",
            "  culvert lab client --target 192.0.2.7:7890 --flows 1000 --rate 20000",
            ""
        },
        mixinStandardHelpOptions = true,
        subcommands = {
            LabEchoCommand.class,
            LabClientCommand.class
        })
final class LabCommand {
}
