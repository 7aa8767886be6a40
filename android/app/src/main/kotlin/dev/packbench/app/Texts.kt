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

    fun barTitle(median: Median): String = "${milliseconds(median.medianNs)}  ${median.case}"

    fun bar(median: Median): String = context.getString(
        R.string.chart_bar,
        median.case,
        milliseconds(median.medianNs),
        milliseconds(median.leastNs),
        milliseconds(median.mostNs),
        median.runs.toInt(),
    )

    fun outcome(outcome: Outcome): String {
        val ended = when (outcome.missing) {
            0uL -> context.getString(R.string.complete, outcome.runs.toLong())
            else -> context.getString(R.string.incomplete, outcome.runs.toLong(), outcome.missing.toLong())
        }
        if (outcome.failed == 0uL) return ended
        return "$ended ${context.getString(R.string.failed_runs, outcome.failed.toLong())}"
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
        is Problem.InWords -> problem.words
    }
}
