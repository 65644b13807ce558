// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.StopSignal;
import io.culvert.control.demo.StartExperiment;
import java.util.ArrayList;
import java.util.List;

/** How soon does a relay relay, and does it lose a packet in its first seconds? */
public final class StartBench {
    /** @throws io.culvert.control.Failure when it cannot be done here */
    public static StartReport run(final StartPlan plan, final StopSignal signal) {
        final StartExperiment experiment =
                new StartExperiment(plan.flows(), plan.rate(), StartPlan.SECONDS, plan.payload());
        final List<StartExperiment.Result> results = new ArrayList<>();
        for (int start = 0; start < plan.starts(); start++) {
            results.add(experiment.run(signal));
        }
        return new StartReport(plan, Machine.here(), results);
    }

    private StartBench() { }
}
