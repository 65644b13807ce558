// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The demo without root: the same program once more, in user, network and mount namespaces of its own, where it is root
 * enough. A running JVM has threads and so cannot go there itself.
 */
public final class Unprivileged {
    private static final int CAP_NET_ADMIN = 12;
    private static final int CAP_SYS_ADMIN = 21;
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Duration LOOK = Duration.ofMillis(50);
    private static final List<String> UNSHARE = List.of("unshare", "-Urnm");
    /** `ip netns` keeps its names below /run, which belongs to somebody else. */
    private static final String PRIVATE_RUN = "mount -t tmpfs tmpfs /run && exec \"$@\"";

    private Unprivileged() { }

    /** Whether this process may make network namespaces and give them names. */
    public static boolean isPrivileged() {
        try {
            final BigInteger capabilities = Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith("CapEff:")).findFirst()
                    .map(line -> new BigInteger(line.substring("CapEff:".length()).strip(), 16))
                    .orElse(BigInteger.ZERO);
            return capabilities.testBit(CAP_NET_ADMIN) && capabilities.testBit(CAP_SYS_ADMIN)
                    && Files.isWritable(Path.of("/run"));
        } catch (final IOException e) {
            return false;
        }
    }

    /** @return the exit code of the demo there */
    public static int run(final List<String> arguments, final StopSignal signal) {
        final List<String> probe = new ArrayList<>(UNSHARE);
        probe.addAll(List.of("sh", "-c", PRIVATE_RUN, "sh", "true"));
        final Command.Result result = Command.attempt(probe);
        if (!result.isGood()) {
            throw new Failure(Failure.FAILED, "the demo needs network namespaces; this user is not root and may not use"
                    + " user namespaces (" + result.output().strip() + "). Fix: sudo ./culvert demo, or allow them:"
                    + " sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, and on Ubuntu"
                    + " kernel.apparmor_restrict_unprivileged_userns=0");
        }
        final List<String> command = new ArrayList<>(UNSHARE);
        command.addAll(List.of("setpriv", "--pdeathsig", "TERM", "sh", "-c", PRIVATE_RUN, "sh"));
        command.addAll(JavaProgram.command("lab", arguments));
        try {
            final Process process = new ProcessBuilder(command).inheritIO().start();
            while (process.isAlive()) {
                if (signal.await(LOOK)) {
                    process.destroy();
                    break;
                }
            }
            return process.waitFor();
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED,
                    "cannot start unshare: " + e.getMessage() + ". Fix: install util-linux", e);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return Failure.FAILED;
        }
    }
}
