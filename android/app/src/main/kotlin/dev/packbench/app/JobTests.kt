package dev.packbench.app

import android.app.Activity
import android.os.Bundle

/**
 * Each job file that was pushed is a test, told by the keys of AndroidJUnitRunner, which device farms read. Where none was,
 * that is a test that fails: a farm calls no test at all a success.
 *
 * `-e job FILE` carries out that one alone; the other arguments are those of [BenchInstrumentation].
 */
abstract class JobTests : BaseInstrumentation() {
    override fun onStart() {
        val jobs = arguments.getString("job")?.let(::listOf) ?: pushed()
        val count = maxOf(jobs.size, 1)
        val failures = when {
            jobs.isEmpty() -> listOf(test("jobs", 1, count) { nothingPushed() })
            else -> jobs.mapIndexed { index, job -> test(job.removeSuffix(".json"), index + 1, count) { measured(job) } }
        }.count { passed -> !passed }
        val summary = if (failures == 0) "OK ($count tests)" else "Tests run: $count,  Failures: $failures"
        finish(Activity.RESULT_OK, Bundle().apply { putString("stream", "\n\n$summary\n") })
    }

    private fun pushed(): List<String> =
        Folders(targetContext).exchange.list { _, name -> name.endsWith(".json") && name != ASSIGNMENT }.orEmpty().sorted()

    private fun measured(job: String) =
        measure(Bundle(arguments).apply { putString("job", job) }) { sendStatus(IN_PROGRESS, it) }

    private fun nothingPushed() =
        Answer(Ending.INVALID, null, "found no job, expected one or more: push FILE.json to ${Folders(targetContext).exchange}")

    private fun test(name: String, current: Int, count: Int, work: () -> Answer): Boolean {
        fun status() = Bundle().apply {
            putString("class", "dev.packbench.app.Bench")
            putString("test", name)
            putString("id", "AndroidJUnitRunner")
            putInt("numtests", count)
            putInt("current", current)
        }
        sendStatus(START, status().apply { putString("stream", "\ndev.packbench.app.Bench:") })
        val answer = work()
        val passed = answer.ending == Ending.PASSED
        sendStatus(
            if (passed) OK else FAILURE,
            status().apply {
                if (!passed) putString("stack", answer.error ?: answer.ending.name.lowercase())
                answer.report?.let { putString("report", it.path) }
                putString("stream", ".")
            },
        )
        return passed
    }

    private companion object {
        /** As AndroidJUnitRunner has them. */
        const val START = 1
        const val OK = 0
        const val FAILURE = -2
        const val IN_PROGRESS = 2

        /** What `packbench run` on a computer hands over: no job. */
        const val ASSIGNMENT = "assignment.json"
    }
}
