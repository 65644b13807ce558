// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * CONFORMANCE.md: under the heading of each RFC a table with a row for each requirement, | number | demand | status and
 * how | proofs |. A test that is named as a proof carries the requirement as its tag, RFC and number.
 */
final class ConformancePage {
    /** What a row may say; what is claimed must be proven. */
    private static final List<String> CLAIMS = List.of("met", "by configuration", "in part");
    private static final String NO_CLAIM = "not claimed";

    private static final Pattern HEADING = Pattern.compile("## RFC (\\d+).*");
    private static final Pattern ROW = Pattern.compile("\\| *([^|]*?) *\\|[^|]*\\| *([^|]*?) *\\| *([^|]*?) *\\|");
    private static final Pattern PROOF = Pattern.compile("`([^`]+)`");
    private static final Pattern REQUIREMENT = Pattern.compile("RFC\\d+-.+");
    private static final int STATUS = 2;
    private static final int PROOFS = 3;

    private final List<String> problems = new ArrayList<>();
    private final Set<String> rows = new LinkedHashSet<>();
    private final Set<String> named = new LinkedHashSet<>();
    private final Proofs proofs;

    private ConformancePage(final Proofs proofs) {
        this.proofs = proofs;
    }

    /** @return what is wrong with the page, one problem each */
    static List<String> problems(final String text, final Proofs proofs) {
        final ConformancePage page = new ConformancePage(proofs);
        String rfc = null;
        for (final String line : text.lines().toList()) {
            final Matcher heading = HEADING.matcher(line);
            final Matcher row = ROW.matcher(line);
            if (heading.matches()) {
                rfc = "RFC" + heading.group(1);
            } else if (line.startsWith("## ")) {
                rfc = null;
            } else if (rfc != null && row.matches() && !row.group(1).equals("requirement")
                    && !row.group(1).startsWith("--")) {
                page.check(rfc + "-" + row.group(1), row.group(STATUS), row.group(PROOFS));
            }
        }
        page.checkTags();
        return page.problems;
    }

    private void check(final String requirement, final String status, final String proofList) {
        if (!rows.add(requirement)) {
            problems.add(requirement + " has two rows");
        }
        final List<String> proven = PROOF.matcher(proofList).results().map(match -> match.group(1)).toList();
        final boolean isClaimed = CLAIMS.stream().anyMatch(status::startsWith);
        if (!isClaimed && !status.startsWith(NO_CLAIM)) {
            problems.add(requirement + ": its status begins with none of " + CLAIMS + " or " + NO_CLAIM);
        }
        if (isClaimed && proven.isEmpty()) {
            problems.add(requirement + " is claimed and names no test");
        }
        for (final String proof : proven) {
            named.add(requirement + " " + proof);
            final String fault = proofs.fault(proof);
            if (!fault.isEmpty()) {
                problems.add(requirement + " names " + proof + ": " + fault);
            } else if (!Proofs.isWalk(proof) && !proofs.tags(proof).contains(requirement)) {
                problems.add(requirement + " names " + proof + ", which is not tagged " + requirement);
            }
        }
    }

    /** Whatever says that it proves a requirement is named in its row. */
    private void checkTags() {
        for (final String test : proofs.tests()) {
            for (final String tag : proofs.tags(test)) {
                if (REQUIREMENT.matcher(tag).matches() && !named.contains(tag + " " + test)) {
                    problems.add(test + " is tagged " + tag + (rows.contains(tag)
                            ? ", and its row does not name it" : ", which has no row"));
                }
            }
        }
    }
}
