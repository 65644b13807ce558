// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One valid file, and a table of what happens when one of its lines is replaced by a mistake. */
class RelayConfigMistakesTest {
    private static final List<String> VALID = """
            ports:
              edge:
                device: "0000:8a:00.0"
                address: 203.0.113.1/24
                gateway: 203.0.113.254
              inner:
                device: net_tap0
                address: 192.0.2.2/24
            defaults:
              snat: { address: 192.0.2.2, ports: 20000-29999 }
            rules:
              - name: one
                listen: 203.0.113.1:9000/udp
                target: 192.0.2.17:9000
              - name: two
                listen: 203.0.113.1:9100-9199/udp
                target: 192.0.2.18:9100-9199
            """.lines().toList();

    /** @param expected how the lines of the message begin: place, what, why; a mend must follow */
    private record Mistake(int line, String instead, String... expected) {
        String file() {
            final List<String> lines = new ArrayList<>(VALID);
            lines.set(line - 1, instead);
            return String.join("\n", lines);
        }

        @Override
        public String toString() {
            return "line " + line + ": " + instead.strip();
        }
    }

    private static Mistake mistake(final int line, final String instead, final String... expected) {
        return new Mistake(line, instead, expected);
    }

    @Test
    void theFileWithoutMistakesIsValid() {
        assertEquals(2, RelayConfig.parse(String.join("\n", VALID), "culvert.yaml").rules().size());
    }

    @Test
    void withoutAGatewayEverythingMustBeConnected() {
        final List<String> lines = new ArrayList<>(VALID);
        lines.set(13, "    target: 198.51.100.9:9000");
        lines.set(14, "    sources: [198.51.100.0/24]\n  - name: two");
        assertEquals(2, RelayConfig.parse(String.join("\n", lines), "culvert.yaml").rules().size());

        lines.set(4, "    mtu: 1500");
        final Failure failure = assertThrows(
                Failure.class, () -> RelayConfig.parse(String.join("\n", lines), "culvert.yaml"));
        assertEquals("""
                culvert.yaml:14:13: rule "one" relays to 198.51.100.9:9000, which is in no port's network, and no \
                port has a gateway. Fix: add gateway: to the port that leads there
                culvert.yaml:15:15: rule "one" serves 198.51.100.0/24, which is in no port's network, and no port has \
                a gateway: replies would have no way back. Fix: add gateway: to the port that leads there""",
                failure.getMessage());
    }

    @ParameterizedTest
    @MethodSource({"formMistakes", "topMistakes", "workerMistakes", "portMistakes", "ipv6Mistakes", "ruleMistakes",
        "optionMistakes", "snatMistakes"})
    @Tag("RFC4787-REQ-7")
    void eachMistakeIsNamedWithItsPlaceAndMend(final Mistake mistake) {
        final Failure failure =
                assertThrows(Failure.class, () -> RelayConfig.parse(mistake.file(), "culvert.yaml"));
        final List<String> lines = failure.getMessage().lines().toList();
        assertEquals(Failure.INVALID, failure.exitCode());
        assertEquals(mistake.expected.length, lines.size(), failure.getMessage());
        assertAll(IntStream.range(0, lines.size()).mapToObj(at -> () -> {
            assertTrue(lines.get(at).startsWith("culvert.yaml:" + mistake.expected[at]), lines.get(at));
            assertTrue(lines.get(at).contains(" Fix: "), lines.get(at));
        }));
    }

