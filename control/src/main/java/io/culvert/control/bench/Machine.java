// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Tsc;
import io.culvert.control.view.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Locale;

/** What a figure was measured on, and when. Without EAL the pace of the TSC is 0. */
record Machine(String cpu, int cpus, double tscGhz, String kernel, String jdk, String dpdk,
               LocalDate date) {
    private static final double GIGA = 1e9;

    static Machine here() {
        return new Machine(cpuModel(), Runtime.getRuntime().availableProcessors(), Tsc.hz() / GIGA,
                System.getProperty("os.version"), Runtime.version().toString(), Eal.version(), LocalDate.now());
    }

    private static String cpuModel() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream().filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).trim()).findFirst().orElse("unknown");
        } catch (final IOException e) {
            return "unknown";
        }
    }

    String text() {
        return String.format(Locale.ROOT, "%s, %d CPUs, %sLinux %s, JDK %s, %s; %s", cpu, cpus,
                tscGhz == 0 ? "" : String.format(Locale.ROOT, "TSC %.2f GHz, ", tscGhz), kernel, jdk, dpdk, date);
    }

    void json(final Json json) {
        json.name("cpu").value(cpu).name("cpus").value(cpus).name("tscGhz").value(tscGhz)
                .name("kernel").value(kernel).name("jdk").value(jdk).name("dpdk").value(dpdk)
                .name("date").value(date.toString());
    }
}
