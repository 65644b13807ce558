// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One short command of the host: {@code ip}, {@code ethtool}, {@code iptables}. */
final class Command {
    private static final int LIMIT_SECONDS = 20;

    private Command() { }

    /** How one ended; stdout and stderr together. */
    record Result(int exitCode, String output) {
        boolean isGood() {
            return exitCode == 0;
        }
    }

    /** @return what it printed. @throws Failure with that and the command when it does not succeed */
    static String run(final List<String> words) {
        final Result result = attempt(words);
        if (!result.isGood()) {
            throw new Failure(Failure.FAILED, "\"" + String.join(" ", words) + "\" ended with " + result.exitCode()
                    + ": " + result.output().strip() + ". Fix: the kernel must have network namespaces, veth, for"
                    + " --one-arm bridge (modprobe veth bridge), and root or this user must be allowed to use them");
        }
        return result.output();
    }

    /** In a session of its own: a Ctrl-C at the terminal must not end the command that cleans up after it. */
    static Result attempt(final List<String> words) {
        final List<String> command = new ArrayList<>(List.of("setsid", "--wait"));
        command.addAll(words);
        try {
            final Process process = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null"))).start();
            try {
                final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                    return new Result(process.exitValue(), output);
                }
                return new Result(-1, "not finished in " + LIMIT_SECONDS + " s");
            } finally {
                process.destroyForcibly();
            }
        } catch (final IOException e) {
            return new Result(-1, e.getMessage());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Result(-1, "interrupted");
        }
    }
}
