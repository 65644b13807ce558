// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.view.Counters;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A relay whose ports read a file with the first packets of forty clients, for tests of what is left of it. */
final class FortySessions {
    static final int COUNT = 40;
    private static final Path CASE = GoldenWalk.CASES.resolve("forty-new-flows-at-once");
    private static final int POLLS = 100;

    private FortySessions() { }

    /** The configuration but for the devices. */
    static String yaml(final int flows) throws IOException {
        return Files.readString(CASE.resolve("config.yaml")).replaceFirst("flows: \\d+", "flows: " + flows);
    }

    /**
     * @param scratch where the ports' files lie
     * @param receives whether the forty packets come in
     */
    static RelayConfig config(final String yaml, final Path scratch, final int workers, final boolean receives)
            throws IOException {
        String devices = yaml;
        for (final String port : List.of("edge", "inner")) {
            final StringBuilder device = new StringBuilder("device: \"net_pcap_" + port + "0");
            for (int queue = 0; queue < workers; queue++) {
                final Path in = scratch.resolve("in-" + port + queue);
                Pcap.write(in, receives ? Pcap.read(CASE.resolve("in-" + port + ".1.pcap")) : List.of());
                device.append(",rx_pcap=").append(in)
                        .append(",tx_pcap=").append(scratch.resolve("out-" + port + queue));
            }
            devices = devices.replaceFirst("device: pcap", device.append('"').toString());
        }
        return RelayConfig.parse(devices + "workers: { cores: auto, count: " + workers + " }\n", "config.yaml");
    }

    /** Has the relay take its packets in. */
    static void openAll(final Relay relay) {
        for (int poll = 0; poll < POLLS; poll++) {
            relay.workers().forEach(Worker::doWork);
        }
        assertEquals(COUNT, of(relay));
    }

    /** How many sessions the relay has. */
    static long of(final Relay relay) {
        return new Counters(relay.counters()).total("culvert_worker_sessions");
    }
}
