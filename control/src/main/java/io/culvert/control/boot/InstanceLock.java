// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.Failure;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.state.StateDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;

/** One daemon per instance name: held from before anything is touched until everything is closed. */
final class InstanceLock implements AutoCloseable {
    private final FileChannel channel;

    private InstanceLock(final FileChannel channel) {
        this.channel = channel;
    }

    /** @throws Failure when another daemon holds it; that one is not harmed */
    static InstanceLock take(final Instance instance) {
        final Path directory = instance.directory();
        try {
            Files.createDirectories(directory.getParent().toAbsolutePath().getParent());
            StateDirectory.make(directory.getParent());
            StateDirectory.make(directory);
            final FileChannel channel;
            try (StateDirectory state = StateDirectory.own(directory)) {
                channel = state.lock(instance.lockFile().getFileName().toString());
            }
            final FileLock lock = channel.tryLock();
            if (lock == null) {
                channel.close();
                throw new Failure(Failure.FAILED, "instance \"" + instance.name() + "\" is already running ("
                        + instance.lockFile() + " is held). Fix: stop it first, or give this one another name with"
                        + " instance: NAME in its configuration");
            }
            return new InstanceLock(channel);
        } catch (final IOException e) {
            throw instance.cannotKeepState(e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
