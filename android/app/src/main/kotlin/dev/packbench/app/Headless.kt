package dev.packbench.app

import android.content.Context
import android.os.Bundle
import dev.packbench.AndroidPhone
import dev.packbench.Packbench
import dev.packbench.ffi.Carried
import dev.packbench.ffi.Gate
import dev.packbench.ffi.Listener
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Progress
import dev.packbench.ffi.Question
import dev.packbench.ffi.compare
import dev.packbench.ffi.modelFiles
import dev.packbench.ffi.placed
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch

/** How a session without a screen ended. The codes are those of `packbench run` and `compare`, but for success. */
enum class Verdict(val code: Int) {
    /** It was measured, and nothing is seen to be worse by the threshold. Android says success by -1. */
    PASSED(-1),
    REGRESSION(1),

    /** It was not measured to its end, or can't be compared. */
    INVALID(2),

    /** What is left takes a fresh process: start the instrumentation again. */
    AGAIN(3),
}

/** What a session without a screen came to; [error] says what to do. */
class Ended(val verdict: Verdict, val report: File?, val error: String?)

/**
 * A session without a screen. Files are named as they lie in [Folders.exchange], which adb reaches:
 *
 * - `job FILE`: carries it out. Its models lie beside it and are copied into the app once.
 * - `suppress A,B`: guards to measure in spite of.
 * - `compare FIELD`: the verdict is that of the arms that differ in this field.
 * - `resume REPORT`: goes on with an earlier report, by its name.
 * - `assignment FILE`: carries out as much of it as this process can, each line of the report told as `line`.
 */
class Headless(context: Context, private val arguments: Bundle, private val told: (Bundle) -> Unit) {
    private val folders = Folders(context)
    private val store = ModelStore(folders.models)
    private val phone = AndroidPhone(context)
    private val packbench = Packbench(phone, folders.cache)

    /** Does what the arguments say. It throws nothing: whoever started it sees only what it ends with. */
    suspend fun run(): Ended = try {
        phone.use { ask() }
    } catch (refused: PackbenchException) {
        Ended(Verdict.INVALID, null, refused.reason())
    } catch (refused: ModelStore.NoRoom) {
        Ended(Verdict.INVALID, null, "a model takes ${refused.needed} bytes and there are ${refused.free}: make room")
    } catch (refused: IOException) {
        Ended(Verdict.INVALID, null, refused.message ?: refused.toString())
    }

    private suspend fun ask(): Ended {
        val (job, resumed) = arguments.getString("job") to arguments.getString("resume")
        val assignment = arguments.getString("assignment")
        return when {
            assignment != null -> carryOut(owned(assignment))
            resumed != null -> {
                val report = File(folders.reports, resumed)
                recorded(report) { packbench.resume(report, store.models().associateBy { it.name }) }
            }
            job != null -> {
                val (report, ready) = folders.newReport() to owned(job)
                recorded(report) { packbench.run(ready, report) }
            }
            else -> Ended(Verdict.INVALID, null, "nothing to do: give -e job FILE, with FILE in ${folders.exchange}")
        }
    }

    private suspend fun carryOut(assignment: String): Ended {
        val lines = object : Listener {
            override fun told(progress: Progress) = told(Bundle().apply { putString("line", progress.line) })
        }
        return when (packbench.carryOut(assignment, lines)) {
            Carried.THROUGH -> Ended(Verdict.PASSED, null, null)
            Carried.SO_FAR -> Ended(Verdict.AGAIN, null, null)
        }
    }

    /** However the session ends, what was finished is handed out. */
    private suspend fun recorded(report: File, measure: suspend () -> Outcome): Ended {
        val (verdict, error) = try {
            judged(telling(measure), report)
        } catch (refused: PackbenchException) {
            Verdict.INVALID to refused.reason()
        }
        val out = if (report.exists()) report.copyTo(File(folders.exchange, report.name), overwrite = true) else null
        return Ended(verdict, out, error)
    }

    private fun judged(outcome: Outcome, report: File): Pair<Verdict, String?> =
        (if (outcome.problem == null) verdict(report) else Verdict.INVALID) to outcome.problem

    private fun verdict(report: File): Verdict {
        val by = arguments.getString("compare") ?: return Verdict.PASSED
        return when (compare(report.path, Question(by, allow = listOf("payload"))).gate) {
            Gate.PASSED -> Verdict.PASSED
            Gate.REGRESSION -> Verdict.REGRESSION
            Gate.INVALID -> Verdict.INVALID
        }
    }

    private suspend fun <T> telling(work: suspend () -> T): T = coroutineScope {
        val telling = launch(Dispatchers.Unconfined, CoroutineStart.UNDISPATCHED) {
            packbench.progress.collect { progress ->
                told(
                    Bundle().apply {
                        putString("progress", "${progress.done}/${progress.total}")
                        putString("stream", "\n${progress.done}/${progress.total} ${progress.text}")
                    },
                )
            }
        }
        work().also { telling.cancel() }
    }

    private fun read(name: String): String {
        val file = File(folders.exchange, File(name).name)
        if (!file.isFile) throw FileNotFoundException("$file is missing: push it there by adb")
        return file.readText()
    }

    /** The job or assignment that is called so, of models that the app owns. */
    private suspend fun owned(name: String): String {
        val asked = read(name)
        val guards = arguments.getString("suppress")?.split(',') ?: emptyList()
        return placed(asked, modelFiles(asked).associateWith { model(it).path }, guards, folders.cache.path)
    }

    private suspend fun model(name: String): File {
        val pushed = File(folders.exchange, name)
        val ours = store.file(name)
        if (!pushed.isFile && !ours.isFile) throw FileNotFoundException("$pushed is missing: push it there by adb")
        return if (pushed.isFile) store.import(name, pushed.length(), pushed::inputStream) {} else ours
    }
}
