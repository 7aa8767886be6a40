package dev.packbench.app

import android.app.Activity
import android.os.Bundle

/**
 * Each job file that was pushed is a test, told by the keys of AndroidJUnitRunner, which device farms read.
 *
 * `am instrument -w -r dev.packbench.app.test/dev.packbench.app.FarmInstrumentation`
 *
 * `-e job FILE` carries out that one alone; the other arguments are those of [BenchInstrumentation].
 */
open class FarmInstrumentation : BaseInstrumentation() {
    override fun onStart() {
        val jobs = arguments.getString("job")?.let(::listOf) ?: pushed()
        val failures = jobs.withIndex().count { (index, job) -> !test(job, index + 1, jobs.size) }
        val summary = if (failures == 0) "OK (${jobs.size} tests)" else "Tests run: ${jobs.size},  Failures: $failures"
        finish(Activity.RESULT_OK, Bundle().apply { putString("stream", "\n\n$summary\n") })
    }

    private fun pushed(): List<String> =
        Folders(targetContext).exchange.list { _, name -> name.endsWith(".json") }.orEmpty().sorted()

    private fun test(job: String, current: Int, count: Int): Boolean {
        fun status() = Bundle().apply {
            putString("class", "dev.packbench.app.Bench")
            putString("test", job.removeSuffix(".json"))
            putString("id", "AndroidJUnitRunner")
            putInt("numtests", count)
            putInt("current", current)
        }
        sendStatus(START, status().apply { putString("stream", "\ndev.packbench.app.Bench:") })
        val ended = measure(Bundle(arguments).apply { putString("job", job) }) { sendStatus(IN_PROGRESS, it) }
        val passed = ended.verdict == Verdict.PASSED
        sendStatus(
            if (passed) OK else FAILURE,
            status().apply {
                if (!passed) putString("stack", ended.error ?: ended.verdict.name.lowercase())
                ended.report?.let { putString("report", it.path) }
                putString("stream", ".")
            },
        )
        return passed
    }

    /** As AndroidJUnitRunner has them. */
    private companion object {
        const val START = 1
        const val OK = 0
        const val FAILURE = -2
        const val IN_PROGRESS = 2
    }
}