    static Stream<Mistake> formMistakes() {
        return Stream.of(
                mistake(1, "port:", "1:1: unknown key \"port\", did you mean \"ports\"?", "1:1: has no ports"),
                mistake(3, "    Device: x",
                        "3:5: port \"edge\": unknown key \"Device\", did you mean \"device\"?",
                        "3:5: port \"edge\": has no device"),
                mistake(5, "    gatway: 203.0.113.254",
                        "5:5: port \"edge\": unknown key \"gatway\", did you mean \"gateway\"?"),
                mistake(5, "    colour: blue", "5:5: port \"edge\": unknown key \"colour\". Fix: use one of device, "),
                mistake(5, "\tmtu: 1500", "5:1: not valid YAML: while scanning for the next token"),
                mistake(5, "    address: 203.0.113.2/24",
                        "5:5: port \"edge\": has the key \"address\" twice, first on line 4"),
                mistake(5, "    gateway:", "5:13: port \"edge\": gateway has no value"),
                mistake(5, "    gateway: ~", "5:14: port \"edge\": gateway has no value"),
                mistake(5, "    mtu: [1500]", "5:10: port \"edge\": mtu must be a single value, not a list"),
                mistake(5, "    gateway: [203.0.113.254, 203.0.113.253]",
                        "5:30: port \"edge\": gateway 203.0.113.253 is the second of IPv4"),
                mistake(5, "    ? [a]\n    : b", "5:7: port \"edge\": has a list as a key"),
                mistake(5, "    gateway: &g 203.0.113.254", "5:14: anchors (&) and aliases (*) are not supported"),
                mistake(5, "    gateway: *g", "5:14: anchors (&) and aliases (*) are not supported"),
                mistake(5, "    gateway: !!java.net.URL x", "5:14: the tag \"tag:yaml.org,2002:java.net.URL\""),
                mistake(5, "---", "5:1: a second YAML document starts here"),
                mistake(5, "    gateway: 203.0.113.254: 1", "5:27: not valid YAML: mapping values are not allowed"),
                mistake(5, "    gateway: \"203.0.113.254", "17:"),
                mistake(5, "    gateway: \u0007", "5:14: the character U+0007 is not allowed in YAML"));
    }

    static Stream<Mistake> topMistakes() {
        return Stream.of(
                mistake(9, "apiVersion: culvert/v2\ndefaults:", "9:13: apiVersion \"culvert/v2\" is not known here"),
                mistake(9, "instance: Relay_1\ndefaults:", "9:11: instance \"Relay_1\" is not a name"),
                mistake(9, "memory: { huge: yes, megabytes: 8 }\ndefaults:",
                        "9:17: memory: huge \"yes\" is not known here",
                        "9:33: memory: megabytes \"8\" is out of range"),
                mistake(9, "limits: { flows: 9 }\ndefaults:", "9:18: limits: flows \"9\" is odd"),
                mistake(9, "limits: { flows: 0 }\ndefaults:", "9:18: limits: flows \"0\" is out of range"),
                mistake(9, "limits: { flows: 33554434 }\ndefaults:",
                        "9:18: limits: flows \"33554434\" is out of range"),
                mistake(9, "limits: { flows: 256k }\ndefaults:", "9:18: limits: flows \"256k\" is not a whole number"),
                mistake(9, "limits: { newPerSecond: 0 }\ndefaults:",
                        "9:25: limits: newPerSecond \"0\" is out of range"),
                mistake(9, "limits: { unanswered: 1k }\ndefaults:",
                        "9:23: limits: unanswered \"1k\" is not a whole number"),
                mistake(9, "limits: { perSource: 9 }\ndefaults:",
                        "9:22: limits: perSource: must be a map of keys and values, not the single"),
                mistake(9, "limits: { perSource: { prefix: 33 } }\ndefaults:",
                        "9:32: limits: perSource: prefix \"33\" is out of range"),
                mistake(9, "limits: { perSource: { sessions: 9 } }\ndefaults:",
                        "9:24: limits: perSource: unknown key \"sessions\""),
                mistake(12, "  - name: one\n    maxSessions: 0",
                        "13:18: rule \"one\": maxSessions \"0\" is out of range"),
                mistake(12, "  - name: one\n    inboundRefresh: yes",
                        "13:21: rule \"one\": inboundRefresh \"yes\" is not known here"),
                mistake(9, "limits: 9\ndefaults:", "9:9: limits: must be a map of keys and values, not the single"),
                mistake(9, "metrics: { listen: \"localhost:9470\" }\ndefaults:",
                        "9:20: metrics: listen \"localhost\" is not an address in digits"),
                mistake(9, "metrics: { listen: 127.0.0.1 }\ndefaults:",
                        "9:20: metrics: listen \"127.0.0.1\" has no port"),
                mistake(9, "metrics: off\ndefaults:", "9:10: metrics: must be a map"),
                mistake(9, "defaults:\n  idleTimeout: 10s\n  unansweredTimeout: 20s",
                        "11:3: defaults: unansweredTimeout is longer than idleTimeout"));
    }

