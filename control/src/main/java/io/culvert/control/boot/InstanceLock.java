// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.Failure;
import io.culvert.control.instance.Instance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;

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
            Files.createDirectories(directory.getParent());
            if (!Files.isDirectory(directory)) {
                Files.createDirectory(directory,
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-x---")));
            }
            final FileChannel channel = FileChannel.open(instance.lockFile(),
                    StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            final FileLock lock = channel.tryLock();
            if (lock == null) {
                channel.close();
                throw new Failure(Failure.FAILED, "instance \"" + instance.name() + "\" is already running ("
                        + instance.lockFile() + " is held). Fix: stop it first, or give this one another name with"
                        + " instance: NAME in its configuration");
            }
            return new InstanceLock(channel);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot keep state in " + directory + ": " + e.getMessage()
                    + ". Fix: run as the user who owns it, or set " + Instance.STATE_VARIABLE
                    + " to a directory on a tmpfs that you may write to", e);
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
