// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.instance.Instance;
import io.culvert.control.view.Counters;
import io.culvert.control.view.Output;
import io.culvert.control.view.Stats;
import io.culvert.control.view.StatsJson;
import io.culvert.control.view.StatsTable;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert stats}: one page of a relay's counters, read from its mapped file. */
@Command(
        name = "stats",
        description = "Shows what a relay has done: ports, workers, rules, drops by reason, the loss ledger. "
                + "Works while it is busy, stopped or dead.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  culvert stats",
            "  culvert stats -o json | jq .drops"
        })
public final class StatsCommand implements Callable<Integer> {
    /** What stdout gets. */
    enum Format { TABLE, JSON }

    @Spec
    private CommandSpec spec;

    @Option(names = {"-o", "--output"}, paramLabel = "FORMAT", defaultValue = "table", description = "table or json.")
    private Format format;

    @Option(names = "--instance", paramLabel = "NAME", description = "Which relay, when there are several.")
    private String instanceName;

    @Override
    public Integer call() {
        final Instance instance = Instance.choose(instanceName);
        try (Arena arena = Arena.ofConfined(); Output out = new Output(spec.commandLine().getOut())) {
            final Instant now = Instant.ofEpochMilli(System.currentTimeMillis());
            final Stats stats = Stats.read(new Counters(instance.openCounters(arena)), now.toEpochMilli());
            switch (format) {
                case TABLE -> new StatsTable(out, stats).print(instance.name());
                case JSON -> new StatsJson(out, stats).print(instance.name(), now.toString());
            }
            return CommandLine.ExitCode.OK;
        }
    }
}
