package dev.packbench.app

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.BatteryManager
import android.view.View
import android.view.WindowManager
import android.widget.ProgressBar
import java.io.File
import java.io.FileNotFoundException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config

/** What people do with the app, from the first touch to the shared report. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class MainActivityTest {
    @Before
    fun onBattery() = calm()

    @Test
    fun `a model is picked, copied once, measured through a rotation, shown and shared`() {
        val activity = launch()
        activity.sees(R.string.no_models)
        pick(activity)
        await("the copy") { bench.state.value is State.Idle && bench.store.models().isNotEmpty() }
        val copy = bench.store.models().single()
        assertEquals(realModel.length(), copy.length())
        val copied = copy.lastModified()
        pick(activity)
        await("the second look") { bench.state.value is State.Idle }
        assertEquals("a model that is here isn't copied again", copied, copy.lastModified())

        activity.press(R.string.measure)
        await("a run") { (bench.state.value as? State.Running)?.progress?.let { it.done >= 1u } == true }
        val keepsOn = activity.get().window.attributes.flags and WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        assertTrue("the screen stays on while it measures", keepsOn != 0)
        activity.recreate()
        assertTrue("a rotation loses nothing", bench.state.value is State.Running)
        assertTrue(activity.views().filterIsInstance<ProgressBar>().single().max > 0)
        activity.press(R.string.stop)
        await("the end") { bench.state.value is State.Finished }
        activity.sees(R.string.result)
        val bars = activity.views().filterIsInstance<Bar>()
        assertTrue(bars.isNotEmpty() && bars.all { "m.gguf" in it.contentDescription })

        activity.press(R.string.share)
        val chooser = shadowOf(activity.get()).nextStartedActivity
        val send = chooser.getParcelableExtra(Intent.EXTRA_INTENT, Intent::class.java)!!
        assertEquals(Intent.ACTION_SEND, send.action)
        val uri = send.getParcelableExtra(Intent.EXTRA_STREAM, Uri::class.java)!!
        val shared = context.contentResolver.openInputStream(uri)!!.use { it.readBytes() }
        assertTrue(shared.contentEquals(bench.reports().first().readBytes()))
        assertTrue(String(shared).startsWith("{\"kind\":\"header\""))
    }

    @Test
    fun `what a dead process had finished is shown and gone on with`() {
        haveModel()
        val report = cutReport()
        val activity = launch()
        activity.press(report.name)
        activity.sees(R.string.go_on)
        activity.press(R.string.go_on)
        await("the end") { bench.state.value is State.Finished }
        val outcome = (bench.state.value as State.Finished).outcome!!
        assertEquals(0uL, outcome.missing)
        activity.sees(R.string.back)
        await("nothing to go on with") { !activity.shows(R.string.go_on) }
        assertEquals(2, report.readLines().count { it.startsWith("{\"kind\":\"header\"") })
        activity.press(R.string.back)
        activity.sees(R.string.models)
    }

    @Test
    fun `a guard is told with what to do, and can be measured in spite of`() {
        haveModel()
        calm(level = 10, status = BatteryManager.BATTERY_STATUS_CHARGING)
        val activity = launch()
        activity.press(R.string.measure)
        await("the refusal") { bench.state.value is State.Failed }
        val failed = bench.state.value as State.Failed
        assertEquals(listOf("LowBattery", "Charging"), failed.guards)
        await("the remedy") { activity.texts().any { "unplug it" in it } }
        activity.press(R.string.all_the_same)
        await("a run") { (bench.state.value as? State.Running)?.progress?.let { it.done >= 1u } == true }
        activity.press(R.string.stop)
        await("the end") { bench.state.value is State.Finished }
        val runs = bench.reports().first().readLines().filter { it.startsWith("{\"kind\":\"run\"") }
        assertTrue(runs.isNotEmpty() && runs.all { "LowBattery" in it && "Charging" in it })
    }

    @Test
    fun `a file that is no model is refused in words`() {
        val activity = launch()
        pick(activity, "no model".toByteArray())
        await("the copy") { bench.state.value is State.Idle && bench.store.models().isNotEmpty() }
        activity.press(R.string.measure)
        await("the refusal") { bench.state.value is State.Failed }
        await("which model it was") { activity.texts().any { "m.gguf" in it } }
        activity.press(R.string.back)
    }

    @Test
    fun `a document that is gone is refused in words`() {
        val activity = launch()
        val gone = Uri.parse("content://documents/gone/m.gguf")
        shadowOf(context.contentResolver).registerInputStreamSupplier(gone) { throw FileNotFoundException("gone") }
        pick(activity, gone)
        await("the refusal") { bench.state.value is State.Failed }
        await("the reason") { activity.texts().any { "gone" in it } }
        assertTrue("nothing unfinished stays", Folders(context).models.list().orEmpty().isEmpty())
    }

    @Test
    @Config(qualifiers = "night")
    fun `at night the theme is dark`() {
        assertTrue(brightness(launch().get()) < 0.5f)
    }

    @Test
    fun `by day it is light`() {
        assertTrue(brightness(launch().get()) > 0.5f)
    }

    @Test
    @Config(fontScale = 2f)
    fun `with large letters everything grows and scrolls`() {
        haveModel()
        val activity = launch()
        val measure = activity.views().first { (it as? android.widget.TextView)?.text == context.getString(R.string.measure) }
        assertEquals(2f, context.resources.configuration.fontScale)
        assertTrue(measure.isEnabled && generateSequence(measure.parent) { it.parent }.any { it is android.widget.ScrollView })
    }

    @Test
    fun `TalkBack hears headings, each bar and the progress`() {
        haveModel()
        val activity = launch()
        assertTrue(activity.views().any { it.isAccessibilityHeading })
        activity.press(R.string.measure)
        await("what is read aloud") {
            activity.views().any { it.accessibilityLiveRegion == View.ACCESSIBILITY_LIVE_REGION_POLITE }
        }
        activity.press(R.string.stop)
        await("the end") { bench.state.value !is State.Running }
    }

    @Test
    fun `only reports are handed out`() {
        File(context.filesDir, "secret").writeText("s")
        for (path in listOf("../secret", "..%2Fsecret", "none.jsonl", "")) {
            val uri = Uri.parse("content://dev.packbench.app.reports/$path")
            assertThrows(FileNotFoundException::class.java) { context.contentResolver.openFileDescriptor(uri, "r") }
        }
    }

    private fun pick(activity: ActivityController<MainActivity>, bytes: ByteArray = realModel.readBytes()) =
        pick(activity, document(bytes))

    private fun pick(activity: ActivityController<MainActivity>, document: Uri) {
        activity.press(R.string.choose_model)
        val shadow = shadowOf(activity.get())
        val asked = shadow.nextStartedActivityForResult.intent
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.action)
        shadow.receiveResult(asked, Activity.RESULT_OK, Intent().setData(document))
    }

    /** A report of which the last run and the end are missing. */
    private fun cutReport(): File {
        push()
        val report = headless("job" to "job.json").report!!
        val inside = File(Folders(context).reports, report.name)
        val lines = inside.readLines()
        val lastRun = lines.indexOfLast { it.startsWith("{\"kind\":\"run\"") }
        inside.writeText(lines.take(lastRun).joinToString("\n", postfix = "\n"))
        return inside
    }

    private fun brightness(activity: Activity): Float {
        val found = activity.obtainStyledAttributes(intArrayOf(android.R.attr.colorBackground))
        return android.graphics.Color.luminance(found.getColor(0, 0)).also { found.recycle() }
    }
}
