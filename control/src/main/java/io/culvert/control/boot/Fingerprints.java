// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.worker.RelayPlan;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What rules and ports are, in 64 bits each: those with the same fingerprint before and after a restart are the same,
 * so their sessions go on. A rule's is what it does to packets and for whom; its name, its timeouts, its filtering and
 * its place in the configuration may change. A port's is its name.
 */
final class Fingerprints {
    private Fingerprints() { }

    static FlowFile.Owner owner(final RelayPlan plan, final long hz, final byte[] spreadKey) {
        return new FlowFile.Owner(plan.workers(), hz, spreadKey,
                plan.rules().stream().mapToLong(rule -> of(rule, plan)).toArray(),
                plan.links().stream().map(Link::name).mapToLong(Fingerprints::of).toArray());
    }

    private static long of(final Rule rule, final RelayPlan plan) {
        final String snat;
        if (rule.pool() == Rule.NO_SNAT) {
            snat = "none";
        } else {
            final SnatPool.Spec pool = plan.pools().get(rule.pool());
            snat = pool.addresses().stream().map(plan::ip).toList() + ":" + pool.low() + "-" + pool.high();
        }
        return of(String.join(" ",
                plan.ip(rule.listenAddress()) + ":" + rule.listenLow() + "-" + rule.listenHigh(),
                rule.sources().stream().map(Object::toString).sorted().toList().toString(),
                plan.ip(rule.targetAddress()) + ":" + rule.targetLow() + ":" + rule.keepsOffset(),
                snat, Boolean.toString(rule.decrementsTtl()), rule.behavior().mapping().name(),
                Boolean.toString(rule.behavior().portPairs())));
    }

    private static long of(final String text) {
        try {
            return ByteBuffer.wrap(MessageDigest.getInstance("SHA-256")
                    .digest(text.getBytes(StandardCharsets.UTF_8))).getLong();
        } catch (final NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