    static Stream<Mistake> workerMistakes() {
        return Stream.of(
                mistake(9, "workers: { cores: 4 }\ndefaults:", "9:19: workers: cores \"4\" can mean core 4 or 4 cores"),
                mistake(9, "workers: { cores: [2, 2] }\ndefaults:", "9:23: workers: core 2 is named twice"),
                mistake(9, "workers: { cores: [-1] }\ndefaults:", "9:20: workers: cores \"-1\" is out of range"),
                mistake(9, "workers: { cores: 5-2 }\ndefaults:", "9:19: workers: cores \"5-2\" runs backwards"),
                mistake(9, "workers: { cores: \"2-4,3\" }\ndefaults:",
                        "9:19: workers: cores \"2-4,3\" names a core twice"),
                mistake(9, "workers: { cores: all }\ndefaults:", "9:19: workers: cores \"all\" does not name cores"),
                mistake(9, "workers: { cores: [2], count: 1 }\ndefaults:",
                        "9:31: workers: count goes with cores: auto only"),
                mistake(9, "workers: { count: 0 }\ndefaults:", "9:19: workers: count \"0\" is out of range"),
                mistake(9, "workers: { poll: lazy }\ndefaults:", "9:18: workers: poll \"lazy\" is not known here"));
    }

    static Stream<Mistake> portMistakes() {
        return Stream.of(
                mistake(6, "  Inner:", "6:3: ports: \"Inner\" is not a name"),
                mistake(7, "    device: 0000:8A:00.0", "7:13: port \"inner\" drives the device \"0000:8a:00.0\", as"),
                mistake(7, "    device: eth0",
                        "7:13: port \"inner\": device \"eth0\" is the name of a kernel interface"),
                mistake(7, "    device: 8a:00.1", "7:13: port \"inner\": device \"8a:00.1\" has no PCI domain"),
                mistake(7, "    device: net_tap", "7:13: port \"inner\": device \"net_tap\" does not end in a number"),
                mistake(7, "    device: net_af_xdp0",
                        "7:13: port \"inner\": device \"net_af_xdp0\" does not say which"),
                mistake(7, "    device: \"net_tap0, iface=x\"",
                        "7:13: port \"inner\": device \"net_tap0, iface=x\" contains"),
                mistake(7, "    device: \"\"", "7:13: port \"inner\": device \"\" is not a device"),
                mistake(3, "    device: net_tap0,iface=t0\n    mac: 52:54:00:00:00:01\n    mtu: 1500",
                        "9:13: port \"inner\" drives the device \"net_tap0\", as port \"edge\" does"),
                mistake(8, "    address: 192.0.2.2",
                        "8:14: port \"inner\": address \"192.0.2.2\" has no prefix length"),
                mistake(8, "    address: 192.0.2.2/255.255.255.0",
                        "8:14: port \"inner\": address \"192.0.2.2/255.255.255.0\" has no prefix length from 0 to 32."
                                + " Fix: write 192.0.2.2/24"),
                mistake(8, "    address: 192.0.2.0/24",
                        "8:14: port \"inner\": address \"192.0.2.0/24\" is the network"),
                mistake(8, "    address: 192.0.2.255/24",
                        "8:14: port \"inner\": address \"192.0.2.255/24\" is the network"),
                mistake(8, "    address: 192.0.2.2/0", "8:14: port \"inner\": address \"192.0.2.2/0\" puts the whole"),
                mistake(8, "    address: 127.0.0.1/8", "8:14: port \"inner\": address \"127.0.0.1\" is a loopback"),
                mistake(8, "    address: 224.0.0.1/24", "8:14: port \"inner\": address \"224.0.0.1\" is a multicast"),
                mistake(8, "    address: 0.0.0.0/24", "8:14: port \"inner\": address \"0.0.0.0\" is in 0.0.0.0/8"),
                mistake(8, "    address: 192.0.2.300/24",
                        "8:14: port \"inner\": address \"192.0.2.300\" is not an IPv4"),
                mistake(8, "    address: 192.0.02.2/24",
                        "8:14: port \"inner\": address \"192.0.02.2\" has a number with"),
                mistake(8, "    address: 10.1/24", "8:14: port \"inner\": address \"10.1\" is not an IPv4"),
                mistake(8, "    address: []", "8:14: port \"inner\": address is an empty list"),
                mistake(8, "    address: [192.0.2.2/24, 192.0.2.2/24]",
                        "8:29: port \"inner\" has the address 192.0.2.2 twice"),
                mistake(8, "    address: [192.0.2.2/24, 203.0.113.77/32]", "8:29: port \"inner\" has 203.0.113.77/32,"
                        + " whose network overlaps 203.0.113.1/24 of port \"edge\" (line 4)"),
                mistake(5, "    gateway: 203.0.113.1", "5:14: port \"edge\": gateway 203.0.113.1 is the relay's own"),
                mistake(5, "    gateway: 198.51.100.1", "5:14: port \"edge\": gateway 198.51.100.1 is in none of the"),
                mistake(5, "    gateway: 203.0.113.255", "5:14: port \"edge\": gateway 203.0.113.255 is a network or"),
                mistake(5, "    mtu: 575", "5:10: port \"edge\": mtu \"575\" is out of range. Fix: use 576 to 9600"),
                mistake(4, "    address: [203.0.113.1/24, 2001:db8::1/64]\n    mtu: 1279", "5:10: port \"edge\" has"
                        + " IPv6 addresses and mtu 1279, and IPv6 needs 1280 (RFC 8200 section 5). Fix: write 1280 or"),
                mistake(5, "    mtu: 9601", "5:10: port \"edge\": mtu \"9601\" is out of range"),
                mistake(5, "    vlan: 0", "5:11: port \"edge\": vlan \"0\" is out of range. Fix: use 1 to 4094"),
                mistake(5, "    vlan: 4095", "5:11: port \"edge\": vlan \"4095\" is out of range"),
                mistake(5, "    mac: 52:54:00", "5:10: port \"edge\": mac \"52:54:00\" is not a MAC address"),
                mistake(5, "    mac: 01:00:5e:00:00:01", "5:10: port \"edge\": mac \"01:00:5e:00:00:01\" is a group"),
                mistake(5, "    neighbors: { 198.51.100.1: 52:54:00:00:00:01 }",
                        "5:18: port \"edge\": neighbor 198.51.100.1 is in none of the port's networks"),
                mistake(5, "    neighbors: { 203.0.113.1: 52:54:00:00:00:01 }",
                        "5:18: port \"edge\": neighbor 203.0.113.1 is the relay's own address"),
                mistake(5, "    neighbors: { router: 52:54:00:00:00:01 }",
                        "5:18: port \"edge\": neighbors: \"router\" is not an address in digits"),
                mistake(5, "    neighbors: { 203.0.113.9: x }",
                        "5:31: port \"edge\": neighbors: 203.0.113.9 \"x\" is not a MAC address"));
    }

