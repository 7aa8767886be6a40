package dev.packbench.app

import android.app.Activity
import android.app.AlertDialog
import android.os.Build
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.ScrollView
import android.widget.TextView
import dev.packbench.ffi.Median
import dev.packbench.ffi.Preset
import java.io.File

/** A screen for each state, in the theme's colours and the user's size of text. */
class Screens(
    private val activity: Activity,
    private val bench: Bench,
    private val pick: () -> Unit,
    private val share: (File) -> Unit,
) {
    private val texts = Texts(activity)
    private var chosenModel: File? = null
    private var chosenPreset = Preset.QUICK
    private var shown: State? = null

    /** Live views of a running screen: rebuilding it at each step would take TalkBack's focus away. */
    private var running: RunningViews? = null

    private class RunningViews(val bar: ProgressBar, val count: TextView, val text: TextView, val stop: Button)

    fun show(state: State, page: ScrollView) {
        val live = running
        if (state.isLive && shown?.isLive == true && state::class == shown!!::class && live != null) {
            update(live, state)
        } else {
            running = null
            page.removeAllViews()
            page.addView(column().also { fill(it, state) })
        }
        shown = state
    }

    private val State.isLive get() = this is State.Running || this is State.Copying

    private fun fill(column: LinearLayout, state: State) = when (state) {
        State.Starting -> Unit
        is State.Idle -> home(column, state)
        is State.Copying, is State.Running -> live(column, state)
        is State.Finished -> finished(column, state)
        is State.Failed -> failed(column, state)
    }

    private fun home(column: LinearLayout, state: State.Idle) {
        column.heading(R.string.models)
        if (state.models.isEmpty()) column.text(activity.getString(R.string.no_models))
        chosenModel = chosenModel.takeIf { it in state.models } ?: state.models.firstOrNull()
        column.choice(state.models, chosenModel, File::getName) { chosenModel = it }
        column.button(R.string.choose_model) { pick() }
        column.button(R.string.remove_model) { chosenModel?.let { removing(it) { bench.removeModel(it) } } }
            .isEnabled = chosenModel != null
        column.heading(R.string.jobs)
        column.choice(state.presets, chosenPreset, texts::preset) { chosenPreset = it }
        column.button(R.string.measure) { chosenModel?.let { bench.measure(chosenPreset, it) } }
            .isEnabled = chosenModel != null
        if (state.reports.isNotEmpty()) column.heading(R.string.reports)
        state.reports.forEach { report -> column.button(report.name) { bench.show(report) } }
    }

    /** What is removed doesn't come back. */
    private fun removing(file: File, remove: () -> Unit) {
        AlertDialog.Builder(activity)
            .setMessage(activity.getString(R.string.remove_sure, file.name))
            .setPositiveButton(R.string.remove) { _, _ -> remove() }
            .setNegativeButton(android.R.string.cancel, null)
            .show()
    }

    private fun live(column: LinearLayout, state: State) {
        val count = column.heading(R.string.starting)
        count.accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
        val bar = ProgressBar(activity, null, android.R.attr.progressBarStyleHorizontal)
        column.addView(bar, wide())
        val text = column.text("")
        if (state is State.Running) column.text(activity.getString(R.string.keep))
        val stop = column.button(R.string.stop) { bench.stop() }
        running = RunningViews(bar, count, text, stop).also { update(it, state) }
    }

    private fun update(views: RunningViews, state: State) {
        when (state) {
            is State.Running -> {
                state.progress?.let { progress ->
                    views.bar.max = progress.total.toInt()
                    views.bar.progress = progress.done.toInt()
                    views.count.set(activity.getString(R.string.of_runs, progress.done.toInt(), progress.total.toInt()))
                    views.text.set(progress.text)
                }
                if (state.stopping) views.stop.setText(R.string.stopping)
                views.stop.isEnabled = !state.stopping
            }
            is State.Copying -> {
                val progress = state.progress
                val title = if (progress?.checking == true) R.string.checking else R.string.copying
                state.name?.let { views.count.set(activity.getString(title, it)) }
                val total = progress?.total?.takeIf { it > 0 }
                views.bar.isIndeterminate = total == null
                views.bar.max = PER_MILLE
                views.bar.progress = if (total == null) 0 else (progress.done * PER_MILLE / total).toInt()
                views.text.set(progress?.let { texts.bytes(it.done) }.orEmpty())
            }
            else -> Unit
        }
    }

    private fun finished(column: LinearLayout, state: State.Finished) {
        column.heading(R.string.result)
        column.text(state.report.name)
        state.outcome?.let { column.text(texts.outcome(it)) }
        when (val shown = state.shown) {
            is Shown.Medians -> chart(column, shown.all)
            is Shown.Unread -> column.text(texts.problem(shown.problem))
        }
        column.button(R.string.share) { share(state.report) }
        if (state.canGoOn) column.button(R.string.go_on) { bench.resume(state.report) }
        column.button(R.string.remove_report) { removing(state.report) { bench.removeReport(state.report) } }
        column.button(R.string.back) { bench.home() }
    }

    private fun chart(column: LinearLayout, medians: List<Median>) {
        column.text(activity.getString(if (medians.isEmpty()) R.string.nothing_measured else R.string.chart))
        medians.forEach { median ->
            // The bar says it, too, and more of it.
            column.text(texts.barTitle(median)).importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO
            column.addView(Bar(activity, median, medians.maxOf { it.mostNs }, texts), wide())
        }
    }

    private fun failed(column: LinearLayout, state: State.Failed) {
        column.heading(R.string.problem)
        column.text(texts.problem(state.problem))
        state.retry?.let { retry -> column.button(R.string.all_the_same) { retry() } }
        column.button(R.string.back) { bench.home() }
    }

    private fun column() = LinearLayout(activity).apply {
        orientation = LinearLayout.VERTICAL
        val edge = (EDGE_DP * resources.displayMetrics.density).toInt()
        setPadding(edge, edge, edge, edge)
    }

    private fun wide() =
        LinearLayout.LayoutParams(ViewGroup.LayoutParams.MATCH_PARENT, ViewGroup.LayoutParams.WRAP_CONTENT)

    private fun LinearLayout.heading(text: Int): TextView = TextView(activity).also {
        it.setText(text)
        it.setTextAppearance(android.R.style.TextAppearance_DeviceDefault_Large)
        if (Build.VERSION.SDK_INT >= 28) it.isAccessibilityHeading = true
        addView(it, wide())
    }

    private fun LinearLayout.text(text: String): TextView = TextView(activity).also {
        it.text = text
        it.setTextIsSelectable(true)
        addView(it, wide())
    }

    private fun LinearLayout.button(text: Int, act: () -> Unit) = button(activity.getString(text), act)

    private fun LinearLayout.button(text: String, act: () -> Unit): Button = Button(activity).also {
        it.text = text
        it.isAllCaps = false
        it.setOnClickListener { act() }
        addView(it, wide())
    }

    private fun <T> LinearLayout.choice(all: List<T>, chosen: T?, name: (T) -> String, choose: (T) -> Unit) {
        val group = RadioGroup(activity)
        all.forEachIndexed { index, item ->
            group.addView(RadioButton(activity).apply { id = index + 1; text = name(item) }, wide())
            if (item == chosen) group.check(index + 1)
        }
        group.setOnCheckedChangeListener { _, id -> all.getOrNull(id - 1)?.let(choose) }
        addView(group, wide())
    }

    /** What is said again is not said: TalkBack reads each change aloud. */
    private fun TextView.set(new: String) {
        if (text.toString() != new) text = new
    }

    private companion object {
        const val EDGE_DP = 16
        const val PER_MILLE = 1000
    }
}
