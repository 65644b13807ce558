// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.doctor;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** Which node of memory a PCI device and a CPU are at, as the kernel tells in /sys. */
final class NumaNodes {
    private final Path sysfs;

    NumaNodes(final Path sysfs) {
        this.sysfs = sysfs;
    }

    /** What to tell an operator whose polling cores are at another node than a port; empty where all is near. */
    Optional<String> distance(final String address, final List<Integer> cores) {
        final OptionalInt node = ofDevice(address);
        if (node.isEmpty()) {
            return Optional.empty();
        }
        final String far = cores.stream().filter(core -> ofCpu(core).orElse(node.getAsInt()) != node.getAsInt())
                .map(String::valueOf).collect(Collectors.joining(", "));
        return far.isEmpty() ? Optional.empty() : Optional.of(address + " is at NUMA node " + node.getAsInt()
                + ", and of the cores " + far + " at another: their packets cross between the two. Fix: take cores of"
                + " that node: " + cpus(node.getAsInt()));
    }

    private OptionalInt ofDevice(final String address) {
        return read(sysfs.resolve("bus/pci/devices").resolve(address).resolve("numa_node"))
                .map(Integer::parseInt).filter(node -> node >= 0)
                .map(OptionalInt::of).orElse(OptionalInt.empty());
    }

    private OptionalInt ofCpu(final int cpu) {
        try (DirectoryStream<Path> nodes =
                     Files.newDirectoryStream(sysfs.resolve("devices/system/cpu/cpu" + cpu), "node[0-9]*")) {
            for (final Path node : nodes) {
                return OptionalInt.of(Integer.parseInt(node.getFileName().toString().substring("node".length())));
            }
        } catch (final IOException e) {
            return OptionalInt.empty();
        }
        return OptionalInt.empty();
    }

    private String cpus(final int node) {
        return read(sysfs.resolve("devices/system/node/node" + node + "/cpulist")).orElse("see lscpu");
    }

    private static Optional<String> read(final Path file) {
        try {
            return Optional.of(Files.readString(file).trim());
        } catch (final IOException e) {
            return Optional.empty();
        }
    }
}
