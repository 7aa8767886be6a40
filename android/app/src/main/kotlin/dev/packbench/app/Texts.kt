package dev.packbench.app

import android.content.Context
import android.text.format.Formatter
import dev.packbench.ffi.Median
import dev.packbench.ffi.Outcome
import dev.packbench.ffi.Preset
import java.util.Locale

/** What people read. */
class Texts(private val context: Context) {
    fun bytes(count: Long): String = Formatter.formatShortFileSize(context, count)

    fun milliseconds(nanoseconds: Double): String = "%.3g ms".format(Locale.getDefault(), nanoseconds / 1e6)

    fun bar(median: Median): String = context.getString(
        R.string.chart_bar,
        median.case,
        milliseconds(median.medianNs),
        milliseconds(median.leastNs),
        milliseconds(median.mostNs),
        median.runs.toInt(),
    )

    fun outcome(outcome: Outcome): String {
        val (runs, missing, failed) = Triple(outcome.runs.toLong(), outcome.missing.toLong(), outcome.failed.toLong())
        val ended = when (missing) {
            0L -> context.getString(R.string.complete, runs)
            else -> context.getString(R.string.incomplete, runs, missing)
        }
        return if (failed == 0L) ended else "$ended ${context.getString(R.string.failed_runs, failed)}"
    }

    fun preset(preset: Preset): String = context.getString(
        when (preset) {
            Preset.QUICK -> R.string.job_quick
            Preset.FIRST_TOKEN -> R.string.job_first_token
            Preset.READS -> R.string.job_reads
            Preset.ALL -> R.string.job_all
        },
    )

    fun problem(problem: Problem): String = when (problem) {
        is Problem.NoRoom ->
            context.getString(R.string.no_room, problem.name, bytes(problem.needed), bytes(problem.free))
        is Problem.CopyDiffers -> context.getString(R.string.copy_differs, problem.name)
        is Problem.NoFile -> "${context.getString(R.string.no_file)} (${problem.reason})"
        Problem.Busy -> context.getString(R.string.busy)
        is Problem.Told -> problem.reason
    }
}
