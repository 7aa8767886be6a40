package dev.packbench

import dev.packbench.ffi.Facts
import dev.packbench.ffi.Identity
import dev.packbench.ffi.Phone
import java.nio.file.Files
import java.nio.file.Path
import org.junit.jupiter.api.extension.AnnotatedElementContext
import org.junit.jupiter.api.extension.ExtensionContext
import org.junit.jupiter.api.io.TempDirFactory

/** A phone that tells what it was told to. */
class TestPhone(private val facts: Facts = Facts()) : Phone {
    override fun identity() = Identity(model = "Test Phone")

    override fun facts() = facts
}

/** One that throws. */
object BrokenPhone : Phone {
    override fun identity(): Identity = error("out of order")

    override fun facts(): Facts = error("out of order")
}

class BesideTheBuild : TempDirFactory {
    override fun createTempDirectory(element: AnnotatedElementContext, context: ExtensionContext): Path =
        Files.createTempDirectory(Path.of(System.getProperty("scratch")), "session")
}
