// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.config.RelayConfig;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code culvert config check FILE}: finds every mistake of a configuration before it goes live. */
@Command(name = "config", description = "Work with configuration files.", mixinStandardHelpOptions = true)
public final class ConfigCommand {
    @Spec
    private CommandSpec spec;

    @Command(
            name = "check",
            description = "Check a configuration file and touch nothing. Exit 0: valid, 5: not valid.",
            mixinStandardHelpOptions = true)
    int check(@Parameters(paramLabel = "FILE", description = "The YAML file.") final Path file) {
        final RelayConfig config = RelayConfig.load(file);
        spec.commandLine().getOut().println(file + ": valid: " + counted(config.ports().size(), "port") + ", "
                + counted(config.rules().size(), "rule") + ", " + counted(config.workers().count(), "worker"));
        return 0;
    }

    private static String counted(final int count, final String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }
}
