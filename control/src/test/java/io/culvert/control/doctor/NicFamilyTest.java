// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A NIC is known by the kernel's table of aliases, also when vfio-pci has it. */
class NicFamilyTest {
    @TempDir
    private Path directory;

    @Test
    void aNicIsKnownByTheModuleThatTheKernelWouldLoad() throws IOException {
        final Path table = Files.writeString(directory.resolve("modules.alias"), """
                # Aliases extracted from modules themselves.
                alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e
                alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
                alias pci:v00008086d00001592sv*sd*bc02sc*i* ice
                alias usb:v0BDAp8153d*dc*dsc*dp*ic*isc*ip*in* r8152
                """);
        assertEquals(Optional.of(NicFamily.E1000E),
                NicFamily.of("pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", table));
        assertEquals(Optional.of(NicFamily.VIRTIO),
                NicFamily.of("pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00", table));
        assertEquals(Optional.of(NicFamily.ICE),
                NicFamily.of("pci:v00008086d00001592sv00008086sd00000002bc02sc00i00", table));
        assertEquals(Optional.empty(), NicFamily.of("pci:v00008086d00001592sv00008086sd00000002bc01sc00i00", table));
        assertEquals(Optional.empty(), NicFamily.of("pci:v000010ECd00008168sv00001462sd00007B12bc02sc00i15", table));
    }
}
