// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This program again, as the launcher would start it: same Java, same classes, the flags of the verb's role. */
public final class JavaProgram {
    private static final String MAIN_CLASS = "io.culvert.control.cli.Culvert";
    private static final String HOME = "culvert.home";
    private static final String LIBRARY = "culvert.library";

    private JavaProgram() { }

    /** @param role of {@code deploy/jvm/ROLE.argfile} */
    public static List<String> command(final String role, final List<String> arguments) {
        return command(role, MAIN_CLASS, arguments);
    }

    /** @param mainClass another program on the same class path */
    public static List<String> command(final String role, final String mainClass, final List<String> arguments) {
        final List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of(property(HOME), "deploy", "jvm", role + ".argfile"),
                "--enable-native-access=ALL-UNNAMED",
                "-D" + HOME + "=" + property(HOME),
                "-D" + LIBRARY + "=" + property(LIBRARY),
                "-cp", System.getProperty("java.class.path"), mainClass));
        command.addAll(arguments);
        return command;
    }

    private static String property(final String name) {
        final String value = System.getProperty(name);
        if (value == null) {
            throw new Failure(Failure.FAILED, "the system property " + name + " is not set, so this program"
                    + " cannot start itself again. Fix: start it by the launcher: ./culvert");
        }
        return value;
    }
}
