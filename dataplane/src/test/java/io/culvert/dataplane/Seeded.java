// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane;

import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * Hands a test its randomness as a {@link SplittableRandom} parameter. A failure names the seed;
 * {@code -Dculvert.seed=N} repeats it.
 */
public final class Seeded implements ParameterResolver, TestExecutionExceptionHandler {
    private static final String PROPERTY = "culvert.seed";
    private static final Namespace NAMESPACE = Namespace.create(Seeded.class);

    @Override
    public boolean supportsParameter(final ParameterContext parameter, final ExtensionContext test) {
        return parameter.getParameter().getType() == SplittableRandom.class;
    }

    @Override
    public Object resolveParameter(final ParameterContext parameter, final ExtensionContext test) {
        final long seed = Long.getLong(PROPERTY, System.nanoTime());
        test.getStore(NAMESPACE).put(PROPERTY, seed);
        return new SplittableRandom(seed);
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
