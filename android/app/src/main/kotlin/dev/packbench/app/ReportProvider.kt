package dev.packbench.app

import android.content.ContentProvider
import android.content.ContentValues
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException

/** Hands a report to the app that it is shared with, and nothing else to nobody else. */
class ReportProvider : ContentProvider() {
    override fun onCreate() = true

    override fun getType(uri: Uri) = TYPE

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        if (mode != "r") throw FileNotFoundException("a report is read, not written")
        return ParcelFileDescriptor.open(report(uri), ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val file = report(uri)
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val values = columns.map {
            when (it) {
                OpenableColumns.DISPLAY_NAME -> file.name
                OpenableColumns.SIZE -> file.length()
                else -> null
            }
        }
        return MatrixCursor(columns).apply { addRow(values) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?) = 0

    /** By its last name alone, so that no path leads out of the folder. */
    private fun report(uri: Uri): File {
        val name = File(uri.lastPathSegment ?: "").name
        val file = File(Folders(context!!).reports, name)
        return file.takeIf { name.isNotEmpty() && it.isFile } ?: throw FileNotFoundException(uri.toString())
    }

    companion object {
        const val TYPE = "application/x-ndjson"

        fun uri(report: File): Uri =
            Uri.Builder().scheme("content").authority("dev.packbench.app.reports").appendPath(report.name).build()
    }
}
