// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** native <- bindings <- dataplane <- control, never the other way; and what a polling core keeps its hands off. */
class ModuleRuleTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("io.culvert");
    private static final String BINDINGS = "io.culvert.bindings..";
    private static final String DATAPLANE = "io.culvert.dataplane..";
    private static final String CONTROL = "io.culvert.control..";
    private static final String JAVA = "java..";

    @Test
    void allModulesAreThere() {
        for (final String module : new String[] {BINDINGS, DATAPLANE, CONTROL}) {
            assertTrue(CLASSES.that(resideInAPackage(module)).size() > 10, module);
        }
    }

    @Test
    void bindingsStandOnTheJdkAlone() {
        classes().that().resideInAPackage(BINDINGS)
                .should().onlyDependOnClassesThat().resideInAnyPackage(BINDINGS, JAVA).check(CLASSES);
    }

    @Test
    void dataplaneStandsOnBindingsAlone() {
        classes().that().resideInAPackage(DATAPLANE)
                .should().onlyDependOnClassesThat().resideInAnyPackage(DATAPLANE, BINDINGS, JAVA).check(CLASSES);
    }

    @Test
    void nobodyStandsOnControl() {
        noClasses().that().resideOutsideOfPackage(CONTROL)
                .should().dependOnClassesThat().resideInAPackage(CONTROL).check(CLASSES);
    }

    /** The bench speaks to its yardstick's own library, which nobody else loads and no object stands for. */
    @Test
    void generatedBindingsAreCalledByBindingsOnly() {
        noClasses().that().resideOutsideOfPackages(BINDINGS, "io.culvert.control.bench..")
                .should().dependOnClassesThat().resideInAPackage("io.culvert.bindings.ffi..").check(CLASSES);
    }

    @Test
    void modulesAreFreeOfCycles() {
        slices().matching("io.culvert.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void dataplaneNeitherPrintsNorLogs() {
        noClasses().that().resideInAPackage(DATAPLANE)
                .should().accessField(System.class, "out").orShould().accessField(System.class, "err")
                .orShould().dependOnClassesThat().resideInAPackage("java.util.logging..")
                .orShould().dependOnClassesThat().areAssignableTo(System.Logger.class).check(CLASSES);
    }

    /** Who holds a lock on one worker stops the others; parking an idle one is no lock. */
    @Test
    void dataplaneDoesNotLock() {
        noClasses().that().resideInAPackage(DATAPLANE)
                .should().dependOnClassesThat(resideInAPackage("java.util.concurrent.locks..")
                        .and(not(type(LockSupport.class)))).check(CLASSES);
    }

    /** Text is an object per packet. */
    @Test
    void theWalkMakesNoText() {
        noClasses().that().resideInAPackage("io.culvert.dataplane.worker..")
                .should().callMethod(String.class, "format", String.class, Object[].class)
                .orShould().dependOnClassesThat().haveFullyQualifiedName("java.lang.invoke.StringConcatFactory")
                .check(CLASSES);
    }
}
