package dev.packbench.app

import android.app.Instrumentation
import android.content.Context
import android.content.Intent
import android.os.Bundle
import kotlinx.coroutines.runBlocking

/**
 * Measures without being touched:
 *
 * `am instrument -w -e job job.json dev.packbench.app/.BenchInstrumentation`
 *
 * Progress comes as status lines, the report's path last; the code is that of a [Verdict].
 */
open class BenchInstrumentation : BaseInstrumentation() {
    override fun onStart() {
        val ended = measure(arguments) { sendStatus(0, it) }
        val last = Bundle()
        ended.error?.let { last.putString("error", it) }
        last.putString("verdict", ended.verdict.name.lowercase())
        ended.report?.let { last.putString("report", it.path) }
        finish(ended.verdict.code, last)
    }
}

/** What both instrumentations do. */
abstract class BaseInstrumentation : Instrumentation() {
    protected lateinit var arguments: Bundle

    override fun onCreate(arguments: Bundle?) {
        super.onCreate(arguments)
        this.arguments = arguments ?: Bundle()
        start()
    }

    /** With the app in front and the screen kept on: Android gives everything else slower processors. */
    protected fun measure(arguments: Bundle, told: (Bundle) -> Unit): Ended {
        bringToFront(targetContext)
        return runBlocking { Headless(targetContext, arguments, told).run() }
    }

    private fun bringToFront(context: Context) {
        val intent = Intent(context, MainActivity::class.java)
            .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
            .putExtra(MainActivity.KEEP_ON, true)
        try {
            startActivitySync(intent)
        } catch (_: RuntimeException) {
            // A phone that doesn't let it says so: the guard Background finds it.
        }
    }
}
