package dev.packbench.app

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.WindowManager
import android.widget.ScrollView
import java.io.File
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

    /** Whether something measures without showing: the screen is on whatever is shown. */
    private val isHeadless get() = intent.getBooleanExtra(HEADLESS, false)

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        if (isHeadless && Build.VERSION.SDK_INT >= 27) {
            setShowWhenLocked(true)
            setTurnScreenOn(true)
        }
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
        bench.import(Document(contentResolver, uri))
    }

    private fun show(state: State) {
        val keepsOn = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (state is State.Running || isHeadless) window.addFlags(keepsOn) else window.clearFlags(keepsOn)
        screens.show(state, page)
    }

    private fun pick() = startActivityForResult(
        Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("*/*"),
        PICK,
    )

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
        private const val HEADLESS = "headless"
        private const val PICK = 1

        /** Starts it anew, in front of a locked screen, too, for something that measures without showing. */
        fun headless(context: Context): Intent = Intent(context, MainActivity::class.java)
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_CLEAR_TASK)
            .putExtra(HEADLESS, true)
    }
}
