package dev.packbench

import dev.packbench.ffi.AppException
import dev.packbench.ffi.EndStatus
import dev.packbench.ffi.Facts
import dev.packbench.ffi.Gate
import dev.packbench.ffi.Identity
import dev.packbench.ffi.Listener
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Phone
import dev.packbench.ffi.Progress
import dev.packbench.ffi.Question
import dev.packbench.ffi.Session
import dev.packbench.ffi.ThermalStatus
import dev.packbench.ffi.compare
import dev.packbench.ffi.inspect
import dev.packbench.ffi.medians
import java.io.File
import java.nio.file.Path
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.flow.transformWhile
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertAll
import org.junit.jupiter.api.io.TempDir

/** Sessions on a real model, through JNA, in the library that phones get but for their processor. */
class SessionTest {
    /** On the disk of the build: what lies in memory can't be evicted. */
    @TempDir(factory = BesideTheBuild::class)
    lateinit var folder: Path

    private val report get() = folder.resolve("report.jsonl").toFile()
    private val cache get() = folder.resolve("cache").toFile()
    private val model = File(System.getProperty("models"), "SmolLM2-135M-Instruct.Q4_1.gguf")

    private fun packbench(phone: Phone = TestPhone()) = Packbench(phone, cache)

    private fun job(rest: String, model: File = this.model, budgetMs: Int = 60_000) =
        """{"models":[{"path":"$model"}],"budget_ms":$budgetMs,$rest}"""

    private val shortJob = job(""""probes":["faults"],"policies":["normal"],"caches":["cold"],"blocks":2""")

    @Test
    fun `every probe is measured, but for a first token in a process of its own, which says what it takes`() = runBlocking {
        val all = job(
            """"probes":["faults","reads","replay","first_token"],"policies":["normal","stream"],"ways":["process","remap"],
            "prompts":[1],"io_sizes_bytes":[1048576],"patterns":["sequential"],"caches":["cold"],"blocks":1""",
        )
        val outcome = packbench().run(all, report)
        assertEquals(EndStatus.COMPLETE, outcome.status)
        val (measured, failed) = lines("run").partition { "\"status\":\"ok\"" in it }
        assertAll(
            { assertEquals(setOf("faults", "reads", "replay", "floor", "first_token"), measured.map(::probe).toSet()) },
            // A process of its own goes without saying.
            { assertTrue(measured.none { probe(it) == "first_token" && "\"way\":null" in it }) },
            { assertTrue(failed.isNotEmpty() && failed.all { "\"way\":null" in it && "an app has only this one" in it }, failed.toString()) },
            { assertEquals(failed.size.toULong(), outcome.failed) },
            { assertEquals(measured.size, medians(report.path).size) },
        )
    }

    @Test
    fun `packbench itself accepts the report`() = runBlocking {
        // Nobody else has it in memory.
        val own = model.copyTo(folder.resolve("own.gguf").toFile())
        packbench().run(
            job(""""probes":["faults"],"policies":["normal","random"],"patterns":["sequential"],"caches":["cold"],"blocks":6""", own),
            report,
        )
        val answer = compare(report.path, Question("policy"))
        val program = ProcessBuilder(System.getProperty("program"), "compare", report.path, "--by", "policy", "--json")
            .redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val printed = program.inputStream.bufferedReader().readText().trim()
        assertEquals(printed, answer.json)
        assertEquals(mapOf(Gate.PASSED to 0, Gate.REGRESSION to 1, Gate.INVALID to 2)[answer.gate], program.waitFor())
        assertTrue(lines("run").all { "\"proof\":\"cold\"" in it })
    }

    @Test
    fun `progress tells each line of the report, in order`() = runBlocking {
        val packbench = packbench()
        val told = async(Dispatchers.Unconfined) {
            packbench.progress.transformWhile { emit(it); "\"kind\":\"end\"" !in it.line }.toList()
        }
        packbench.run(shortJob, report)
        val progress = told.await()
        assertEquals(report.readLines(), progress.map { it.line })
        assertEquals(progress.map { it.done }.sorted(), progress.map { it.done })
        assertEquals(progress.last().total, progress.last().done)
    }

    @Test
    fun `cancelling the coroutine ends the session after the run under way, and it can be gone on with`() = runBlocking {
        val packbench = packbench()
        val long = job(""""probes":["faults"],"blocks":1000""", budgetMs = 600_000)
        val first = launch(Dispatchers.Default) { packbench.run(long, report) }
        val last = packbench.progress.first { it.done == 1u }
        first.cancelAndJoin()
        assertTrue("\"status\":\"cancelled\"" in report.readLines().last(), "the report is closed when the call returns")
        val before = lines("run").size
        assertTrue(before.toUInt() in last.done..last.total)
        val rest = launch(Dispatchers.Default) { packbench.resume(report, mapOf(model.name to model)) }
        packbench.progress.first { it.done.toInt() > before }
        rest.cancelAndJoin()
        assertTrue(lines("run").size > before)
        assertEquals(2, lines("header").size)
    }

