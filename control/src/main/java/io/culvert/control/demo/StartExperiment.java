// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * The demo's three hosts, to see how a relay starts: server and client stand ready, and the client sends from the
 * moment on at which the relay says that it is ready.
 */
public final class StartExperiment {
    private static final Duration READY_LIMIT = Duration.ofSeconds(30);
    private static final int LINGER_MS = 1_000;

    /** What came of it: packets that A sent, and those of them that did not come back. */
    public record Result(Duration startedIn, long sent, long lost) { }

    private final int flows;
    private final int rate;
    private final int seconds;
    private final int payload;

    /** @param rate packets per second that A sends; as many come back */
    public StartExperiment(final int flows, final int rate, final int seconds, final int payload) {
        this.flows = flows;
        this.rate = rate;
        this.seconds = seconds;
        this.payload = payload;
    }

    /** The driver whose first packets are counted. */
    public static String driver() {
        return Driver.AF_XDP.label();
    }

    /** @throws Failure when it cannot be done here, or the user does not want to wait */
    public Result run(final StopSignal signal) {
        try (Scene scene = Scene.open(signal); Arena arena = Arena.ofConfined()) {
            final Network network = new Network(scene, Topology.TWO_ARM, false);
            network.lay();
            final Child echo = scene.start("the echo server", network.server().inside(JavaProgram.command("lab",
                    List.of("lab", "echo", "--listen", "0.0.0.0:" + Topology.PORT))), Map.of());
            final Path ready = scene.directory().resolve("ready");
            final Child client = scene.start("the client", network.clients().inside(client(ready)), Map.of());
            await(scene, echo, "listening");
            await(scene, client, "waiting");
            final CulvertBox box = new CulvertBox(scene, network, Topology.TWO_ARM, Driver.AF_XDP, arena);
            box.start();
            Files.createFile(ready);
            scene.await(READY_LIMIT.plusSeconds(seconds), () -> !client.isAlive());
            if (client.end() != 0) {
                throw client.died();
            }
            box.check();
            final ClientResult result = ClientResult.parse(client.output());
            return new Result(box.startedIn(), result.sent(), result.lost());
        } catch (final Box.Unusable e) {
            throw new Failure(Failure.FAILED, "the relay does not start on " + driver() + ": " + e.getMessage()
                    + ". Fix: run as root, on a kernel with AF_XDP", e);
        } catch (final Scene.Stopped e) {
            throw new Failure(Failure.FAILED, "stopped; everything is removed again. Fix: start it again", e);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot tell the client to begin: " + e + ". Fix: make room in /dev/shm",
                    e);
        }
    }

    private List<String> client(final Path ready) {
        return JavaProgram.command("lab", List.of("lab", "client",
                "--target", Topology.LISTENER + ":" + Topology.PORT, "--flows", Integer.toString(flows),
                "--rate", Integer.toString(rate), "--seconds", Integer.toString(seconds),
                "--payload", Integer.toString(payload), "--linger", Integer.toString(LINGER_MS),
                "--start-when", ready.toString(), "--json"));
    }

    private static void await(final Scene scene, final Child child, final String word) {
        final boolean inTime = scene.await(READY_LIMIT, () -> !child.isAlive() || child.errors().contains(word));
        if (!child.isAlive()) {
            throw child.died();
        }
        if (!inTime) {
            throw new Failure(Failure.FAILED, "server and client were not ready after " + READY_LIMIT.toSeconds()
                    + " s. Fix: try again when this machine is less busy");
        }
    }
}
