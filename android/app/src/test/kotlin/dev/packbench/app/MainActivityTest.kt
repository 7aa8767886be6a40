package dev.packbench.app

import android.app.Activity
import android.app.AlertDialog
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.net.Uri
import android.os.BatteryManager
import android.os.Looper
import android.provider.OpenableColumns
import android.view.View
import android.view.WindowManager
import android.widget.ProgressBar
import android.widget.ScrollView
import android.widget.TextView
import dev.packbench.AndroidPhone
import dev.packbench.Packbench
import dev.packbench.ffi.Median
import dev.packbench.ffi.Preset
import java.io.File
import java.io.FileNotFoundException
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowAlertDialog

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
        val copy = copied()
        assertEquals(realModel.length(), copy.length())
        val copied = copy.lastModified()
        pick(activity)
        await("the second look") { bench.state.value is State.Idle }
        assertEquals("a model that is here isn't copied again", copied, copy.lastModified())

        activity.pause().stop()
        activity.restart().resume()
        activity.press(R.string.measure)
        await("a run, for only who leaves while it measures has left") {
            (bench.state.value as? State.Running)?.progress?.let { it.done >= 1u } == true
        }
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
        assertTrue(shared.contentEquals(reports().first().readBytes()))
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
        // The run that the process died of was left out, and is tried once more.
        activity.sees(R.string.go_on)
        activity.press(R.string.go_on)
        await("nothing to go on with") { bench.state.value is State.Finished && !activity.shows(R.string.go_on) }
        assertEquals(3, report.readLines().count { it.startsWith("{\"kind\":\"header\"") })
        activity.press(R.string.back)
        activity.sees(R.string.models)
        activity.press(report.name)
        activity.sees(R.string.share)
        assertFalse("nothing is missing of it when it is opened again, too", activity.shows(R.string.go_on))
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
        val runs = reports().first().readLines().filter { it.startsWith("{\"kind\":\"run\"") }
        assertTrue(runs.isNotEmpty() && runs.all { "LowBattery" in it && "Charging" in it })
    }

    @Test
    fun `a file that is no model is refused in words`() {
        val activity = launch()
        pick(activity, "no model".toByteArray())
        copied()
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
    fun `a document that is handed out only once is refused in words when it is picked again`() {
        val activity = launch()
        var left = 1
        val uri = Uri.parse("content://documents/once/m.gguf")
        shadowOf(context.contentResolver).registerInputStreamSupplier(uri) {
            if (left-- == 0) throw SecurityException("the grant has gone")
            "model".byteInputStream()
        }
        pick(activity, uri)
        copied()
        pick(activity, uri)
        await("the refusal") { bench.state.value is State.Failed }
        await("the reason") { activity.texts().any { "the grant has gone" in it } }
    }

    @Test
    fun `a document without a name, a length or a column is copied under the last of its address`() {
        Robolectric.setupContentProvider(NamelessDocuments::class.java, "nameless")
        for ((columns, name) in listOf(arrayOf(OpenableColumns.DISPLAY_NAME) to "null.gguf", arrayOf("_id") to "none.gguf")) {
            NamelessDocuments.columns = columns
            val uri = Uri.parse("content://nameless/$name")
            shadowOf(context.contentResolver).registerInputStreamSupplier(uri) { "model".byteInputStream() }
            pick(launch(), uri)
            await(name) { bench.state.value is State.Idle && models().any { it.name == name } }
        }
        assertTrue("who waits for another app waits beside the screen", NamelessDocuments.asked.none { it == Looper.getMainLooper() })
    }

    @Test
    fun `what a process left unfinished that died while it copied is removed by the next`() {
        val unfinished = File(Folders(context).models, "m.gguf.part").apply { writeText("half") }
        haveModel()
        (context as BenchApp).onCreate()
        await("room") { !unfinished.exists() }
        assertEquals("m.gguf", models().single().name)
    }

    @Test
    fun `models and reports are removed by whoever means it`() {
        haveModel()
        val hash = File(Folders(context).models, "m.gguf.sha256").apply { writeText("hash") }
        val report = File(Folders(context).reports, "report-001.jsonl").apply { writeText("no report") }
        val activity = launch()
        activity.press(R.string.remove_model)
        ShadowAlertDialog.getLatestAlertDialog().getButton(AlertDialog.BUTTON_NEGATIVE).performClick()
        activity.press(R.string.remove_model)
        assertTrue("nothing goes unasked", models().isNotEmpty())
        ShadowAlertDialog.getLatestAlertDialog().getButton(AlertDialog.BUTTON_POSITIVE).performClick()
        activity.sees(R.string.no_models)
        assertTrue(models().isEmpty() && !hash.exists())
        activity.press(report.name)
        activity.press(R.string.remove_report)
        ShadowAlertDialog.getLatestAlertDialog().getButton(AlertDialog.BUTTON_POSITIVE).performClick()
        await("the list") { report.name !in activity.texts() && activity.shows(R.string.models) }
        assertTrue(reports().isEmpty())
    }

    @Test
    fun `what is stopped before it has begun ends`() {
        haveModel()
        val queue = ArrayDeque<Runnable>()
        val later = object : CoroutineDispatcher() {
            override fun dispatch(context: CoroutineContext, block: Runnable) = synchronized(queue) { queue += block }
        }
        val folders = Folders(context)
        val bench = Bench(folders, ModelStore(folders.models), Packbench(AndroidPhone(context), folders.cache), later)
        bench.measure(Preset.QUICK, models().single())
        bench.stop()
        assertEquals(State.Running(null, stopping = true), bench.state.value)
        await("the end") {
            synchronized(queue) { queue.removeFirstOrNull() }?.run()
            bench.state.value !is State.Running
        }
    }

    @Test
    fun `stopping is seen before anything is measured`() {
        val activity = launch()
        val page = ScrollView(activity.get())
        val screens = Screens(activity.get(), bench, {}, {})
        screens.show(State.Running(null), page)
        screens.show(State.Running(null, stopping = true), page)
        assertTrue(context.getString(R.string.stopping) in texts(page))
    }

    @Test
    fun `for who measures over adb it shows above the lock and turns the screen on`() {
        val shadow = shadowOf(Robolectric.buildActivity(MainActivity::class.java, MainActivity.headless(context)).setup().get())
        assertTrue(shadow.showWhenLocked && shadow.turnScreenOn)
        assertFalse(shadowOf(launch().get()).showWhenLocked)
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
        val measure = activity.views().first { (it as? TextView)?.text == context.getString(R.string.measure) }
        assertEquals(2f, context.resources.configuration.fontScale)
        assertTrue(measure.isEnabled && generateSequence(measure.parent) { it.parent }.any { it is ScrollView })
    }

    @Test
    @Config(fontScale = 2f)
    fun `with large letters a case of a long name is whole`() {
        val activity = launch()
        val page = ScrollView(activity.get())
        val median = Median("first token, " + "by remapped pages of the model, ".repeat(4), true, 6u, 1.0, 1.0, 1.0)
        val state = State.Finished(File("report.jsonl"), null, Shown.Medians(listOf(median), missing = 0u))
        Screens(activity.get(), bench, {}, {}).show(state, page)
        val title = all(page).filterIsInstance<TextView>().single { median.case in it.text }
        assertTrue("it wraps, and is never cut off", title.ellipsize == null && title.maxLines == Int.MAX_VALUE)
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

    private fun models() = (context as BenchApp).store.models()

    private fun reports() = Folders(context).reports.listFiles().orEmpty().sortedByDescending { it.name }

    private fun copied(): File {
        await("the copy") { bench.state.value is State.Idle && models().isNotEmpty() }
        return models().single()
    }

    private fun brightness(activity: Activity): Float {
        val found = activity.obtainStyledAttributes(intArrayOf(android.R.attr.colorBackground))
        return android.graphics.Color.luminance(found.getColor(0, 0)).also { found.recycle() }
    }
}

/** Documents of an app that knows neither their names nor their lengths. */
class NamelessDocuments : ContentProvider() {
    override fun onCreate() = true

    override fun query(uri: Uri, projection: Array<String>?, selection: String?, arguments: Array<String>?, order: String?): Cursor {
        asked += Looper.myLooper()
        return MatrixCursor(columns).apply { addRow(arrayOfNulls<Any>(columns.size)) }
    }

    override fun getType(uri: Uri): String? = null

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?) = 0

    companion object {
        var columns = emptyArray<String>()
        val asked = mutableListOf<Looper?>()
    }
}
