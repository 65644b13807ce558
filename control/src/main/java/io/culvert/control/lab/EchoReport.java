// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.util.List;
import java.util.stream.Collectors;

/** What the echo server has seen so far. {@code sent} falls short of {@code received} by the answers not accepted. */
public record EchoReport(long received, long sent, List<Source> sources) {

    /** One address and how many of its ports sent something. */
    public record Source(String address, int ports, int lowestPort, int highestPort) {
    }

    public String json() {
        return sources.stream()
                .map(source -> """
                        {"address":"%s","ports":%d,"lowestPort":%d,"highestPort":%d}""".formatted(
                        source.address, source.ports, source.lowestPort, source.highestPort))
                .collect(Collectors.joining(",", """
                        {"received":%d,"sent":%d,"sources":[""".formatted(received, sent), "]}"));
    }

    public String text() {
        return sources.stream()
                .map(source -> "%n%-15s  %5d ports, %d to %d".formatted(
                        source.address, source.ports, source.lowestPort, source.highestPort))
                .collect(Collectors.joining("", """
                        received  %d
                        sent      %d
                        sources   %d""".formatted(received, sent, sources.size()), ""));
    }
}
