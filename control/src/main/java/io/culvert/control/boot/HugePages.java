// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The host's huge pages of the default size, as the kernel tells of them. */
public record HugePages(long free, long pageBytes, Optional<Path> mount) {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final Path MOUNTS = Path.of("/proc/mounts");

    public static HugePages ofHost() {
        try {
            final List<String> meminfo = Files.readAllLines(MEMINFO);
            return new HugePages(value(meminfo, "HugePages_Free:"), value(meminfo, "Hugepagesize:") << 10, mounted());
        } catch (final IOException e) {
            return new HugePages(0, 0, Optional.empty());
        }
    }

    /** Whether this many bytes can be had in huge pages, and files made of them. */
    public boolean canHold(final long bytes) {
        return pageBytes > 0 && mount.isPresent() && free >= (bytes + pageBytes - 1) / pageBytes;
    }

    /** What files on them can still take. */
    public long bytes() {
        return free * pageBytes;
    }

    private static long value(final List<String> meminfo, final String key) {
        return meminfo.stream().filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()).replace("kB", "").trim())
                .mapToLong(Long::parseLong).findFirst().orElse(0);
    }

    /** The first hugetlbfs that this process may write to. */
    private static Optional<Path> mounted() throws IOException {
        return Files.readAllLines(MOUNTS).stream().map(line -> line.split(" "))
                .filter(fields -> fields.length > 2 && fields[2].equals("hugetlbfs"))
                .map(fields -> Path.of(fields[1])).filter(Files::isWritable).findFirst();
    }
}
