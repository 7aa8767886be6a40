package dev.packbench.app

import android.content.Context
import android.os.Bundle
import dev.packbench.AndroidPhone
import dev.packbench.Packbench
import dev.packbench.ffi.Carried
import dev.packbench.ffi.Gate
import dev.packbench.ffi.Listener
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.Progress
import dev.packbench.ffi.Question
import dev.packbench.ffi.compare
import dev.packbench.ffi.modelFiles
import dev.packbench.ffi.placed
import dev.packbench.loadLibrary
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import org.json.JSONObject

/** How a session without a screen ended. The codes are those of `packbench run` and `compare`, but for success. */
enum class Ending(val code: Int) {
    /** It was measured, and nothing is seen to be worse by the threshold. Android says success by -1. */
    PASSED(-1),
    REGRESSION(1),

    /** It was not measured to its end, or can't be compared. */
    INVALID(2),

    /** What is left takes a fresh process: start the instrumentation again. */
    AGAIN(3),
}

/** What a session without a screen came to; [error] says what to do. */
class Answer(val ending: Ending, val report: File?, val error: String?)

/**
 * A session without a screen. Files are named as they lie in [Folders.exchange], which adb reaches:
 *
 * - `job FILE`: carries it out. Its models lie beside it and are copied into the app once.
 * - `suppress A,B`: guards to measure in spite of.
 * - `compare FIELD`: it ends as a comparison of the arms that differ in this field does.
 * - `resume REPORT`: goes on with an earlier report, by its name.
 * - `assignment FILE`: carries out as much of it as this process can, each line of the report told as `line`.
 */
class Headless(private val context: Context, private val arguments: Bundle, private val told: (Bundle) -> Unit) {
    private val folders = Folders(context)
    private val store = (context.applicationContext as BenchApp).store
    private val phone by lazy { AndroidPhone(context) }
    private val packbench by lazy { Packbench(phone, folders.cache) }

    /** Does what the arguments say. It throws nothing: of what is thrown Android tells only that the app crashed. */
    suspend fun run(): Answer = try {
        loadLibrary()
        phone.use { ask() }
    } catch (thrown: Throwable) {
        Answer(Ending.INVALID, null, words(thrown))
    }

    private suspend fun ask(): Answer {
        val job = arguments.getString("job")
        val resumed = arguments.getString("resume")
        val assignment = arguments.getString("assignment")
        return when {
            assignment != null -> carryOut(owned(assignment))
            resumed != null -> {
                val report = File(folders.reports, resumed)
                recorded(report) { packbench.resume(report, store.byName()) }
            }
            job != null -> {
                val ready = owned(job)
                val report = folders.newReport()
                recorded(report) { packbench.run(ready, report) }
            }
            else -> Answer(Ending.INVALID, null, "nothing to do: give -e job FILE, with FILE in ${folders.exchange}")
        }
    }

    private suspend fun carryOut(assignment: String): Answer {
        val lines = object : Listener {
            override fun told(progress: Progress) = told(Bundle().apply { putString("line", progress.line) })
        }
        return when (packbench.carryOut(assignment, lines)) {
            Carried.THROUGH -> Answer(Ending.PASSED, null, null)
            Carried.SO_FAR -> Answer(Ending.AGAIN, null, null)
        }
    }

    /** However the session ends, what was finished is handed out. */
    private suspend fun recorded(report: File, measure: suspend () -> Outcome): Answer {
        val (ending, error) = try {
            val outcome = telling(measure)
            (if (outcome.problem == null) ending(report) else Ending.INVALID) to outcome.problem
        } catch (thrown: Throwable) {
            Ending.INVALID to words(thrown)
        }
        val out = if (report.exists()) report.copyTo(File(folders.exchange, report.name), overwrite = true) else null
        return Answer(ending, out, error)
    }

    private fun ending(report: File): Ending {
        val by = arguments.getString("compare") ?: return Ending.PASSED
        return when (compare(report.path, Question(by, allow = listOf("payload"))).gate) {
            Gate.PASSED -> Ending.PASSED
            Gate.REGRESSION -> Ending.REGRESSION
            Gate.INVALID -> Ending.INVALID
        }
    }

    private fun words(thrown: Throwable) = Texts(context).problem(thrown.problem())

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
        val names = modelFiles(asked)
        val hashes = hashes(asked)
        return placed(asked, names.associateWith { model(it, hashes[it]).path }, guards, folders.cache.path)
    }

    /** What the computer that hands out an assignment knows of the content of its models, by file name. */
    private fun hashes(asked: String): Map<String, String> {
        val models = JSONObject(asked).optJSONObject("job")?.optJSONArray("models") ?: return emptyMap()
        return (0 until models.length()).map(models::getJSONObject).filter { it.has("model_sha256") }
            .associate { File(it.getString("path")).name to it.getString("model_sha256") }
    }

    /** The app's copy of what is called [name] there, whose content a computer knows by [hash], if one asks. */
    private suspend fun model(name: String, hash: String?): File {
        val pushed = File(folders.exchange, name)
        val ours = if (pushed.isFile) store.import(name, pushed.length(), pushed::inputStream) {} else store.file(name)
        if (!ours.isFile) throw FileNotFoundException("$pushed is missing: push it there by adb")
        if (hash != null && hash != store.hash(ours)) throw IOException("$name here is another model: push it again")
        return ours
    }
}
