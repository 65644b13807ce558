// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.view.RelayFixture;
import io.culvert.control.view.StrictJson;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FlowsCommandTest {
    private static final String NAME = "flows-command-test";

    private final RelayFixture relay = new RelayFixture(NAME, 2, 64);

    @BeforeEach
    void openThreeSessions() {
        final int active = relay.open(0, 0, "198.51.100.7:50004", "203.0.113.1:9000", "203.0.113.1:40112",
                "192.0.2.17:5004");
        relay.count(0, active, 91_233, 72_986_400, 59_000);
        relay.count(0, active ^ 1, 90_000, 72_000_000, 59_800);
        final int unreplied = relay.open(1, 1, "198.51.100.8:1024", "203.0.113.1:9100", "198.51.100.8:1024",
                "192.0.2.30:9100");
        relay.count(1, unreplied, 3, 300, 30_000);
        final int silent = relay.open(1, 0, "198.51.100.200:65535", "203.0.113.1:9001", "203.0.113.1:40113",
                "192.0.2.17:5005");
        relay.count(1, silent, 8, 800, 1_000);
        relay.count(1, silent ^ 1, 8, 800, 1_200);
        relay.tables.forEach(table -> table.nowMs(60_000));
    }

    @AfterEach
    void close() {
        relay.close();
    }

    private static CliRun flows(final String... options) {
        return CliRun.of("flows --instance " + NAME, options);
    }

    @Test
    void printsATableForPeople() {
        final CliRun run = flows();
        assertEquals("""
                ID        RULE      CLIENT                 LISTEN                 -> TARGET                 SNAT SRC\
                                  FWD PKTS    FWD BYTES REPLY PKTS  REPLY BYTES   IDLE  STATE
                0x000000  cam-wall  198.51.100.7:50004     203.0.113.1:9000       -> 192.0.2.17:5004        \
                203.0.113.1:40112            91233     72986400      90000     72000000   0.2s  active
                0x000001  intercom  198.51.100.8:1024      203.0.113.1:9100       -> 192.0.2.30:9100        \
                none                             3          300          0            0  30.0s  unreplied
                0x000003  cam-wall  198.51.100.200:65535   203.0.113.1:9001       -> 192.0.2.17:5005        \
                203.0.113.1:40113                8          800          8          800  58.8s  silent
                """, run.out());
        assertEquals("3 of 3 shown\n", run.err());
        assertEquals(0, run.exitCode());
    }

    @Test
    void leavesTheHeadersOutOnRequest() {
        assertEquals(3, flows("--no-headers").out().lines().count());
    }

    @Test
    void printsWhatConntrackPrints() {
        final CliRun run = flows("-o", "conntrack");
        assertEquals("""
                udp      17 0 src=198.51.100.7 dst=203.0.113.1 sport=50004 dport=9000 packets=91233 bytes=72986400 \
                src=192.0.2.17 dst=203.0.113.1 sport=5004 dport=40112 packets=90000 bytes=72000000 [ASSURED] mark=0 \
                use=1 id=0
                udp      17 30 src=198.51.100.8 dst=203.0.113.1 sport=1024 dport=9100 packets=3 bytes=300 [UNREPLIED] \
                src=192.0.2.30 dst=198.51.100.8 sport=9100 dport=1024 packets=0 bytes=0 mark=0 use=1 id=1
                udp      17 58 src=198.51.100.200 dst=203.0.113.1 sport=65535 dport=9001 packets=8 bytes=800 \
                src=192.0.2.17 dst=203.0.113.1 sport=5005 dport=40113 packets=8 bytes=800 [ASSURED] mark=0 use=1 id=3
                """, run.out());
        assertEquals("culvert: 3 flow entries have been shown.\n", run.err());
    }

    @Test
    void printsJsonThatParses() {
        final CliRun run = flows("-o", "json", "--limit", "2");
        final Map<?, ?> list = (Map<?, ?>) StrictJson.parse(run.out());
        assertEquals("culvert/v1", list.get("apiVersion"));
        assertEquals("FlowList", list.get("kind"));
        assertEquals(NAME, list.get("instance"));
        assertEquals(3L, list.get("total"));
        assertEquals(2, ((List<?>) list.get("items")).size());
        assertEquals("""
                {"id":0,"worker":0,"rule":"cam-wall","client":{"address":"198.51.100.7","port":50004},\
                "listen":{"address":"203.0.113.1","port":9000},"external":{"address":"203.0.113.1","port":40112},\
                "target":{"address":"192.0.2.17","port":5004},"forward":{"packets":91233,"bytes":72986400},\
                "reply":{"packets":90000,"bytes":72000000},"idleMillis":200,"ageMillis":60000,"state":"active"}""",
                run.out().lines().toList().get(1));
        assertEquals("", run.err());
    }

    @Test
    void printsOneJsonObjectALine() {
        final List<String> lines = flows("-o", "jsonl").out().lines().toList();
        assertEquals(3, lines.size());
        lines.forEach(StrictJson::parse);
    }

    @Test
    void printsAnEmptyListWhenNothingMatches() {
        final CliRun run = flows("-o", "json", "--client", "10.0.0.1");
        assertEquals(List.of(), ((Map<?, ?>) StrictJson.parse(run.out())).get("items"));
        assertEquals(0, run.exitCode());
    }

    @Test
    void filtersByEachOption() {
        assertEquals(List.of(1L), ids("--rule", "intercom"));
        assertEquals(List.of(0L), ids("--client", "198.51.100.7"));
        assertEquals(List.of(), ids("--client", "198.51.100.7:50005"));
        assertEquals(List.of(0L, 1L), ids("--client", "198.51.100.0/25"));
        assertEquals(List.of(3L), ids("--listen", "203.0.113.1:9001"));
        assertEquals(List.of(0L, 3L), ids("--target", "192.0.2.17"));
        assertEquals(List.of(3L), ids("--snat", "203.0.113.1:40113"));
        assertEquals(List.of(1L), ids("--src", "198.51.100.8", "--dst", "203.0.113.1", "--sport", "1024"));
        assertEquals(List.of(0L), ids("--dport", "9000"));
        assertEquals(List.of(1L), ids("--state", "unreplied"));
        assertEquals(List.of(3L), ids("--state", "silent"));
    }

    @Test
    void sortsBothWaysAndLimits() {
        assertEquals(List.of(1L, 3L, 0L), ids("--sort", "bytes"));
        assertEquals(List.of(0L, 3L, 1L), ids("--sort", "-bytes"));
        assertEquals(List.of(0L, 3L), ids("--sort", "-bytes", "--limit", "2"));
        assertEquals(List.of(0L, 1L, 3L), ids("--sort", "client"));
        assertEquals(List.of(), ids("--sort", "id", "--limit", "0"));
    }

    private static List<Long> ids(final String... options) {
        return flows(Stream.concat(Stream.of("-o", "jsonl"), Stream.of(options)).toArray(String[]::new)).out().lines()
                .map(line -> (Long) ((Map<?, ?>) StrictJson.parse(line)).get("id")).toList();
    }

    @Test
    void refusesFiltersThatMakeNoSense() {
        for (final String filter : List.of("--client=10.1", "--client=10.0.0.0/33", "--listen=1.2.3.4:65536",
                "--target=host", "--snat=1.2.3.4:", "--state=gone", "--sort=bps", "--limit=-1", "-o=xml",
                "--dport=http")) {
            final CliRun run = flows(filter);
            assertEquals(2, run.exitCode(), filter);
            assertEquals("", run.out(), filter);
        }
    }

    @Test
    void namesTheRulesWhenAskedForAnother() {
        final CliRun run = flows("--rule", "camwall");
        assertEquals(4, run.exitCode());
        assertTrue(run.err().contains("cam-wall, intercom"), run.err());
    }

    @Test
    void saysThatThereIsNoSuchRelay() {
        final CliRun run = CliRun.of("flows --instance no-such-relay");
        assertEquals(3, run.exitCode());
        assertTrue(run.err().startsWith("error: no relay \"no-such-relay\""), run.err());
    }

    @Test
    void endsQuietlyWhenNobodyReadsOn() throws Exception {
        final String name = "flows-pipe-test";
        try (RelayFixture many = new RelayFixture(name, 1, 5_000)) {
            for (int i = 0; i < 5_000; i++) {
                many.open(0, 0, "10.0.0.1:" + (1024 + i), "203.0.113.1:9000", "203.0.113.1:" + (1024 + i),
                        "192.0.2.1:9000");
            }
            final String err;
            try (CliProcess process = CliProcess.start("flows", "--instance", name)) {
                assertTrue(process.line().startsWith("ID"));
                process.closeOutput();
                err = process.messages();
                assertEquals(0, process.awaitExit(), err);
            }
            assertFalse(err.contains("shown"), err);
        }
    }
}
