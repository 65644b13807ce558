// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Stands behind JUnit's own time limit, which interrupts a test: a read of a process's pipe does not hear that. A
 * minute later all processes that this JVM started are killed, so every such read ends, and the test fails with what it
 * waited for. Registered for all tests of the module by META-INF/services.
 */
public final class TestDeadline implements BeforeEachCallback, AfterEachCallback {
    private static final Duration LIMIT = Duration.ofMinutes(11);
    private static final ExtensionContext.Namespace SPACE = ExtensionContext.Namespace.create(TestDeadline.class);

    @Override
    public void beforeEach(final ExtensionContext context) {
        final Thread test = Thread.currentThread();
        final CompletableFuture<Void> ended = new CompletableFuture<>();
        ended.orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).exceptionally(late -> {
            end(context, test);
            return null;
        });
        final Runnable end = () -> ended.complete(null);
        context.getStore(SPACE).put(SPACE, end);
    }

    private static void end(final ExtensionContext context, final Thread test) {
        final List<ProcessHandle> children = ProcessHandle.current().descendants().toList();
        System.err.println(context.getRequiredTestClass().getSimpleName() + "." + context.getDisplayName()
                + " goes on after " + LIMIT.toMinutes() + " minutes, killing " + children + "; it is here:");
        for (final StackTraceElement frame : test.getStackTrace()) {
            System.err.println("    " + frame);
        }
        children.forEach(ProcessHandle::destroyForcibly);
    }

    @Override
    public void afterEach(final ExtensionContext context) {
        context.getStore(SPACE).get(SPACE, Runnable.class).run();
    }
}
