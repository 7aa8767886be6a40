package dev.packbench.app

import android.app.Activity
import android.app.Application
import android.app.Instrumentation
import android.content.Context
import android.os.Bundle
import dev.packbench.Lifecycle
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking

/**
 * Measures without being touched:
 *
 * `am instrument -w -r -e job job.json dev.packbench.app/.BenchInstrumentation`
 *
 * Progress comes as status lines, the report's path last; the code is that of an [Ending].
 */
open class BenchInstrumentation : BaseInstrumentation() {
    override fun onStart() {
        val answer = measure(arguments) { sendStatus(0, it) }
        val last = Bundle()
        answer.error?.let { last.putString("error", it) }
        last.putString("outcome", answer.ending.name.lowercase())
        answer.report?.let { last.putString("report", it.path) }
        finish(answer.ending.code, last)
    }
}

/** What both instrumentations do. */
abstract class BaseInstrumentation : Instrumentation() {
    protected lateinit var arguments: Bundle
    private var askedToFront = false

    override fun onCreate(arguments: Bundle?) {
        super.onCreate(arguments)
        this.arguments = arguments ?: Bundle()
        start()
    }

    /** With the app in front and the screen kept on: Android gives everything else slower processors. */
    protected fun measure(arguments: Bundle, told: (Bundle) -> Unit): Answer {
        if (!askedToFront) bringToFront(targetContext)
        return runBlocking { Headless(targetContext, arguments, told).run() }
    }

    /**
     * Once, for a task that is there is only brought forward. Android doesn't say when it declines to: what isn't in front
     * after a while the guard Background finds.
     */
    private fun bringToFront(context: Context) {
        askedToFront = true
        val front = CountDownLatch(1)
        val watching = object : Lifecycle {
            override fun onActivityResumed(activity: Activity) = front.countDown()
        }
        val app = context.applicationContext as Application
        app.registerActivityLifecycleCallbacks(watching)
        try {
            context.startActivity(MainActivity.headless(context))
            front.await(FRONT_SECONDS, TimeUnit.SECONDS)
        } catch (_: RuntimeException) {
            // So says a phone that declines at once.
        } finally {
            app.unregisterActivityLifecycleCallbacks(watching)
        }
    }

    private companion object {
        const val FRONT_SECONDS = 5L
    }
}