    static Stream<Mistake> ipv6Mistakes() {
        return Stream.of(
                mistake(8, "    address: 2001:db8::1",
                        "8:14: port \"inner\": address \"2001:db8::1\" has no prefix length. Fix: write"
                                + " 2001:db8::1/64"),
                mistake(8, "    address: 2001:db8::1/129",
                        "8:14: port \"inner\": address \"2001:db8::1/129\" has no prefix length from 0 to 128"),
                mistake(8, "    address: 2001:db8::/64",
                        "8:14: port \"inner\": address \"2001:db8::/64\" is the network"),
                mistake(8, "    address: fe80::1/64", "8:14: port \"inner\": address \"fe80::1\" is a link-local"),
                mistake(8, "    address: fe80::1%eth0/64",
                        "8:14: port \"inner\": address \"fe80::1%eth0\" names an interface"),
                mistake(8, "    address: \"::ffff:192.0.2.2/64\"",
                        "8:14: port \"inner\": address \"::ffff:192.0.2.2\" is an IPv4 address in IPv6 clothes"),
                mistake(8, "    address: \"::1/64\"", "8:14: port \"inner\": address \"::1\" is a loopback"),
                mistake(8, "    address: \"::/64\"", "8:14: port \"inner\": address \"::\" is the unspecified"),
                mistake(8, "    address: \"::7/64\"", "8:14: port \"inner\": address \"::7\" is in ::/96"),
                mistake(8, "    address: ff02::1/64", "8:14: port \"inner\": address \"ff02::1\" is a multicast"),
                mistake(8, "    address: 2001:db8:1/64",
                        "8:14: port \"inner\": address \"2001:db8:1\" is not an address"),
                mistake(13, "    listen: 2001:db8::1:9000/udp",
                        "13:13: rule \"one\": listen \"2001:db8::1:9000\" has no port. Fix: write"
                        + " [2001:db8::1:9000]:PORT/udp"),
                mistake(13, "    listen: \"[2001:db8::1]/udp\"",
                        "13:13: rule \"one\": listen \"[2001:db8::1]\" has no port. Fix: write"
                        + " [2001:db8::1]:PORT/udp"),
                mistake(13, "    listen: \"[192.0.2.999]:9/udp\"",
                        "13:13: rule \"one\": listen \"192.0.2.999\" is not an IPv4"),
                mistake(14, "    target: \"[2001:db8::17]:9000\"",
                        "14:13: rule \"one\" listens on IPv4 and has the target 2001:db8::17",
                        "14:13: rule \"one\" relays to [2001:db8::17]:9000, which is in no port's network"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: [2001:db8::/32]",
                        "15:15: rule \"one\" listens on IPv4 and has the source 2001:db8::: the two families",
                        "15:15: rule \"one\" serves 2001:db8::/32, which is in no port's network"),
                mistake(14, "    target: 192.0.2.17:9000\n    snat: { address: 2001:db8::1 }",
                        "15:11: rule \"one\" listens on IPv4 and has the SNAT address 2001:db8::1"));
    }

