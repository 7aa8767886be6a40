package dev.packbench

import dev.packbench.ffi.Carried
import dev.packbench.ffi.Listener
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Phone
import dev.packbench.ffi.Progress
import dev.packbench.ffi.Session
import java.io.File
import kotlin.concurrent.thread
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.completeWith
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.asSharedFlow
import kotlinx.coroutines.withContext

/**
 * Measures how this phone brings models into memory.
 *
 * One session at a time: a second one gets [PackbenchException.Busy]. Cancelling the coroutine cancels the session
 * after the run under way; the call returns when it has ended, and what was finished is in the report.
 *
 * @param phone what only an app can ask its system; see [AndroidPhone].
 * @param cache a folder for what a later session can use again.
 */
class Packbench(private val phone: Phone, private val cache: File) {
    private val told = MutableSharedFlow<Progress>(
        replay = 1,
        extraBufferCapacity = PROGRESS_BUFFER,
        onBufferOverflow = BufferOverflow.DROP_OLDEST,
    )

    /** How far the session under way is. Whoever comes late sees the last; whoever is slow misses the oldest. */
    val progress: Flow<Progress> = told.asSharedFlow()

    /**
     * Carries out [job], JSON as `packbench run --job` takes it, and writes [report], which may not exist yet.
     *
     * @throws PackbenchException says what to do.
     */
    suspend fun run(job: String, report: File): Outcome =
        session { it.run(job, report.path, cache.path, phone, listener) }

    /**
     * Goes on with the session of [report]; [models] are its files by name.
     *
     * @throws PackbenchException says what to do.
     */
    suspend fun resume(report: File, models: Map<String, File>): Outcome =
        session { it.resume(report.path, models.mapValues { (_, file) -> file.path }, cache.path, phone, listener) }

    /**
     * Carries out as much as this process can of an assignment that `packbench run` on a computer hands out. The lines
     * of the report go to [lines], each as soon as it is known.
     *
     * @throws PackbenchException says what to do.
     */
    suspend fun carryOut(assignment: String, lines: Listener): Carried =
        session { it.carryOut(assignment, phone, lines) }

    private val listener = object : Listener {
        override fun told(progress: Progress) {
            told.tryEmit(progress)
        }
    }

    /** On a thread of its own: a session may bind its thread to processors. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private suspend fun <T> session(work: (Session) -> T): T {
        loadLibrary()
        return Session().use { session ->
            val ended = CompletableDeferred<T>()
            thread(name = "packbench") { ended.completeWith(runCatching { work(session) }) }
            try {
                ended.await()
            } catch (cancelled: CancellationException) {
                session.cancel()
                withContext(NonCancellable) { ended.join() }
                throw cancelled
            } finally {
                told.resetReplayCache()
            }
        }
    }

    private companion object {
        const val PROGRESS_BUFFER = 256
    }
}

/** To be called before anything else: JNA loads the library without telling it, and then nothing of it reaches logcat. */
fun loadLibrary() {
    if (System.getProperty("java.vm.name") == "Dalvik") System.loadLibrary("packbench_ffi")
}
