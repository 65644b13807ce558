// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.ErrnoException;
import java.io.Serializable;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * What came of a client run. {@code received} counts distinct intact answers, so {@code sent = received + lost}; a
 * corrupted answer is a loss that left a trace.
 *
 * @param lastErrno why the last refused send was refused; 0 when none was
 * @param rttNs round trips in nanoseconds; none yet while the run lasts
 */
public record ClientReport(
        int flows,
        long flowsAnswered,
        long sent,
        long received,
        long reordered,
        long duplicated,
        long corrupted,
        long unexpected,
        long sendErrors,
        int lastErrno,
        double seconds,
        Histogram rttNs) implements Serializable {

    private static final double MICRO_NS = 1e3;

    /** Both runs together. */
    ClientReport plus(final ClientReport other) {
        final Histogram both = rttNs.copy();
        both.add(other.rttNs);
        return new ClientReport(
                flows + other.flows,
                flowsAnswered + other.flowsAnswered,
                sent + other.sent,
                received + other.received,
                reordered + other.reordered,
                duplicated + other.duplicated,
                corrupted + other.corrupted,
                unexpected + other.unexpected,
                sendErrors + other.sendErrors,
                Math.max(lastErrno, other.lastErrno),
                Math.max(seconds, other.seconds),
                both);
    }

    public long lost() {
        return sent - received;
    }

    public long packetsPerSecond() {
        return seconds > 0 ? Math.round(sent / seconds) : 0;
    }

    /** 0 when no answer came. */
    public double rttMicros(final double percentile) {
        return rttNs.getValueAtPercentile(percentile) / MICRO_NS;
    }

    public String json() {
        return String.format(Locale.ROOT, """
                {"flows":%d,"flowsAnswered":%d,"sent":%d,"received":%d,"lost":%d,"reordered":%d,"duplicated":%d,\
                "corrupted":%d,"unexpected":%d,"sendErrors":%d,"seconds":%.3f,"packetsPerSecond":%d,\
                "rttMicros":{"p50":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f}}""",
                flows, flowsAnswered, sent, received, lost(), reordered, duplicated,
                corrupted, unexpected, sendErrors, seconds, packetsPerSecond(),
                rttMicros(50), rttMicros(99), rttMicros(99.9), rttMicros(100));
    }

    public String text() {
        return String.format(Locale.ROOT, """
                sent        %d in %.1f s, %d packets/s
                received    %d
                lost        %d
                reordered   %d
                duplicated  %d
                corrupted   %d
                unexpected  %d
                send errors %d%s
                flows       %d, %d of them answered
                RTT (us)    p50 %.1f   p99 %.1f   p99.9 %.1f   max %.1f""",
                sent, seconds, packetsPerSecond(), received, lost(), reordered, duplicated, corrupted, unexpected,
                sendErrors, lastErrno == 0 ? "" : " (last: " + ErrnoException.text(lastErrno) + ")",
                flows, flowsAnswered, rttMicros(50), rttMicros(99), rttMicros(99.9), rttMicros(100));
    }

    /** What a run that lasts says each second. */
    public String progress() {
        return String.format(Locale.ROOT, "%6.1f s   sent %d   received %d   corrupted %d   flows answered %d of %d",
                seconds, sent, received, corrupted, flowsAnswered, flows);
    }
}
