// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import java.util.List;
import java.util.Map;

/**
 * What does not change while a relay runs: the labels of the {@code _info} metrics.
 *
 * @param build {@code version}, {@code jdk}, {@code dpdk}
 * @param ports one per port: {@code port}, {@code device}, {@code driver}, {@code numa_node}
 */
public record RelayInfo(String instance, Map<String, String> build, List<Map<String, String>> ports) { }
