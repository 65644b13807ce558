// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What DPDK takes as a device: a PCI address or a virtual device, either with arguments behind commas. */
final class Devices {
    /** Whatever stands in front of the last four digits of the domain must be zeros, or be kept. */
    private static final Pattern PCI =
            Pattern.compile("0{0,4}([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\\.[0-7])");
    private static final Pattern PCI_WITHOUT_DOMAIN = Pattern.compile("[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\\.[0-7]");
    private static final Pattern VIRTUAL = Pattern.compile("net_[a-z0-9_]*[a-z_][0-9]+");
    private static final Pattern VIRTUAL_WITHOUT_NUMBER = Pattern.compile("net_[a-z0-9_]*[a-z_]");
    private static final Pattern NEEDS_INTERFACE = Pattern.compile("net_af_(xdp|packet)[0-9]+");
    private static final Pattern KERNEL_INTERFACE = Pattern.compile("[A-Za-z][A-Za-z0-9_.@-]{0,14}");
    private static final Pattern WHITE_SPACE = Pattern.compile("\\s");
    private static final String INTERFACE_ARGUMENT = "iface=";

    private Devices() {
    }

    /**
     * @return the text as DPDK reads it next: it finds a PCI device only by the name that it gave it itself, in lower
     *     case and with a domain of four digits, so {@code 0000:8A:00.0} becomes {@code 0000:8a:00.0}
     */
    static String parse(final String text) {
        final String name = text.split(",", 2)[0];
        if (WHITE_SPACE.matcher(text).find()) {
            throw new IllegalArgumentException(Quote.of(text) + " contains white space. Fix: remove it");
        }
        final Matcher pci = PCI.matcher(name);
        if (pci.matches()) {
            return pci.group(1).toLowerCase(Locale.ROOT) + text.substring(name.length());
        }
        if (!VIRTUAL.matcher(name).matches()) {
            throw new IllegalArgumentException(Quote.of(text) + whyNotADevice(name));
        }
        if (NEEDS_INTERFACE.matcher(name).matches() && kernelInterface(text).isEmpty()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " does not say which interface it drives. Fix: write " + name + ",iface=eth1");
        }
        return text;
    }

    /** The same for one device with different arguments. */
    static String identity(final String device) {
        return device.split(",", 2)[0];
    }

    /** The address in front of the arguments, in what {@link #parse} returned; empty for a virtual device. */
    static Optional<String> pciAddress(final String device) {
        return Optional.of(identity(device)).filter(name -> PCI.matcher(name).matches());
    }

    /** The kernel interface that a virtual device drives. */
    static Optional<String> kernelInterface(final String device) {
        return Arrays.stream(device.split(",")).filter(argument -> argument.startsWith(INTERFACE_ARGUMENT))
                .map(argument -> argument.substring(INTERFACE_ARGUMENT.length()))
                .filter(name -> !name.isEmpty()).findFirst();
    }

    private static String whyNotADevice(final String name) {
        if (PCI_WITHOUT_DOMAIN.matcher(name).matches()) {
            return " has no PCI domain. Fix: write \"0000:" + name + "\"";
        }
        if (VIRTUAL_WITHOUT_NUMBER.matcher(name).matches()) {
            return " does not end in a number, as DPDK requires of a virtual device. Fix: write " + name + "0";
        }
        if (KERNEL_INTERFACE.matcher(name).matches() && !name.startsWith("net_")) {
            return " is the name of a kernel interface or unknown. Fix: write its PCI address (ethtool -i " + name
                    + " shows it as bus-info), or \"net_af_xdp0,iface=" + name
                    + "\" to leave it to the kernel's driver";
        }
        return " is not a device. Fix: write a PCI address like \"0000:8a:00.0\", or a DPDK virtual device like"
                + " \"net_af_xdp0,iface=eth1\"";
    }
}
