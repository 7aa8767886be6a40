package dev.packbench.app

import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.w3c.dom.Element

/** Maven builds what is tested, Gradle what Android developers open: the same sources, with the same versions. */
class TwoBuildsTest {
    private val root = File("..").canonicalFile

    /** Of one build alone. */
    private val ofGradle = setOf("agp", "ndk")
    private val ofMaven = setOf("android-all", "androidx-test-monitor", "espresso-idling", "r8")

    private val catalogue = Regex("""^([\w-]+) = "(.+)"$""", RegexOption.MULTILINE)
        .findAll(File(root, "gradle/libs.versions.toml").readText().substringBefore("[libraries]"))
        .associate { it.groupValues[1] to it.groupValues[2] }

    @Test
    fun `both builds name the same versions`() {
        val properties = child(pom("."), "properties")
        val maven = children(properties).filter { it.textContent.first().isDigit() && "." !in it.tagName }
            .associate { it.tagName to it.textContent }
        assertEquals(catalogue - ofGradle, maven - ofMaven)
        assertEquals("a version that only one build has is gone from the lists above", ofGradle, ofGradle intersect catalogue.keys)
        assertEquals(ofMaven, ofMaven intersect maven.keys)
    }

    @Test
    fun `both builds have the same modules, from the same folders`() {
        val maven = children(child(pom("."), "modules")).map { it.textContent }
        val gradle = Regex("\":(\\w+)\"").findAll(File(root, "settings.gradle.kts").readText()).map { it.groupValues[1] }.toList()
        assertEquals(gradle, maven)
        for (module in maven) {
            val text = File(root, "$module/pom.xml").readText()
            val sources = Regex("<folder>(src/[^<]+)</folder>").findAll(text).map { it.groupValues[1] }.toSet()
            val defaults = setOf("src/main/kotlin", "src/test/kotlin", "src/androidTest/kotlin")
            assertTrue("$module: what Gradle compiles by itself: $sources", sources.isNotEmpty() && defaults.containsAll(sources))
            val onDisk = File(root, "$module/src").walk().filter { it.extension == "kt" }
                .map { it.relativeTo(File(root, module)).path.split("/").take(3).joinToString("/") }.toSet()
            assertTrue("$module: compiled by neither: ${onDisk - defaults}", defaults.containsAll(onDisk))
        }
    }

    @Test
    fun `both builds have the same version of the app`() {
        val gradle = Regex("versionName = \"(.+)\"").find(File(root, "app/build.gradle.kts").readText())!!.groupValues[1]
        assertEquals(gradle, child(pom("."), "version").textContent)
        val cargo = Regex("version = \"(.+)\"").find(File(root, "../Cargo.toml").readText())!!.groupValues[1]
        assertEquals(cargo, gradle)
    }

    @Test
    fun `every library that one build takes the other takes, too`() {
        val gradle = Regex("""module = "([^"]+)"""").findAll(File(root, "gradle/libs.versions.toml").readText())
            .map { it.groupValues[1] }.toSet()
        val maven = listOf("packbench", "app").flatMap { children(child(pom(it), "dependencies")) }
            .map { "${child(it, "groupId").textContent}:${child(it, "artifactId").textContent}".removeSuffix("-jvm") }.toSet()
        // Kotlin's own comes with Gradle's plugin, Android's with its SDK.
        val byItself = setOf("org.jetbrains.kotlin:kotlin-stdlib", "org.robolectric:android-all", "dev.packbench:packbench")
        assertEquals(gradle, maven - byItself)
    }

    @Test
    fun `both builds are for the same processors`() {
        val gradle = Regex(""""([\w-]+)" to "([\w-]+)"""").findAll(text("packbench/build.gradle.kts"))
            .map { it.groupValues[2] to it.groupValues[1] }.toSet()
        val maven = Regex("""(?m)^    abi (\S+) (\S+)$""").findAll(text("../scripts/android-link"))
            .map { it.groupValues[1] to it.groupValues[2] }.toSet()
        assertEquals(gradle, maven)
        val ofJna = Regex("'jni/([\\w-]+)/").findAll(text("../scripts/apk")).map { it.groupValues[1] }.toSet()
        val split = Regex("""include\((.+)\)""").find(text("app/build.gradle.kts"))!!.groupValues[1].split(", ").map { it.trim('"') }
        assertEquals(gradle.map { (_, abi) -> abi }.toSet(), ofJna)
        assertEquals(ofJna, split.toSet())
    }

    @Test
    fun `both builds shrink by the same rules`() {
        val gradle = Regex("""proguardFiles\("(.+)"\)""").findAll(text("app/build.gradle.kts")).map { it.groupValues[1] }.toList()
        val maven = Regex("""--pg-conf \${'$'}APP/(\S+)""").findAll(text("../scripts/apk")).map { it.groupValues[1] }.toList()
        assertEquals(listOf("rules.pro"), gradle)
        assertEquals(gradle, maven)
    }

    @Test
    fun `both builds take the same manifests`() {
        val onDisk = root.walk().onEnter { it.name !in setOf("target", "build") }
            .filter { it.name == "AndroidManifest.xml" }.map { it.relativeTo(root).path }.toSet()
        val maven = Regex("""(?m)^    link (\w+) """).findAll(text("../scripts/apk"))
            .map { "app/src/${it.groupValues[1]}/AndroidManifest.xml" }.toSet()
        val ofLibrary = "packbench/src/main/AndroidManifest.xml"
        assertEquals(onDisk, maven + ofLibrary)
        assertTrue("Gradle would merge what the library's says, Maven doesn't", children(document(ofLibrary)).isEmpty())
    }

    @Test
    fun `the app, adb's side of it and the README name one folder`() {
        val program = Regex("""const EXCHANGE: &str = "(.+)";""").find(text("../cli/src/target/adb/app.rs"))!!.groupValues[1]
        val id = Regex("""applicationId = "(.+)"""").find(text("app/build.gradle.kts"))!!.groupValues[1]
        assertEquals("/sdcard/Android/media/$id", program)
        val told = listOf("README.md", "../cli/tests/cli/adb/standins/am", "../scripts/apk")
            .flatMap { Regex("""(?m)^X=(.+)$|PACKAGE=([\w.]+)""").findAll(text(it)) }
            .map { it.groupValues[1].ifEmpty { "/sdcard/Android/media/${it.groupValues[2]}" } }
        assertEquals(List(3) { program }, told)
    }

    private fun text(path: String) = File(root, path).readText()

    private fun pom(module: String) = document("$module/pom.xml")

    private fun document(path: String): Element =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(File(root, path)).documentElement

    private fun child(element: Element, name: String) = children(element).first { it.tagName == name }

    private fun children(element: Element) =
        (0 until element.childNodes.length).map { element.childNodes.item(it) }.filterIsInstance<Element>()
}