    static Stream<Mistake> ruleMistakes() {
        return Stream.of(
                mistake(15, "  - name: one", "15:11: the name \"one\" is already taken by the rule on line 12"),
                mistake(15, "  - name: cam 2", "15:11: rule \"cam 2\": name \"cam 2\" is not a name"),
                mistake(15, "  -", "16:5: rule 2: has no name"),
                mistake(13, "    listen: 203.0.113.1:9150/udp",
                        "16:13: rule \"two\" listens on 203.0.113.1:9100-9199, already used by \"one\" (line 13)"),
                mistake(16, "    listen: 203.0.113.1:8990-9089/udp\n    sources: [10.0.0.0/8]",
                        "16:13: rule \"two\" listens on 203.0.113.1:8990-9089, already used by \"one\" (line 13);"
                                + " one of the two takes any client"),
                mistake(13, "    listen: 203.0.113.1:9000", "13:13: rule \"one\": listen \"203.0.113.1:9000\" has no"
                        + " protocol. Fix: write 203.0.113.1:9000/udp"),
                mistake(13, "    listen: 203.0.113.1:9000/tcp",
                        "13:13: rule \"one\": listen \"203.0.113.1:9000/tcp\" asks"),
                mistake(13, "    listen: 203.0.113.1/udp", "13:13: rule \"one\": listen \"203.0.113.1\" has no port"),
                mistake(13, "    listen: 203.0.113.1:0/udp",
                        "13:13: rule \"one\": listen \"0\" is outside the UDP ports"),
                mistake(13, "    listen: 203.0.113.1:65536/udp", "13:13: rule \"one\": listen \"65536\" is outside"),
                mistake(13, "    listen: 203.0.113.1:9-8/udp", "13:13: rule \"one\": listen \"9-8\" runs backwards"),
                mistake(13, "    listen: 203.0.113.1:8:9/udp", "13:13: rule \"one\": listen \"8:9\" is not a port or a"
                        + " port range. Fix: write 8-9"),
                mistake(13, "    listen: relay.example:9000/udp",
                        "13:13: rule \"one\": listen \"relay.example\" is not an"
                        + " address in digits, and names are never resolved"),
                mistake(13, "    listen: 0.0.0.0:9000/udp", "13:13: rule \"one\": listen \"0.0.0.0\" is in 0.0.0.0/8"),
                mistake(13, "    listen: 203.0.113.254:9000/udp",
                        "13:13: rule \"one\" listens on 203.0.113.254, which is the gateway of port \"edge\""),
                mistake(13, "    listen: 203.0.113.255:9000/udp",
                        "13:13: rule \"one\" listens on 203.0.113.255, which is the network or broadcast address"),
                mistake(14, "    target: 203.0.113.1:9000", "14:13: rule \"one\" relays to 203.0.113.1:9000, where rule"
                        + " \"one\" (line 13) listens"),
                mistake(14, "    target: 203.0.113.1:9199", "14:13: rule \"one\" relays to 203.0.113.1:9199, where rule"
                        + " \"two\" (line 16) listens"),
                mistake(14, "    target: 192.0.2.2:9000",
                        "14:13: rule \"one\" relays to 192.0.2.2:9000, which is the relay's own address"),
                mistake(14, "    target: 192.0.2.255:9000",
                        "14:13: rule \"one\" relays to 192.0.2.255:9000, which is the network or broadcast address"),
                mistake(14, "    target: 127.0.0.1:9000",
                        "14:13: rule \"one\": target \"127.0.0.1\" is a loopback address"),
                mistake(14, "    target: 239.0.0.1:9000",
                        "14:13: rule \"one\": target \"239.0.0.1\" is a multicast address"),
                mistake(14, "    target: 255.255.255.255:9", "14:13: rule \"one\": target \"255.255.255.255\" is the"),
                mistake(14, "    target: 169.254.1.1:9000",
                        "14:13: rule \"one\": target \"169.254.1.1:9000\" is a link-local"),
                mistake(14, "    target: 192.0.2.17:9000/udp",
                        "14:13: rule \"one\": target \"192.0.2.17:9000/udp\" names a protocol"),
                mistake(14, "    target: 192.0.2.17", "14:13: rule \"one\": target \"192.0.2.17\" has no port"),
                mistake(14, "    target: {}", "14:13: rule \"one\": target must be a single value, not a map"),
                mistake(17, "    target: 192.0.2.18:9100-9198",
                        "17:13: rule \"two\" listens on 100 ports (9100-9199) and"
                        + " relays to 99 (9100-9198), so the offset cannot be kept. Fix: write 9100-9199, or one port"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: [10.0.0.1/8]",
                        "15:15: rule \"one\": sources \"10.0.0.1/8\" has host bits set, so it is not clear whether the"
                                + " network or the host is meant. Fix: write 10.0.0.0/8, or 10.0.0.1/32"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: []",
                        "15:14: rule \"one\": sources is an empty list"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: 10.0.0.0/8",
                        "15:14: rule \"one\": sources must be a list, not the single value \"10.0.0.0/8\". Fix: write"
                                + " sources: [10.0.0.0/8]"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: [10.0.0.7]",
                        "15:15: rule \"one\": sources \"10.0.0.7\" has no prefix length. Fix: write 10.0.0.7/32"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: [10.0.0.0/8, 10.0.0.0/8]",
                        "15:27: rule \"one\": sources names 10.0.0.0/8 twice"),
                mistake(14, "    target: 192.0.2.17:9000\n    sources: [224.0.0.0/8]",
                        "15:15: rule \"one\": sources \"224.0.0.0/8\" is a multicast address"));
    }

