// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.doctor.Doctor;
import io.culvert.control.doctor.Doctor.Finding;
import io.culvert.control.doctor.Doctor.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert doctor}: would the relay start on this host, and what would keep it from it. */
@Command(
        name = "doctor",
        header = {
            "Says whether this host is ready for a configuration: its NICs, vfio, huge pages.",
            "",
            "  culvert doctor -c /etc/culvert/culvert.yaml",
            ""
        },
        description = "Changes nothing and disturbs no relay. What the user who asks may not do is a problem, too: ask"
                + " as the user of the service. Exits with 1 when there is a problem.",
        mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = {"-c", "--config"}, required = true, paramLabel = "FILE", description = "The configuration.")
    private Path file;

    @Override
    public Integer call() {
        final List<Finding> findings = Doctor.examine(RelayConfig.load(file));
        findings.forEach(finding -> spec.commandLine().getOut().println(
                String.format(Locale.ROOT, "%-8s %s", finding.level().name().toLowerCase(Locale.ROOT),
                        finding.text())));
        return findings.stream().anyMatch(finding -> finding.level() == Level.PROBLEM) ? Failure.FAILED : 0;
    }
}
