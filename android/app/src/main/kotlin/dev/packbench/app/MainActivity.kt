package dev.packbench.app

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.provider.OpenableColumns
import android.view.WindowManager
import android.widget.ScrollView
import java.io.File
import java.io.FileNotFoundException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.android.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch

/** Shows what the bench does, and hands it what is touched. It holds nothing that a rotation could lose. */
class MainActivity : Activity() {
    private val bench get() = (application as BenchApp).bench
    private val screens by lazy { Screens(this, bench, ::pick, ::share) }
    private val scope = CoroutineScope(Handler(Looper.getMainLooper()).asCoroutineDispatcher())
    private lateinit var page: ScrollView

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        page = ScrollView(this).apply { fitsSystemWindows = true }
        setContentView(page)
        scope.launch { bench.state.collect(::show) }
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    /** Only where the system's own way back would leave a screen that has a way back of its own. */
    @Deprecated("the way of all Android versions that the app runs on")
    override fun onBackPressed() = when (bench.state.value) {
        is State.Finished, is State.Failed -> bench.home()
        else -> @Suppress("DEPRECATION") super.onBackPressed()
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data.takeIf { request == PICK && result == RESULT_OK } ?: return
        val (name, length) = described(uri)
        bench.import(name, length) { contentResolver.openInputStream(uri) ?: throw FileNotFoundException(name) }
    }

    private fun show(state: State) {
        val keepsOn = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (state is State.Running || intent.getBooleanExtra(KEEP_ON, false)) window.addFlags(keepsOn) else window.clearFlags(keepsOn)
        screens.show(state, page)
    }

    private fun pick() = startActivityForResult(
        Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*"),
        PICK,
    )

    /** Its name, and its length if whoever hands it out knows that. */
    private fun described(uri: Uri): Pair<String, Long?> {
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val told = contentResolver.query(uri, columns, null, null, null)?.use { row ->
            if (row.moveToFirst()) row.getString(0) to (if (row.isNull(1)) null else row.getLong(1)) else null
        }
        return told ?: ((uri.lastPathSegment ?: "model") to null)
    }

    private fun share(report: File) {
        val uri = ReportProvider.uri(report)
        val send = Intent(Intent.ACTION_SEND)
            .setType(ReportProvider.TYPE)
            .putExtra(Intent.EXTRA_STREAM, uri)
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        send.clipData = ClipData.newRawUri(report.name, uri)
        try {
            startActivity(Intent.createChooser(send, getString(R.string.share)))
        } catch (_: ActivityNotFoundException) {
            // A system without a share sheet has no app to share with either.
        }
    }

    companion object {
        /** Keeps the screen on whatever is shown: something measures without showing. */
        const val KEEP_ON = "keep_on"
        private const val PICK = 1
    }
}
