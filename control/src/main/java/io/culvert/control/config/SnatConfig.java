// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.InetAddress;
import java.util.List;

/** The pool of own addresses and ports that the targets see. Listeners inside the range are left out by the pool. */
public record SnatConfig(List<InetAddress> addresses, PortRange ports) {
}
