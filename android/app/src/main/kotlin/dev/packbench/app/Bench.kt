package dev.packbench.app

import android.app.Application
import dev.packbench.AndroidPhone
import dev.packbench.Packbench
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Preset
import dev.packbench.ffi.Progress
import dev.packbench.ffi.presetJob
import java.io.File
import java.io.IOException
import java.io.InputStream
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch

/** Holds the bench: it outlives each Activity. What a dead process had finished is in its report. */
class BenchApp : Application() {
    val bench by lazy { Bench(Folders(this), Packbench(AndroidPhone(this), Folders(this).cache)) }
}

/** What the app is doing. */
sealed interface State {
    /** Another one each time, for what there is to choose from may have changed. */
    class Idle : State

    data class Copying(val name: String, val progress: ModelStore.Progress?) : State

    data class Running(val report: File, val progress: Progress?, val stopping: Boolean = false) : State

    /** [outcome] is null for a report that was opened again. */
    data class Finished(val report: File, val outcome: Outcome?) : State

    /** [guards] can be suppressed: [retry] does it. */
    data class Failed(val problem: Problem, val guards: List<String>, val retry: (() -> Unit)?) : State
}

/** What went wrong, for [Texts] to say. */
sealed interface Problem {
    data class NoRoom(val name: String, val needed: Long, val free: Long) : Problem

    data class CopyDiffers(val name: String) : Problem

    data class NoFile(val reason: String) : Problem

    data object Busy : Problem

    /** In the words of core. */
    data class Told(val reason: String) : Problem
}

/** One thing at a time, whoever looks on. */
class Bench(
    private val folders: Folders,
    private val packbench: Packbench,
    private val scope: CoroutineScope = CoroutineScope(SupervisorJob()),
) {
    val store = ModelStore(folders.models)
    private val current = MutableStateFlow<State>(State.Idle())
    private var work: Job? = null

    val state: StateFlow<State> = current.asStateFlow()

    /** The newest first. */
    fun reports(): List<File> = folders.reports.listFiles().orEmpty().sortedByDescending { it.name }

    /** Copies a model in. */
    fun import(name: String, length: Long?, open: () -> InputStream) = start(State.Copying(name, null)) {
        try {
            store.import(name, length, open) { current.value = State.Copying(name, it) }
            current.value = State.Idle()
        } catch (cancelled: CancellationException) {
            current.value = State.Idle()
            throw cancelled
        } catch (refused: ModelStore.NoRoom) {
            fail(Problem.NoRoom(name, refused.needed, refused.free))
        } catch (_: ModelStore.Differs) {
            fail(Problem.CopyDiffers(name))
        } catch (refused: IOException) {
            fail(Problem.NoFile(refused.message ?: refused.toString()))
        }
    }

    /** Measures [model], in spite of the guards in [suppress]. */
    fun measure(preset: Preset, model: File, suppress: List<String> = emptyList()) {
        val again = { guards: List<String> -> measure(preset, model, suppress + guards) }
        session(folders.newReport(), again) { report -> packbench.run(presetJob(preset, model.path, suppress), report) }
    }

    /** Goes on with a report that was cut short. */
    fun resume(report: File) = session(report, again = null) {
        packbench.resume(report, store.models().associateBy { it.name })
    }

    /** Ends what is under way: a copy at once, a session after the run under way. */
    fun stop() {
        current.update { (it as? State.Running)?.copy(stopping = true) ?: it }
        work?.cancel()
    }

    fun show(report: File) {
        current.value = State.Finished(report, outcome = null)
    }

    fun home() {
        current.value = State.Idle()
    }

    private fun session(
        report: File,
        again: ((List<String>) -> Unit)?,
        run: suspend (File) -> Outcome,
    ) = start(State.Running(report, null)) {
        val watching = scope.launch {
            packbench.progress.collect { told -> current.update { (it as? State.Running)?.copy(progress = told) ?: it } }
        }
        try {
            current.value = State.Finished(report, run(report))
        } catch (cancelled: CancellationException) {
            current.value = if (report.exists()) State.Finished(report, outcome = null) else State.Idle()
            throw cancelled
        } catch (_: PackbenchException.Busy) {
            fail(Problem.Busy)
        } catch (refused: PackbenchException.Guarded) {
            fail(Problem.Told(refused.reason), refused.guards, again?.let { { it(refused.guards) } })
        } catch (refused: PackbenchException) {
            fail(Problem.Told(refused.reason()))
        } finally {
            watching.cancel()
        }
    }

    private fun start(state: State, block: suspend () -> Unit) {
        if (current.value is State.Copying || current.value is State.Running) return
        current.value = state
        work = scope.launch { block() }
    }

    private fun fail(problem: Problem, guards: List<String> = emptyList(), retry: (() -> Unit)? = null) {
        current.value = State.Failed(problem, guards, retry)
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