    static Stream<Mistake> optionMistakes() {
        return Stream.of(
                mistake(14, "    target: 192.0.2.17:9000\n    idleTimeout: 300",
                        "15:18: rule \"one\": idleTimeout \"300\" has no unit. Fix: write 300s"),
                mistake(14, "    target: 192.0.2.17:9000\n    idleTimeout: 500ms",
                        "15:18: rule \"one\": idleTimeout \"500ms\" is finer than timeouts are kept"),
                mistake(14, "    target: 192.0.2.17:9000\n    idleTimeout: 0s",
                        "15:18: rule \"one\": idleTimeout \"0s\" is out of range"),
                mistake(14, "    target: 192.0.2.17:9000\n    idleTimeout: 1d",
                        "15:18: rule \"one\": idleTimeout \"1d\" is not a duration"),
                mistake(14, "    target: 192.0.2.17:9000\n    filtering: open",
                        "15:16: rule \"one\": filtering \"open\" is not known here. Fix: use address-and-port or"
                                + " address or endpoint-independent"),
                mistake(14, "    target: 192.0.2.17:9000\n    snat: none\n    filtering: address",
                        "16:5: rule \"one\": filtering is about external endpoints, and with snat: none there are"
                                + " none"),
                mistake(14, "    target: 192.0.2.17:9000\n    portPairs: true",
                        "15:5: rule \"one\": portPairs keeps the two endpoints of a client together"),
                mistake(14, "    target: 192.0.2.17:9000\n    mapping: symmetric",
                        "15:14: rule \"one\": mapping \"symmetric\" is not known here. Fix: use address-and-port or"
                                + " endpoint-independent"),
                mistake(14, "    target: 192.0.2.17:9000\n    echo: both",
                        "15:11: rule \"one\": echo \"both\" is not known here. Fix: use answer or relay"),
                mistake(17, "    target: 192.0.2.18:9100-9199\n    echo: relay\n  - name: three\n"
                                + "    listen: 203.0.113.1:9300/udp\n    target: 192.0.2.18:9300\n    echo: relay",
                        "22:11: rule \"three\" relays echo requests to 203.0.113.1, and so does \"two\" (line 16) for"
                                + " some of the same clients. Fix: let one of the two relay them"),
                mistake(14, "    target: 192.0.2.17:9000\n    ttl: keep",
                        "15:10: rule \"one\": ttl \"keep\" is not known here. Fix: use decrement or preserve"),
                mistake(17, "    target: 192.0.2.18:9100\n  - oops", "18:5: rule 3: must be a map of keys and values"));
    }

