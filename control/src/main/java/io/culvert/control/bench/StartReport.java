// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.demo.StartExperiment;
import io.culvert.control.demo.StartExperiment.Result;
import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.List;
import java.util.Locale;

/** The figures of {@code culvert bench start}. */
public record StartReport(StartPlan plan, Machine machine, List<Result> results) {
    private Median readyMillis() {
        return Median.of(results, result -> result.startedIn().toMillis());
    }

    private long sent() {
        return results.stream().mapToLong(Result::sent).sum();
    }

    private long lost() {
        return results.stream().mapToLong(Result::lost).sum();
    }

    /** For people. */
    public List<String> text() {
        final Median ready = readyMillis();
        return List.of(
                line("the start of culvert run on two ports of %s: %d starts, %,d clients", StartExperiment.driver(),
                        plan.starts(), plan.flows()),
                machine.text(),
                "",
                line("from exec to ready      %,.0f ms (%,.0f to %,.0f)", ready.value(), ready.min(), ready.max()),
                line("lost in %d s from then   %,d of %,d packets, %,d/s in each direction", StartPlan.SECONDS,
                        lost(), sent(), plan.rate()));
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        final Median ready = readyMillis();
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchStart");
        json.name("driver").value(StartExperiment.driver()).name("starts").value(plan.starts())
                .name("flows").value(plan.flows()).name("packetsPerSecondPerDirection").value(plan.rate())
                .name("packetSize").value(plan.payload()).name("seconds").value(StartPlan.SECONDS);
        json.name("readyMillis").value(ready.value()).name("readyMillisRange").beginObject()
                .name("min").value(ready.min()).name("median").value(ready.value()).name("max").value(ready.max())
                .endObject();
        json.name("sent").value(sent()).name("lost").value(lost());
        json.name("lostByStart").beginArray();
        results.forEach(result -> json.value(result.lost()));
        json.endArray();
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