    @Test
    fun `a listener cancels the session that it hears of`() {
        val session = Session()
        val listener = object : Listener {
            override fun told(progress: Progress) {
                if (progress.done == 1u) session.cancel()
            }
        }
        val outcome = session.run(shortJob, report.path, cache.path, TestPhone(), listener)
        assertEquals(EndStatus.CANCELLED to 1uL, outcome.status to outcome.runs)
    }

    @Test
    fun `a listener that throws ends the session, and what was finished is kept`() {
        for (thrown in listOf(AppException.Threw("full"), IllegalStateException("full"))) {
            report.delete()
            val listener = object : Listener {
                override fun told(progress: Progress) {
                    if (progress.done == 1u) throw thrown
                }
            }
            val error = assertThrows(PackbenchException.App::class.java) {
                Session().run(shortJob, report.path, cache.path, TestPhone(), listener)
            }
            assertTrue("full" in error.reason, error.reason)
            assertEquals(1, lines("run").size)
        }
    }

    @Test
    fun `a second session is told that one is under way`() = runBlocking {
        val begun = CompletableDeferred<Unit>()
        val seen = CompletableDeferred<Unit>()
        val listener = object : Listener {
            override fun told(progress: Progress) = runBlocking {
                begun.complete(Unit)
                seen.await()
            }
        }
        val first = async(Dispatchers.IO) { Session().run(shortJob, report.path, cache.path, TestPhone(), listener) }
        begun.await()
        val second = runCatching { packbench().run(shortJob, File(report.path + "2")) }
        seen.complete(Unit)
        assertTrue(second.exceptionOrNull() is PackbenchException.Busy, second.toString())
        assertEquals(EndStatus.COMPLETE, first.await().status)
    }

    @Test
    fun `each mistake is an error of its own kind, with the reason in words`() {
        fun refused(job: String, phone: Phone = TestPhone()) =
            runCatching { runBlocking { packbench(phone).run(job, report) } }.exceptionOrNull()
        assertAll(
            { assertReason<PackbenchException.Job>("key must be a string", refused("{]")) },
            { assertReason<PackbenchException.Job>("names no model", refused("{}")) },
            { assertReason<PackbenchException.Model>("No such file", refused(job(""""blocks":1""", File("/none.gguf")))) },
            { assertReason<PackbenchException.Guarded>("unplug it", refused(shortJob, TestPhone(Facts(charging = true)))) },
            { assertReason<PackbenchException.App>("out of order", refused(shortJob, BrokenPhone)) },
            { assertReason<PackbenchException.Report>("No such file", runCatching { medians("/none") }.exceptionOrNull()) },
            { assertReason<PackbenchException.Model>("No such file", runCatching { inspect("/none") }.exceptionOrNull()) },
        )
        assertFalse(report.exists(), "a session that can't begin leaves no report")
        report.writeText("taken")
        assertReason<PackbenchException.Report>("exists", refused(shortJob))
        assertReason<PackbenchException.Report>("is this a packbench report", runCatching { compare(report.path, Question("policy")) }.exceptionOrNull())
    }

    @Test
    fun `a question that a report has no answer to says why`() = runBlocking {
        packbench().run(shortJob, report)
        assertReason<PackbenchException.Question>("no two arms", runCatching { compare(report.path, Question("policy")) }.exceptionOrNull())
        assertReason<PackbenchException.Question>("colour", runCatching { compare(report.path, Question("colour")) }.exceptionOrNull())
    }

    @Test
    fun `a suppressed guard is a caveat of each run`() = runBlocking {
        val phone = TestPhone(Facts(charging = true, thermalStatus = ThermalStatus.NONE))
        packbench(phone).run(shortJob.dropLast(1) + ""","suppress":["Charging"]}""", report)
        assertTrue(lines("run").isNotEmpty() && lines("run").all { "\"Charging\"" in it })
        assertTrue("\"model\":\"Test Phone\"" in report.readLines().first())
    }

    @Test
    fun `a model tells what it holds`() {
        assertTrue("\"architecture\": \"llama\"" in inspect(model.path))
    }

    private fun lines(kind: String) = report.readLines().filter { it.startsWith("{\"kind\":\"$kind\"") }

    private fun probe(run: String) = Regex("\"probe\":\"(\\w+)\"").find(run)!!.groupValues[1]

    private inline fun <reified E : PackbenchException> assertReason(words: String, error: Throwable?) {
        assertTrue(error is E && words in error.message.orEmpty(), "found $error, expected ${E::class.simpleName}: $words")
    }
}
