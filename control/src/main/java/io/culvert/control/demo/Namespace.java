// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.ArrayList;
import java.util.List;

/** A network namespace: one of the demo's hosts. */
public record Namespace(String name) {
    /** Makes it, with loopback up. Without IPv6: its announcements would be packets that nobody sent. */
    static Namespace create(final String name) {
        Command.run(List.of("ip", "netns", "add", name));
        final Namespace namespace = new Namespace(name);
        namespace.run("sh", "-c", "for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do"
                + " [ ! -e $file ] || echo 1 > $file; done");
        namespace.ip("link set lo up");
        return namespace;
    }

    /** Removes it and every interface in it. */
    static Command.Result delete(final String name) {
        return Command.attempt(List.of("ip", "netns", "del", name));
    }

    /** @param words of one {@code ip} command, split at blanks */
    public String ip(final String words) {
        final List<String> command = new ArrayList<>(List.of("ip", "-n", name));
        command.addAll(List.of(words.split(" ")));
        return Command.run(command);
    }

    public String run(final String... words) {
        return Command.run(inside(List.of(words)));
    }

    public Command.Result attempt(final String... words) {
        return Command.attempt(inside(List.of(words)));
    }

    /** The command line that runs another one in here. */
    public List<String> inside(final List<String> words) {
        final List<String> command = new ArrayList<>(List.of("ip", "netns", "exec", name));
        command.addAll(words);
        return command;
    }
}
