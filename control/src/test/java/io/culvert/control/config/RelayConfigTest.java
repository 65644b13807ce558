// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.io.IOException;
import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RelayConfigTest {
    private static final Path EXAMPLES = Path.of("..", "deploy", "examples");
    private static final String MINIMAL = """
            ports: { lan: { device: net_tap0, address: 192.0.2.1/24 } }
            defaults: { snat: none }
            """;

    @Test
    @Tag("RFC4787-REQ-5c")
    void theSmallestFileTakesEveryDefault() {
        final RelayConfig config = parse("""
                ports: { lan: { device: net_tap0, address: 192.0.2.1/24 } }
                rules: [ { name: echo, listen: 192.0.2.1:7/udp, target: 192.0.2.7:7, snat: { address: 192.0.2.1 } } ]
                """);
        assertEquals(new RelayConfig(
                "default",
                List.of(new PortConfig("lan", "net_tap0", List.of(Cidr.parse("192.0.2.1/24")), List.of(),
                        OptionalInt.empty(), OptionalInt.empty(), Optional.empty(), true, Map.of())),
                new WorkersConfig(List.of(), 1, WorkersConfig.Poll.ADAPTIVE),
                new MemoryConfig(MemoryConfig.Huge.AUTO, 0),
                new LimitsConfig(262_144, OptionalInt.empty(), OptionalInt.empty(),
                        new LimitsConfig.PerSource(32, 64, OptionalInt.empty(), OptionalInt.empty())),
                new IcmpConfig(true, 100, false, Duration.ofSeconds(60)),
                List.of(new RuleConfig("echo", address("192.0.2.1"), new PortRange(7, 7), List.of(),
                        address("192.0.2.7"), new PortRange(7, 7),
                        Optional.of(new SnatConfig(List.of(address("192.0.2.1")), new PortRange(1024, 65_535))),
                        NatBehavior.STRICT, Duration.ofSeconds(300), Duration.ofSeconds(30), true, true, false,
                        OptionalInt.empty(), OptionalInt.empty())),
                Optional.of(new InetSocketAddress(address("127.0.0.1"), 9470))), config);
    }

    @ParameterizedTest
    @CsvSource({"0000:8A:00.0, 0000:8a:00.0", "00000000:8a:00.0, 0000:8a:00.0", "00010000:8A:1F.7, 10000:8a:1f.7",
        "'0000:8A:00.0,Arg=B', '0000:8a:00.0,Arg=B'", "'net_tap0,iface=EdgE', 'net_tap0,iface=EdgE'"})
    void aPciAddressIsSpelledAsDpdkSpellsIt(final String written, final String read) {
        assertEquals(read, Devices.parse(written));
    }

    @Test
    @Tag("RFC4787-REQ-5b")
    @Tag("RFC5508-REQ-2a")
    void everyKeyIsRead() {
        final RelayConfig config = parse("""
                apiVersion: culvert/v1
                instance: relay1
                ports:
                  edge: { device: "0000:8a:00.0", address: [203.0.113.1/24, 203.0.113.2/24], gateway: 203.0.113.254,
                          mtu: 9000, vlan: 12, mac: 52-54-00-AA-00-01, neighbors: { 203.0.113.9: "52:54:00:aa:00:02" } }
                workers: { cores: 2-3, poll: busy }
                memory: { huge: false, megabytes: 512 }
                defaults: { idleTimeout: 2m, unansweredTimeout: 10s, ttl: preserve, snat: none, filtering: address }
                limits: { flows: 1024, newPerSecond: 500, unanswered: 100,
                          perSource: { prefix: 24, prefix6: 48, maxSessions: 50, newPerSecond: 20 } }
                icmp: { errors: false, ratePerSecond: 7, refusals: true, echoTimeout: 2m }
                rules:
                  - { name: a, listen: 198.51.100.1:10-19/udp, sources: [10.0.0.0/8], target: 10.1.1.1:20-29,
                      snat: { address: [203.0.113.1, 203.0.113.2], ports: 40000-40999 },
                      idleTimeout: 1h, ttl: decrement, filtering: endpoint-independent,
                      inboundRefresh: false, echo: relay, maxSessions: 40, newPerSecond: 10 }
                  - { name: b, listen: 198.51.100.1:20-29/udp, target: 10.1.1.1:99, idleTimeout: 5s }
                metrics: none
                """);
        final RuleConfig a = config.rules().get(0);
        final RuleConfig b = config.rules().get(1);
        final PortConfig edge = config.ports().get(0);
        assertEquals("relay1", config.instance());
        assertEquals(List.of(Cidr.parse("203.0.113.1/24"), Cidr.parse("203.0.113.2/24")), edge.addresses());
        assertEquals(List.of(address("203.0.113.254")), edge.gateways());
        assertEquals(OptionalInt.of(9000), edge.mtu());
        assertEquals(OptionalInt.of(12), edge.vlan());
        assertEquals(Optional.of(new MacAddress(0x5254_00AA_0001L)), edge.mac());
        assertEquals(Map.of(address("203.0.113.9"), MacAddress.parse("52:54:00:aa:00:02")), edge.neighbors());
        assertEquals(new WorkersConfig(List.of(2, 3), 2, WorkersConfig.Poll.BUSY), config.workers());
        assertEquals(new MemoryConfig(MemoryConfig.Huge.FALSE, 512), config.memory());
        assertEquals(new LimitsConfig(1024, OptionalInt.of(500), OptionalInt.of(100),
                new LimitsConfig.PerSource(24, 48, OptionalInt.of(50), OptionalInt.of(20))), config.limits());
        assertEquals(new IcmpConfig(false, 7, true, Duration.ofMinutes(2)), config.icmp());
        assertEquals(new PortRange(20, 29), a.targetPorts());
        assertEquals(List.of(Cidr.parse("10.0.0.0/8")), a.sources());
        assertEquals(2, a.snat().orElseThrow().addresses().size());
        assertEquals(Duration.ofHours(1), a.idleTimeout());
        assertEquals(Duration.ofSeconds(10), a.unansweredTimeout());
        assertTrue(a.decrementTtl());
        assertEquals(false, a.inboundRefresh());
        assertEquals(OptionalInt.of(40), a.maxSessions());
        assertEquals(OptionalInt.of(10), a.newPerSecond());
        assertTrue(a.relayEcho());
        assertTrue(b.inboundRefresh());
        assertEquals(false, b.relayEcho());
        assertEquals(OptionalInt.empty(), b.maxSessions());
        assertEquals(new NatBehavior(Mapping.ADDRESS_AND_PORT, Filtering.ENDPOINT_INDEPENDENT, false), a.behavior());
        assertEquals(NatBehavior.STRICT, b.behavior(), "without SNAT there is nothing to filter");
        assertEquals(Optional.empty(), b.snat());
        assertEquals(Duration.ofSeconds(5), b.unansweredTimeout(), "inherited, and cut to the idle timeout");
        assertEquals(false, b.decrementTtl());
        assertEquals(Optional.empty(), config.metrics());
    }

    @Test
    void behaviorIsInheritedFromTheDefaults() {
        final List<RuleConfig> rules = parse("""
                ports: { lan: { device: net_tap0, address: 192.0.2.1/24 } }
                defaults: { snat: { address: 192.0.2.1 }, filtering: address, mapping: endpoint-independent,
                            portPairs: true }
                rules:
                  - { name: a, listen: 192.0.2.1:7/udp, target: 192.0.2.200:7 }
                  - { name: b, listen: 192.0.2.1:8/udp, target: 192.0.2.200:8, filtering: address-and-port,
                      mapping: address-and-port }
                """).rules();
        assertEquals(new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS, true), rules.get(0).behavior());
        assertEquals(NatBehavior.STRICT, rules.get(1).behavior());
    }

    @Test
    void clientsOfOneListenerMayBeSplitBySource() {
        assertEquals(2, parse(MINIMAL + """
                rules:
                  - { name: a, listen: 192.0.2.1:7/udp, sources: [192.0.2.0/26], target: 192.0.2.200:7 }
                  - { name: b, listen: 192.0.2.1:7/udp, sources: [192.0.2.64/26], target: 192.0.2.201:7 }
                """).rules().size());
        assertEquals("""
                culvert.yaml:5:51: rule "b" listens on 192.0.2.1:7, already used by "a" (line 4), and its source \
                192.0.2.32/27 overlaps 192.0.2.0/26 there. Fix: pick a free port, or separate the sources""",
                refusal(MINIMAL + """
                rules:
                  - { name: a, listen: 192.0.2.1:7/udp, sources: [192.0.2.0/26], target: 192.0.2.200:7 }
                  - { name: b, listen: 192.0.2.1:7/udp, sources: [192.0.2.32/27], target: 192.0.2.201:7 }
                """));
    }

    @Test
    void aWideListenerIsComparedWithAllInsideIt() {
        final String refusal = refusal(MINIMAL + """
                rules:
                  - { name: wide, listen: 192.0.2.1:100-200/udp, target: 192.0.2.7:7 }
                  - { name: low, listen: 192.0.2.1:110/udp, target: 192.0.2.7:7 }
                  - { name: high, listen: 192.0.2.1:190/udp, target: 192.0.2.7:7 }
                  - { name: free, listen: 192.0.2.1:201/udp, target: 192.0.2.7:7 }
                """);
        assertEquals(2, refusal.lines().count(), refusal);
        assertTrue(refusal.contains("rule \"low\"") && refusal.contains("rule \"high\""), refusal);
    }

    @Test
    @Tag("RFC6888-REQ-3")
    void snatPoolsAreSharedWholeOrSeparate() {
        assertEquals(3, parse(MINIMAL + """
                rules:
                  - { name: a, listen: 192.0.2.1:1/udp, target: 192.0.2.7:7,
                      snat: { address: 192.0.2.1, ports: 10-19 } }
                  - { name: b, listen: 192.0.2.1:2/udp, target: 192.0.2.7:7,
                      snat: { address: 192.0.2.1, ports: 10-19 } }
                  - { name: c, listen: 192.0.2.1:3/udp, target: 192.0.2.7:7,
                      snat: { address: 192.0.2.1, ports: 20-29 } }
                """).rules().size());
    }

    @Test
    void allMistakesAreReportedAtOnceInFileOrder() {
        assertEquals(List.of(
                "1:1: has no rules",
                "1:11: instance \"A\" is not a name",
                "2:25: port \"lan\": device \"7\" is not a device",
                "2:37: port \"lan\": address \"192.0.2.1\" has no prefix length",
                "3:1: unknown key \"z\""), whats(refusal("""
                instance: A
                ports: { lan: { device: 7, address: 192.0.2.1 } }
                z: 1
                """)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n\n", "# nothing\n", "---\n", "null\n", "~"})
    void anEmptyFileSaysWhatIsNeeded(final String text) {
        assertEquals("culvert.yaml:1:1: the file is empty: a relay needs at least one port and one rule."
                + " Fix: start from deploy/examples/one-arm.yaml", refusal(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"- a", "word", "42", "[1, 2]", "\"\""})
    void aFileThatIsNoMapIsRefused(final String text) {
        assertTrue(refusal(text).startsWith("culvert.yaml:1:1: must be a map of keys and values, not "), refusal(text));
    }

    @Test
    void emptyPortsAndRulesAreRefused() {
        final String refusal = refusal("ports: {}\nrules: []\n");
        assertEquals(List.of("1:8: ports: must name 1 to 32 ports", "2:8: rules must have 1 to 10000 items, not 0"),
                whats(refusal));
    }

    @ParameterizedTest
    @CsvSource({"appliance.yaml, 3", "dual-stack.yaml, 2", "one-arm.yaml, 1"})
    void theExamplesAreValid(final String name, final int rules) {
        assertEquals(rules, RelayConfig.load(EXAMPLES.resolve(name)).rules().size());
    }

    @Test
    void aByteOrderMarkAndWindowsLineEndsAreNoMistake() throws IOException {
        final String text = Files.readString(EXAMPLES.resolve("one-arm.yaml")).replace("\n", "\r\n");
        assertEquals("echo", parse("\uFEFF" + text).rules().get(0).name());
        assertTrue(refusal("\uFEFFzzzz: 1").startsWith("culvert.yaml:1:1: "), refusal("\uFEFFzzzz: 1"));
    }

    @Test
    void filesThatCannotBeReadSayWhy(@TempDir final Path folder) throws IOException {
        final Path latin = folder.resolve("latin.yaml");
        Files.write(latin, new byte[] {'#', (byte) 0xE9, '\n'});
        final Path missing = folder.resolve("missing.yaml");
        assertEquals(missing + ": there is no such file. Fix: check the path", loadRefusal(missing));
        assertEquals(folder + ": is a directory. Fix: name the file in it", loadRefusal(folder));
        assertEquals(latin + ": is not UTF-8 text. Fix: save it as UTF-8", loadRefusal(latin));
    }

    private static RelayConfig parse(final String text) {
        return RelayConfig.parse(text, "culvert.yaml");
    }

    private static String refusal(final String text) {
        final Failure failure = assertThrows(Failure.class, () -> parse(text));
        assertEquals(Failure.INVALID, failure.exitCode());
        return failure.getMessage();
    }

    /** Place, what and why of each line, without the mend. */
    private static List<String> whats(final String refusal) {
        return refusal.lines().map(line -> line.replace("culvert.yaml:", "").replaceFirst("\\. Fix: .*", "")).toList();
    }

    private static String loadRefusal(final Path file) {
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.load(file));
        assertEquals(Failure.INVALID, failure.exitCode());
        return failure.getMessage();
    }

    private static InetAddress address(final String text) {
        return InetAddress.ofLiteral(text);
    }
}
