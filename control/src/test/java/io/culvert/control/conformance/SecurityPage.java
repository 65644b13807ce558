// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** docs/security.md: tables with a row for each promise, | what | promise | tests that hold it |. */
final class SecurityPage {
    private static final Pattern ROW = Pattern.compile("\\| *([^|]*?) *\\| *[^|]*? *\\| *([^|]*?) *\\|");
    private static final Pattern PROOF = Pattern.compile("`([^`]+)`");

    /** @return what is wrong with the page, one problem each */
    static List<String> problems(final String text, final Proofs proofs) {
        final List<String> problems = new ArrayList<>();
        int rows = 0;
        for (final String line : text.lines().filter(each -> each.startsWith("| ")).toList()) {
            final Matcher row = ROW.matcher(line);
            if (!row.matches()) {
                problems.add("not a row of three columns: " + line);
            } else if (!row.group(2).equals("test")) {
                rows++;
                final List<String> named = PROOF.matcher(row.group(2)).results().map(match -> match.group(1)).toList();
                if (named.isEmpty()) {
                    problems.add("\"" + row.group(1) + "\" names no test");
                }
                named.stream().filter(proof -> !proofs.fault(proof).isEmpty()).forEach(proof ->
                        problems.add("\"" + row.group(1) + "\" names " + proof + ": " + proofs.fault(proof)));
            }
        }
        if (rows == 0) {
            problems.add("there is no row");
        }
        return problems;
    }

    private SecurityPage() { }
}
