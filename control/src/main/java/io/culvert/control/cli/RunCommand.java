// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.StopSignal;
import io.culvert.control.boot.Daemon;
import io.culvert.control.config.RelayConfig;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The daemon in the foreground: relays until SIGTERM or Ctrl-C, then drains and exits 0. */
@Command(
        name = "run",
        header = "Relay as the configuration says, in the foreground.",
        customSynopsis = "culvert run -c FILE [--cold]",
        description = {"", "Example: culvert run -c /etc/culvert/culvert.yaml"})
final class RunCommand implements Callable<Integer> {
    @Option(names = {"-c", "--config"}, required = true, paramLabel = "FILE", description = "The configuration.")
    private Path file;

    @Option(names = "--cold", description = "Start with no sessions and counters at 0, whatever the last process left.")
    private boolean cold;

    @Override
    public Integer call() {
        final RelayConfig config = RelayConfig.load(file);
        try (StopSignal signal = new StopSignal()) {
            new Daemon(config, cold, signal).run(() -> System.err.println("culvert: instance \"" + config.instance()
                    + "\" is ready: " + config.ports().size() + " ports, " + config.rules().size() + " rules, "
                    + config.workers().count() + " workers"));
        }
        return 0;
    }
}
