// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.Failure;
import io.culvert.control.config.Draft.Neighbor;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The desired state of one relay: read from its YAML file once, checked as a whole, and immutable from then on. What
 * cannot work is refused here, with the place and the mend, before any device is touched.
 */
public record RelayConfig(
        String instance,
        List<PortConfig> ports,
        WorkersConfig workers,
        MemoryConfig memory,
        LimitsConfig limits,
        IcmpConfig icmp,
        List<RuleConfig> rules,
        Optional<InetSocketAddress> metrics) {

    /** @throws Failure naming every problem found, one a line, or why the file cannot be read */
    public static RelayConfig load(final Path file) {
        if (Files.isDirectory(file)) {
            throw unreadable(file, "is a directory", "name the file in it");
        }
        try (InputStream in = Files.newInputStream(file)) {
            final byte[] bytes = in.readNBytes(Document.BYTES_LIMIT + 1);
            return parse(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString(),
                    file.toString());
        } catch (final NoSuchFileException e) {
            throw unreadable(file, "there is no such file", "check the path");
        } catch (final AccessDeniedException e) {
            throw unreadable(file, "you may not read it", "chmod it, or run as a user who may");
        } catch (final CharacterCodingException e) {
            throw unreadable(file, "is not UTF-8 text", "save it as UTF-8");
        } catch (final IOException e) {
            throw unreadable(file, "cannot be read (" + e.getMessage() + ")", "check the path and the disk");
        }
    }

    /**
     * @param where what messages call the text, usually its file name
     * @throws Failure naming every problem found, one a line
     */
    public static RelayConfig parse(final String text, final String where) {
        final Problems problems = new Problems(where);
        final Optional<Draft> draft =
                Document.compose(text, problems).flatMap(root -> DraftReader.read(root, problems));
        draft.ifPresent(read -> {
            PortChecks.check(read.ports(), problems);
            RuleChecks.check(read.ports(), read.rules(), problems);
        });
        if (!problems.isEmpty()) {
            throw problems.failure();
        }
        return of(draft.orElseThrow());
    }

    private static Failure unreadable(final Path file, final String why, final String mend) {
        return new Failure(Failure.INVALID, file + ": " + why + ". Fix: " + mend);
    }

    private static RelayConfig of(final Draft draft) {
        return new RelayConfig(
                draft.instance(),
                draft.ports().stream().map(RelayConfig::portOf).toList(),
                draft.workers(),
                draft.memory(),
                draft.limits(),
                draft.icmp(),
                draft.rules().stream().map(RelayConfig::ruleOf).toList(),
                draft.metrics());
    }

    private static PortConfig portOf(final Draft.Port port) {
        final Map<InetAddress, MacAddress> neighbors = new LinkedHashMap<>();
        for (final Neighbor neighbor : port.neighbors()) {
            neighbors.put(neighbor.address().value(), neighbor.mac().orElseThrow().value());
        }
        return new PortConfig(
                port.name(),
                port.device().orElseThrow().value(),
                port.addresses().stream().map(Located::value).toList(),
                port.gateways().stream().map(Located::value).toList(),
                number(port.mtu()),
                number(port.vlan()),
                port.mac().map(Located::value),
                port.reversePath().map(Located::value).orElse("strict").equals("strict"),
                Collections.unmodifiableMap(neighbors));
    }

    private static OptionalInt number(final Optional<Located<Integer>> value) {
        return value.map(number -> OptionalInt.of(number.value())).orElse(OptionalInt.empty());
    }

    private static RuleConfig ruleOf(final Draft.Rule rule) {
        final Endpoint listen = rule.listen().orElseThrow().value();
        final Endpoint target = rule.target().orElseThrow().value();
        return new RuleConfig(
                rule.name().orElseThrow().value(),
                listen.address(),
                listen.ports(),
                rule.sources().orElse(List.of()).stream().map(Located::value).toList(),
                target.address(),
                target.ports(),
                rule.snat().map(Located::value),
                rule.behavior(),
                rule.idleTimeout(),
                rule.unansweredTimeout(),
                rule.decrementTtl(),
                rule.inboundRefresh(),
                rule.relaysEcho(),
                rule.maxSessions(),
                rule.newPerSecond());
    }
}
