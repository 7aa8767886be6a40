package dev.packbench.app

import android.content.ContentResolver
import android.net.Uri
import android.provider.OpenableColumns
import java.io.IOException
import java.io.InputStream

/** A file as another app hands it out: asking takes as long as that app does, and fails in its ways. */
class Document(private val resolver: ContentResolver, private val uri: Uri) {
    /** Its [length] is null where that app doesn't know it. */
    data class Described(val name: String, val length: Long?)

    class Refused(val reason: String, cause: Exception?) : IOException(reason, cause)

    /** @throws Refused when the app doesn't answer. */
    fun described(): Described = asked {
        resolver.query(uri, null, null, null, null)?.use { row ->
            if (!row.moveToFirst()) return@use null
            val name = row.getColumnIndex(OpenableColumns.DISPLAY_NAME)
            val length = row.getColumnIndex(OpenableColumns.SIZE)
            Described(
                (if (name < 0) null else row.getString(name)) ?: ownName,
                if (length < 0 || row.isNull(length)) null else row.getLong(length),
            )
        } ?: Described(ownName, length = null)
    }

    /** @throws Refused when the app doesn't hand it out, or no longer. */
    fun open(): InputStream =
        asked { resolver.openInputStream(uri) } ?: throw Refused("found nothing in $ownName", cause = null)

    private val ownName get() = uri.lastPathSegment ?: "model"

    /** What goes wrong in the other app is thrown here, most of it by no declared name. */
    private fun <T> asked(question: () -> T): T = try {
        question()
    } catch (refused: IOException) {
        throw Refused(refused.message ?: refused.toString(), refused)
    } catch (refused: RuntimeException) {
        throw Refused(refused.message ?: refused.toString(), refused)
    }
}
