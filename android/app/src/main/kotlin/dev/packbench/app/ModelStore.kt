package dev.packbench.app

import java.io.File
import java.io.FileInputStream
import java.io.FileOutputStream
import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withContext

/** The models that the app owns. Each is copied in once, whole and checked, or not at all. */
class ModelStore(private val folder: File) {
    /** How far a copy is. */
    data class Progress(val checking: Boolean, val done: Long, val total: Long?)

    class NoRoom(val needed: Long, val free: Long) : IOException("needs $needed bytes, has $free")

    class Differs : IOException("the copy differs from its source")

    fun models(): List<File> =
        folder.listFiles { file -> file.extension == "gguf" }.orEmpty().sortedBy { it.name.lowercase() }

    fun file(name: String) = File(folder, name)

    /**
     * The model [name] of [length] bytes, where its length is known, copied from [open] unless it is here already.
     *
     * @throws NoRoom before anything is written.
     * @throws Differs when the storage doesn't give back what was written.
     */
    suspend fun import(name: String, length: Long?, open: () -> InputStream, told: (Progress) -> Unit): File =
        withContext(Dispatchers.IO) {
            val target = File(folder, File(name).name.removeSuffix(".gguf") + ".gguf")
            val kept = File(folder, target.name + ".sha256")
            if (kept.exists() && (length ?: target.length()) == target.length()) {
                val source = open().use { digest(it) { done -> told(Progress(true, done, target.length())) } }
                if (source == kept.readText()) return@withContext target
            }
            if (length != null && folder.usableSpace < length) throw NoRoom(length, folder.usableSpace)
            copy(target, kept, length, open, told)
            target
        }

    private suspend fun copy(
        target: File,
        kept: File,
        length: Long?,
        open: () -> InputStream,
        told: (Progress) -> Unit,
    ) {
        val unfinished = File(folder, target.name + ".part")
        try {
            val written = open().use { source ->
                FileOutputStream(unfinished).use { copy ->
                    digest(source, copy::write) { done -> told(Progress(false, done, length)) }
                        .also { copy.fd.sync() }
                }
            }
            val read = FileInputStream(unfinished).use { digest(it) { done -> told(Progress(true, done, length)) } }
            if (written != read) throw Differs()
            // Whoever dies between the two leaves a model without a hash, never with another one's.
            kept.delete()
            if (!unfinished.renameTo(target)) throw IOException("${unfinished.name} can't be renamed")
            kept.writeText(written)
        } finally {
            unfinished.delete()
        }
    }

    /** SHA-256 of all that [source] gives, each piece of it handed to [piece], too. */
    private suspend fun digest(
        source: InputStream,
        piece: (ByteArray, Int, Int) -> Unit = { _, _, _ -> },
        told: (Long) -> Unit,
    ): String {
        val (digest, buffer) = MessageDigest.getInstance("SHA-256") to ByteArray(PIECE)
        var done = 0L
        while (true) {
            currentCoroutineContext().ensureActive()
            val read = source.read(buffer)
            if (read < 0) return digest.digest().joinToString("") { "%02x".format(it) }
            digest.update(buffer, 0, read)
            piece(buffer, 0, read)
            done += read
            told(done)
        }
    }

    private companion object {
        const val PIECE = 1 shl 20
    }
}
