// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Processor time as the kernel accounts for it, in ticks of 10 ms (USER_HZ, which no Linux has changed). */
public final class CpuTime {
    public static final double TICKS_PER_SECOND = 100;

    /** Fields of /proc/PID/stat behind the name, from 0: state is 0. */
    private static final int UTIME = 11;
    private static final int STIME = 12;
    /** Fields of the first line of /proc/stat behind "cpu": user nice system idle iowait irq softirq steal ... */
    private static final int IDLE = 3;
    private static final int IOWAIT = 4;
    private static final int STEAL = 7;

    private CpuTime() { }

    /** User and system time of a process; 0 when it is gone. */
    public static long ofProcess(final long pid) {
        try {
            final String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            final String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return Long.parseLong(fields[UTIME]) + Long.parseLong(fields[STIME]);
        } catch (final IOException e) {
            return 0;
        }
    }

    /** Time that all CPUs together did not idle, whoever it was spent on. Guest time is part of user time. */
    public static long ofMachine() {
        try {
            final String[] fields = Files.readAllLines(Path.of("/proc/stat")).getFirst().split(" +");
            long busy = 0;
            for (int field = 0; field <= STEAL; field++) {
                busy += field == IDLE || field == IOWAIT ? 0 : Long.parseLong(fields[field + 1]);
            }
            return busy;
        } catch (final IOException e) {
            return 0;
        }
    }
}
