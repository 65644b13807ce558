// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.state;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * When a process began, in clock ticks since the host did (proc(5), field 22 of /proc/PID/stat): together with its
 * number it names one process, and no step of the clock changes it, as it does the time of day of the start.
 */
public final class ProcessStart {
    /** Stands for a process that is not there. */
    public static final long NONE = -1;

    /** Fields from the one behind the program's name, which may have blanks, to the start. */
    private static final int FIELD_BEHIND_NAME = 19;

    public static long ticks(final long pid) {
        try {
            final String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            final String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return Long.parseLong(fields[FIELD_BEHIND_NAME]);
        } catch (final IOException e) {
            return NONE;
        }
    }

    private ProcessStart() { }
}
