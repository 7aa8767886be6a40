package dev.packbench.app

import android.content.Context
import java.io.File
import java.io.IOException

/** Where things lie. What is measured lies in the app's own directory: only of files that it owns can it prove what is
 * in memory. */
class Folders(private val context: Context) {
    val models: File get() = context.filesDir.folder("models")
    val reports: File get() = context.filesDir.folder("reports")

    /** What a later session can use again: payload hashes, weight traces. */
    val cache: File get() = context.cacheDir.folder("packbench")

    /** What adb reaches without root and without run-as: jobs and models come in here, reports go out. */
    val exchange: File
        get() = (context.externalMediaDirs.firstOrNull() ?: context.getExternalFilesDir(null))?.apply { mkdirs() }
            ?: throw IOException("this phone's shared storage isn't there now: unlock it, or take it off the computer")

    /** A report that isn't there yet. */
    fun newReport(): File =
        generateSequence(1) { it + 1 }.map { File(reports, "report-%03d.jsonl".format(it)) }.first { !it.exists() }

    private fun File.folder(name: String) = File(this, name).apply { mkdirs() }
}
