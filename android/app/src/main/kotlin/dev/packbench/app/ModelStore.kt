package dev.packbench.app

import java.io.File
import java.io.FileInputStream
import java.io.FileOutputStream
import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/** The models that the app owns, of which it has one. Each is copied in once, whole and checked, or not at all. */
class ModelStore(private val folder: File) {
    /** Held by whatever copies or removes. */
    private val changing = Mutex()

    /** How far a copy is. */
    data class Progress(val checking: Boolean, val done: Long, val total: Long?)

    class NoRoom(val name: String, val needed: Long, val free: Long) : IOException("$name takes $needed bytes, $free are free")

    class Differs(val name: String) : IOException("the copy of $name reads back otherwise than it was written")

    fun models(): List<File> =
        folder.listFiles { file -> file.extension == "gguf" }.orEmpty().sortedBy { it.name.lowercase() }

    /** Where the model lies that was handed in as [name]. */
    fun file(name: String) = File(folder, File(name).name.removeSuffix(GGUF) + GGUF)

    /** Each model by all that it may have been handed in as. */
    fun byName(): Map<String, File> =
        models().flatMap { listOf(it.name to it, it.name.removeSuffix(GGUF) to it) }.toMap()

    /** SHA-256 of [model] as it was copied in; null of one that was not copied to its end. */
    fun hash(model: File): String? = hashOf(model).takeIf { it.exists() }?.readText()

    /**
     * The model [name] of [length] bytes, where its length is known, copied from [open] unless it is here already.
     *
     * @throws NoRoom before anything is written.
     * @throws Differs when what was written isn't what is read: of the system's memory, which need not be what the storage has.
     */
    suspend fun import(name: String, length: Long?, open: () -> InputStream, told: (Progress) -> Unit): File = alone {
        val target = file(name)
        val known = hash(target)
        if (known != null && (length ?: target.length()) == target.length()) {
            val source = open().use { digest(it) { done -> told(Progress(true, done, target.length())) } }
            if (source == known) return@alone target
        }
        if (length != null && folder.usableSpace < length) throw NoRoom(name, length, folder.usableSpace)
        copy(target, length, open, told)
        target
    }

    /** Removes a model. */
    suspend fun remove(model: File) = alone {
        hashOf(model).delete()
        if (!model.delete()) throw IOException("${model.name} can't be removed")
    }

    /** Removes what a process left unfinished that died while it copied. */
    suspend fun tidy() = alone {
        folder.listFiles { file -> file.name.endsWith(PART) }.orEmpty().forEach { it.delete() }
    }

    private suspend fun <T> alone(change: suspend CoroutineScope.() -> T): T =
        changing.withLock { withContext(Dispatchers.IO, change) }

    private fun hashOf(model: File) = File(folder, model.name + ".sha256")

    private suspend fun copy(
        target: File,
        length: Long?,
        open: () -> InputStream,
        told: (Progress) -> Unit,
    ) {
        val unfinished = File(folder, target.name + PART)
        try {
            val written = open().use { source ->
                FileOutputStream(unfinished).use { copy ->
                    digest(source, copy::write) { done -> told(Progress(false, done, length)) }
                        .also { copy.fd.sync() }
                }
            }
            val read = FileInputStream(unfinished).use { digest(it) { done -> told(Progress(true, done, length)) } }
            if (written != read) throw Differs(target.name)
            // Whoever dies between the two leaves a model without a hash, never with another one's.
            hashOf(target).delete()
            if (!unfinished.renameTo(target)) throw IOException("${unfinished.name} can't be renamed")
            hashOf(target).writeText(written)
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
        val digest = MessageDigest.getInstance("SHA-256")
        val buffer = ByteArray(PIECE)
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
        const val GGUF = ".gguf"
        const val PART = ".part"
    }
}
