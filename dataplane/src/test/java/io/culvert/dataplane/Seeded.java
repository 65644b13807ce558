// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane;

import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Hands a test its randomness as a {@link SplittableRandom} parameter. The seed is the same in every run, so that the
 * default suite says the same of the same code; {@code -Dculvert.seed=N} sets another, and the Maven profile
 * {@code long} a new one for each run. A failure names the seed.
 */
public final class Seeded implements ParameterResolver, TestExecutionExceptionHandler {
    private static final String PROPERTY = "culvert.seed";
    private static final long FIXED = 4_787;
    private static final Namespace NAMESPACE = Namespace.create(Seeded.class);

    /** The seed of this run. */
    public static long seed() {
        return Long.getLong(PROPERTY, FIXED);
    }

    @Override
    public boolean supportsParameter(final ParameterContext parameter, final ExtensionContext test) {
        return parameter.getParameter().getType() == SplittableRandom.class;
    }

    @Override
    public Object resolveParameter(final ParameterContext parameter, final ExtensionContext test) {
        test.getStore(NAMESPACE).put(PROPERTY, seed());
        return new SplittableRandom(seed());
    }

    @Override
    public void handleTestExecutionException(final ExtensionContext test, final Throwable failure) throws Throwable {
        final Long seed = test.getStore(NAMESPACE).get(PROPERTY, Long.class);
        if (seed == null) {
            throw failure;
        }
        throw new AssertionError(failure.getMessage() + " [repeat with -D" + PROPERTY + "=" + seed + "]", failure);
    }
}
