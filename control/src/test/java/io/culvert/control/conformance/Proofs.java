// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * The tests that can prove a requirement: those that the sources of all modules declare, with their tags, and what the
 * reports of this build say became of them. A golden walk is one too; its name is its folder's.
 */
final class Proofs {
    private static final String WALK_TEST = "WalkTest.walksAsTheFolderSays";
    private static final String WALK_PREFIX = "walks/";
    private static final Pattern TEXT_BLOCK = Pattern.compile("\"{3}.*?\"{3}", Pattern.DOTALL);
    private static final Pattern TAG = Pattern.compile("@Tag\\(\"([^\"]+)\"\\)");
    private static final Pattern TEST = Pattern.compile("@(Test|ParameterizedTest|RepeatedTest)\\b.*");
    private static final Pattern METHOD = Pattern.compile("(?:public )?void (\\w+)\\(.*");
    private static final Pattern CLASS = Pattern.compile("(?:public |final )*class (\\w+)\\b.*");

    private final Map<String, Set<String>> tagsByTest = new TreeMap<>();
    private final Set<String> walks = new HashSet<>();
    private final Map<String, Integer> passed = new HashMap<>();
    private final Map<String, String> missed = new HashMap<>();

    /** @param since reports that are older are of another build */
    static Proofs of(final List<Path> modules, final Path walkFolders, final Instant since) {
        final Proofs proofs = read(modules, walkFolders);
        modules.forEach(module -> proofs.readReports(module.resolve("target/surefire-reports"), since));
        return proofs;
    }

    /** What the sources declare, as if all of it had run and passed. */
    static Proofs declared(final List<Path> modules, final Path walkFolders) {
        final Proofs proofs = read(modules, walkFolders);
        proofs.tests().forEach(test -> proofs.passed.put(test, 1));
        proofs.passed.put(WALK_TEST, proofs.walks.size());
        return proofs;
    }

    private static Proofs read(final List<Path> modules, final Path walkFolders) {
        final Proofs proofs = new Proofs();
        try (Stream<Path> folders = Files.list(walkFolders)) {
            for (final Path module : modules) {
                proofs.readSources(module.resolve("src/test/java"));
            }
            folders.filter(Files::isDirectory).forEach(folder -> proofs.walks.add(WALK_PREFIX + folder.getFileName()));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return proofs;
    }

    /** Why this is no proof; empty when it is one. */
    String fault(final String proof) {
        if (proof.startsWith(WALK_PREFIX)) {
            if (!walks.contains(proof)) {
                return "there is no such walk";
            }
            final String fault = fault(WALK_TEST);
            return fault.isEmpty() && passed.get(WALK_TEST) < walks.size() ? "not every walk was walked" : fault;
        }
        if (!tagsByTest.containsKey(proof)) {
            return "there is no such test";
        }
        return missed.getOrDefault(proof, passed.containsKey(proof) ? "" : "it did not run in this build");
    }

    static boolean isWalk(final String proof) {
        return proof.startsWith(WALK_PREFIX);
    }

    /** The requirements that a test says it proves. */
    Set<String> tags(final String test) {
        return tagsByTest.getOrDefault(test, Set.of());
    }

    Set<String> tests() {
        return tagsByTest.keySet();
    }

    private void readSources(final Path root) throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            for (final Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
                readSource(file);
            }
        }
    }

    private void readSource(final Path file) throws IOException {
        final Set<String> tags = new TreeSet<>();
        final Set<String> classTags = new TreeSet<>();
        String owner = null;
        boolean isTest = false;
        // Text blocks, other programs perhaps, are no code.
        final String source = TEXT_BLOCK.matcher(Files.readString(file)).replaceAll("");
        for (final String line : source.lines().toList()) {
            final String code = line.strip();
            final Matcher tag = TAG.matcher(code);
            final Matcher method = METHOD.matcher(code);
            final Matcher type = CLASS.matcher(code);
            if (tag.find()) {
                tags.add(tag.group(1));
            } else if (TEST.matcher(code).matches()) {
                isTest = true;
            } else if (owner == null && type.matches()) {
                owner = type.group(1);
                classTags.addAll(tags);
                tags.clear();
            } else if (method.matches()) {
                if (isTest) {
                    tags.addAll(classTags);
                    tagsByTest.put(owner + "." + method.group(1), new TreeSet<>(tags));
                }
                tags.clear();
                isTest = false;
            }
        }
    }

    private void readReports(final Path folder, final Instant since) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (final Path file : files.filter(path -> path.toString().endsWith(".xml")).toList()) {
                if (!Files.getLastModifiedTime(file).toInstant().isBefore(since)) {
                    readReport(file);
                }
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void readReport(final Path file) throws IOException {
        final NodeList cases = parse(file).getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
            final Element testCase = (Element) cases.item(i);
            // The number of a repetition follows the name of a class or of a method, whose parameters do, too.
            final String owner = testCase.getAttribute("classname").replaceFirst("\\[.*", "");
            final String method = testCase.getAttribute("name").replaceFirst("\\W.*", "");
            final String test = owner.substring(owner.lastIndexOf('.') + 1) + "." + method;
            if (testCase.getElementsByTagName("skipped").getLength() > 0) {
                missed.put(test, "it was skipped");
            } else if (testCase.getElementsByTagName("failure").getLength() > 0
                    || testCase.getElementsByTagName("error").getLength() > 0) {
                missed.put(test, "it failed");
            } else {
                passed.merge(test, 1, Integer::sum);
            }
        }
    }

    private static Document parse(final Path file) throws IOException {
        try {
            return DocumentBuilderFactory.newDefaultInstance().newDocumentBuilder().parse(file.toFile());
        } catch (final Exception e) {
            throw new IOException(file + " is no test report", e);
        }
    }

    private Proofs() { }
}
