package dev.packbench.app

import dev.packbench.Packbench
import dev.packbench.ffi.Median
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Preset
import dev.packbench.ffi.Progress
import dev.packbench.ffi.medians
import dev.packbench.ffi.missing
import dev.packbench.ffi.presetJob
import dev.packbench.ffi.presets
import java.io.File
import java.io.IOException
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** What the app is doing. */
sealed interface State {
    /** It has just begun to look. */
    data object Starting : State

    /** What there is to choose from; of the reports the newest first. */
    data class Idle(val models: List<File>, val presets: List<Preset>, val reports: List<File>) : State

    /** [name] and [progress] are null until they are known. */
    data class Copying(val name: String?, val progress: ModelStore.Progress?) : State

    data class Running(val progress: Progress?, val stopping: Boolean = false) : State

    /** [outcome] is null for a report that was opened again. */
    data class Finished(val report: File, val outcome: Outcome?, val shown: Shown) : State {
        val canGoOn get() = shown is Shown.Medians && shown.missing > 0u
    }

    /** [guards] can be suppressed: [retry] does it. */
    data class Failed(val problem: Problem, val guards: List<String>, val retry: (() -> Unit)?) : State
}

/** What a report holds for a screen. */
sealed interface Shown {
    /** [missing] runs are still to be made. */
    data class Medians(val all: List<Median>, val missing: UInt) : Shown

    data class Unread(val problem: Problem) : Shown
}

/** What went wrong, for [Texts] to say. */
sealed interface Problem {
    data class NoRoom(val name: String, val needed: Long, val free: Long) : Problem

    data class CopyDiffers(val name: String) : Problem

    data class NoFile(val reason: String) : Problem

    data object Busy : Problem

    /** In the words of core, or of whatever threw. */
    data class InWords(val words: String) : Problem
}

/** What it is for people. */
fun Throwable.problem(): Problem = when (this) {
    is ModelStore.NoRoom -> Problem.NoRoom(name, needed, free)
    is ModelStore.Differs -> Problem.CopyDiffers(name)
    is Document.Refused -> Problem.NoFile(reason)
    is PackbenchException.Busy -> Problem.Busy
    is PackbenchException -> Problem.InWords(reason())
    is IOException -> Problem.InWords(message ?: toString())
    else -> Problem.InWords(toString())
}

/** One thing at a time, whoever looks on. */
class Bench(
    private val folders: Folders,
    private val store: ModelStore,
    private val packbench: Packbench,
    dispatcher: CoroutineDispatcher = Dispatchers.IO,
) {
    /** What nobody thought of is shown, and the app goes on. */
    private val unforeseen = CoroutineExceptionHandler { _, thrown -> fail(thrown) }
    private val scope = CoroutineScope(SupervisorJob() + dispatcher + unforeseen)
    private val current = MutableStateFlow<State>(State.Starting)
    private var work: Job? = null

    val state: StateFlow<State> = current.asStateFlow()

    /** Copies a model in. */
    fun import(document: Document) = start(State.Copying(null, null)) {
        try {
            val (name, length) = document.described()
            store.import(name, length, document::open) { current.value = State.Copying(name, it) }
            current.value = idle()
        } catch (cancelled: CancellationException) {
            current.value = idle()
            throw cancelled
        } catch (refused: IOException) {
            fail(refused)
        }
    }

    /** Measures [model], in spite of the guards in [suppress]. */
    fun measure(preset: Preset, model: File, suppress: List<String> = emptyList()) {
        val again = { guards: List<String> -> measure(preset, model, suppress + guards) }
        session(folders::newReport, again) { report -> packbench.run(presetJob(preset, model.path, suppress), report) }
    }

    /** Goes on with a report that was cut short. */
    fun resume(report: File) = session({ report }, again = null) { packbench.resume(it, store.byName()) }

    /** Ends what is under way: a copy at once, a session after the run under way. */
    fun stop() {
        current.update { (it as? State.Running)?.copy(stopping = true) ?: it }
        work?.cancel()
    }

    fun show(report: File) = look { finished(report, outcome = null) }

    fun home() = look { idle() }

    fun removeModel(model: File) = look {
        store.remove(model)
        idle()
    }

    fun removeReport(report: File) = look {
        if (!report.delete()) throw IOException("${report.name} can't be removed")
        idle()
    }

    init {
        home()
    }

    private fun session(
        report: () -> File,
        again: ((List<String>) -> Unit)?,
        run: suspend (File) -> Outcome,
    ) = start(State.Running(null)) {
        val file = report()
        val watching = scope.launch {
            packbench.progress.collect { told -> current.update { (it as? State.Running)?.copy(progress = told) ?: it } }
        }
        try {
            current.value = finished(file, run(file))
        } catch (cancelled: CancellationException) {
            current.value = if (file.exists()) finished(file, outcome = null) else idle()
            throw cancelled
        } catch (refused: PackbenchException.Guarded) {
            fail(refused, refused.guards, again?.let { { it(refused.guards) } })
        } catch (refused: PackbenchException) {
            fail(refused)
        } finally {
            watching.cancel()
        }
    }

    private fun idle() = State.Idle(store.models(), presets(), folders.reports.listFiles().orEmpty().sortedByDescending { it.name })

    private fun finished(report: File, outcome: Outcome?): State {
        val shown = try {
            Shown.Medians(medians(report.path), missing(report.path))
        } catch (unread: PackbenchException) {
            Shown.Unread(unread.problem())
        }
        return State.Finished(report, outcome, shown)
    }

    /** Reads beside the main thread what is to be shown next; whatever was begun meanwhile stays. */
    private fun look(read: suspend () -> State) {
        val before = current.value
        scope.launch {
            val next = read()
            current.compareAndSet(before, next)
        }
    }

    /** What is stopped before it has begun begins all the same: nothing else ends its state. */
    @OptIn(DelicateCoroutinesApi::class)
    private fun start(state: State, block: suspend () -> Unit) {
        if (current.value is State.Copying || current.value is State.Running) return
        current.value = state
        work = scope.launch(start = CoroutineStart.ATOMIC) { block() }
    }

    private fun fail(thrown: Throwable, guards: List<String> = emptyList(), retry: (() -> Unit)? = null) {
        current.value = State.Failed(thrown.problem(), guards, retry)
    }
}

/** In words, whichever kind it is. */
fun PackbenchException.reason(): String = when (this) {
    is PackbenchException.Busy -> "another session is under way"
    is PackbenchException.Job -> reason
    is PackbenchException.Model -> reason
    is PackbenchException.Guarded -> reason
    is PackbenchException.Report -> reason
    is PackbenchException.Question -> reason
    is PackbenchException.App -> reason
    is PackbenchException.Bug -> reason
}
