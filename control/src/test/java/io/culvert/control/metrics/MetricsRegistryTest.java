// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class MetricsRegistryTest {
    @Test
    void isTheOnlyClassThatKnowsWhichRegistryItIs() {
        noClasses().that(not(belongToAnyOf(MetricsRegistry.class))).should().dependOnClassesThat()
                .resideInAnyPackage("io.micrometer.prometheus..", "io.prometheus..")
                .check(new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                        .importPackages("io.culvert.control"));
    }
}