    static Stream<Mistake> snatMistakes() {
        return Stream.of(
                mistake(10, "  ttl: preserve", "12:5: rule \"one\": has no snat", "15:5: rule \"two\": has no snat"),
                mistake(10, "  snat: 192.0.2.2", "10:9: defaults: snat: must be a map of keys and values"),
                mistake(10, "  snat: { ports: 1-2 }", "10:9: defaults: snat: has no address"),
                mistake(10, "  snat: { address: 192.0.2.2, ports: 2-1 }", "10:38: defaults: snat: ports \"2-1\" runs"),
                mistake(10, "  snat: { address: [192.0.2.2, 192.0.2.2] }",
                        "10:32: defaults: snat: address names 192.0.2.2"),
                mistake(10, "  snat: { address: 203.0.113.254 }",
                        "10:9: snat uses 203.0.113.254, which is the gateway of port \"edge\""),
                mistake(10, "  snat: { address: 203.0.113.1, ports: 9110-9120 }",
                        "10:9: snat has no port left on 203.0.113.1: listeners hold all of 9110-9120"),
                mistake(10, "  snat: { address: 192.0.2.17 }",
                        "14:13: rule \"one\" relays to 192.0.2.17:9000, which is the relay's own address (rule \"one\""
                                + " uses it for SNAT)"),
                mistake(14, "    target: 192.0.2.17:9000\n    snat: { address: 192.0.2.2, ports: 29000-31000 }",
                        "15:11: snat takes ports 29000-31000, and the snat on line 10 takes 20000-29999 of the same"));
    }
}
