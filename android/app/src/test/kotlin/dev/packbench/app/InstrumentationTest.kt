package dev.packbench.app

import android.app.Activity
import android.app.ActivityManager
import android.app.Instrumentation
import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import android.os.BatteryManager
import android.os.Bundle
import android.os.PowerManager
import android.os.Process
import java.io.File
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowBuild

/** What adb and device farms see. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class InstrumentationTest {
    private val exchange get() = Folders(context).exchange
    private val statuses = mutableListOf<Pair<Int, Bundle>>()
    private var code = 0
    private var last = Bundle()

    @Before
    fun pushed() {
        calm()
        push()
    }

    @Test
    fun `a job is carried out, progress comes as status lines, the report last`() {
        instrument("job" to "job.json", "compare" to "policy")
        assertEquals("one block shows no regression", -1 to "passed", code to last.getString("outcome"))
        val progress = statuses.mapNotNull { (_, status) -> status.getString("progress") }
        assertEquals("2/2", progress.last())
        val report = File(last.getString("report")!!)
        assertEquals("adb reaches it", exchange, report.parentFile)
        assertTrue(report.readLines().last().startsWith("{\"kind\":\"end\",\"status\":\"complete\""))
        assertFalse("no path leaves the phone", context.filesDir.path in report.readText())
    }

    @Test
    fun `without a comparison what was measured is enough`() {
        instrument("job" to "job.json")
        assertEquals(-1 to "passed", code to last.getString("outcome"))
    }

    @Test
    fun `a model is copied once, however often it is measured`() {
        headless("job" to "job.json")
        val copy = File(Folders(context).models, "m.gguf")
        val copied = copy.lastModified()
        headless("job" to "job.json")
        assertEquals(copied, copy.lastModified())
        File(exchange, "m.gguf").delete()
        assertEquals("it needn't be pushed again", Ending.PASSED, headless("job" to "job.json").ending)
    }

    @Test
    fun `each mistake ends with 2 and says what to do`() {
        fun error(vararg arguments: Pair<String, String>): String {
            instrument(*arguments)
            assertEquals(2, code)
            return last.getString("error")!!
        }
        assertTrue("give -e job FILE" in error())
        assertTrue("push it there by adb" in error("job" to "none.json"))
        File(exchange, "odd.json").writeText("{")
        assertTrue("found no job" in error("job" to "odd.json"))
        File(exchange, "lost.json").writeText("""{"models":[{"path":"lost.gguf"}]}""")
        assertTrue("lost.gguf is missing" in error("job" to "lost.json"))
        File(exchange, "bad.json").writeText("""{"models":[{"path":"m.gguf"}],"blocks":0}""")
        assertTrue("0" in error("job" to "bad.json"))
        assertTrue("No such file" in error("resume" to "none.jsonl"))
        assertTrue("colour" in error("job" to "job.json", "compare" to "colour"))
    }

    @Test
    fun `each guard that a phone can find refuses, and is suppressed by name`() {
        val power = shadowOf(context.getSystemService(PowerManager::class.java))
        power.setIsPowerSaveMode(true)
        power.turnScreenOn(false)
        calm(level = 10, status = BatteryManager.BATTERY_STATUS_CHARGING)
        ShadowBuild.setHardware("ranchu")
        context.applicationInfo.flags = context.applicationInfo.flags or android.content.pm.ApplicationInfo.FLAG_DEBUGGABLE
        val refused = headless("job" to "job.json")
        val guards = listOf("Debuggable", "Emulator", "LowBattery", "Charging", "PowerSave", "Background")
        assertEquals(Ending.INVALID, refused.ending)
        assertTrue(refused.error, guards.all { it in refused.error!! })
        val forced = headless("job" to "job.json", "suppress" to guards.joinToString(","))
        assertEquals(forced.error, Ending.PASSED, forced.ending)
        assertTrue(runs(forced).all { run -> guards.all { it in run } })
    }

    @Test
    fun `an app that isn't in front is refused with the screen on, too`() {
        val cached = ActivityManager.RunningAppProcessInfo("dev.packbench.app", Process.myPid(), null)
        cached.importance = ActivityManager.RunningAppProcessInfo.IMPORTANCE_CACHED
        shadowOf(context.getSystemService(ActivityManager::class.java)).setProcesses(listOf(cached))
        val refused = headless("job" to "job.json")
        assertEquals(Ending.INVALID, refused.ending)
        assertTrue(refused.error, "Background" in refused.error!!)
    }

    @Test
    fun `a model that isn't called gguf is found by its name as often as it is asked for`() {
        realModel.copyTo(File(exchange, "plain"))
        File(exchange, "plain.json").writeText(SHORT_JOB.replace("m.gguf", "plain"))
        assertEquals(Ending.PASSED, headless("job" to "plain.json").ending)
        File(exchange, "plain").delete()
        val again = headless("job" to "plain.json")
        assertEquals(again.error, Ending.PASSED, again.ending)
        val resumed = headless("resume" to again.report!!.name)
        assertEquals(resumed.error, Ending.PASSED, resumed.ending)
    }

    @Test
    fun `an assignment of another model than the app has under that name is refused until that one is pushed`() {
        fun assign(hash: String) {
            val job = JSONObject(SHORT_JOB)
            job.getJSONArray("models").getJSONObject(0).put("model_sha256", hash)
            File(exchange, "assignment.json").writeText(assignment(job).toString())
            instrument("assignment" to "assignment.json")
        }
        val store = (context as BenchApp).store
        headless("job" to "job.json")
        assign(store.hash(store.file("m.gguf"))!!)
        assertEquals(last.getString("error"), -1, code)
        File(exchange, "m.gguf").delete()
        assign("0".repeat(64))
        assertEquals(2, code)
        assertTrue("push it again" in last.getString("error")!!)
        File(context.filesDir, "models/m.gguf.sha256").delete()
        assign("0".repeat(64))
        assertEquals("one of which nobody knows what it is", 2, code)
    }

    @Test
    fun `whatever is thrown ends with 2 and is told`() {
        for (thrown in listOf(SecurityException("not yours"), UnsatisfiedLinkError("no library"))) {
            val broken = object : ContextWrapper(context) {
                override fun getExternalMediaDirs(): Array<File> = throw thrown
            }
            val answer = headless("job" to "job.json", context = broken)
            assertEquals(Ending.INVALID, answer.ending)
            assertTrue(answer.error, thrown.message!! in answer.error!!)
        }
    }

    @Test
    fun `a phone that doesn't bring the app to the front is not waited for without end`() {
        instrument("job" to "job.json", target = Target {})
        assertEquals(last.getString("error"), -1, code)
    }

    @Test
    fun `a phone that throttles in a run has it made again, and the facts are in the report`() {
        val power = shadowOf(context.getSystemService(PowerManager::class.java))
        power.setCurrentThermalStatus(PowerManager.THERMAL_STATUS_NONE)
        var hot = true
        instrument("job" to "job.json") { status ->
            // It grows hot in the first run, and has cooled down before the next.
            val text = status.getString("stream").orEmpty()
            if ("once more" in text) hot = false
            val grown = hot && text.endsWith(": measure")
            power.setCurrentThermalStatus(if (grown) PowerManager.THERMAL_STATUS_SEVERE else PowerManager.THERMAL_STATUS_NONE)
        }
        val report = File(last.getString("report")!!).readLines()
        assertEquals(1, report.count { it.startsWith("{\"kind\":\"redo\"") })
        assertTrue(report.none { "\"Throttled\"" in it })
        val header = JSONObject(report.first()).getJSONObject("context")
        assertTrue(header.getJSONObject("app").getString("system").startsWith("Android 15 (API 35"))
        assertTrue("\"battery_percent\":80" in report.first { it.startsWith("{\"kind\":\"run\"") })
    }

    @Test
    fun `an assignment is carried out as far as one process goes`() {
        val job = JSONObject(SHORT_JOB).put("probes", org.json.JSONArray().put("first_token"))
        File(exchange, "assignment.json").writeText(assignment(job).toString())
        instrument("assignment" to "assignment.json")
        assertEquals("a first token is for the next process: the rehearsal was in this one", 3, code)
        val lines = statuses.mapNotNull { (_, status) -> status.getString("line") }
        assertTrue(lines.first().startsWith("{\"kind\":\"header\""))
        assertTrue(lines.last().startsWith("{\"kind\":\"plan\""))
    }

    @Test
    fun `device farms read the keys of AndroidJUnitRunner`() {
        File(exchange, "lost.json").writeText("""{"models":[{"path":"lost.gguf"}]}""")
        File(exchange, "assignment.json").writeText("what a computer left there is no job")
        val started = mutableListOf<Intent>()
        farm { intent ->
            started += intent
            launch(intent)
        }
        val told = statuses.filter { (code, _) -> code != 2 }.map { (code, status) ->
            listOf(code, status.getString("class"), status.getString("test"), status.getInt("current"), status.getInt("numtests"))
        }
        val name = "dev.packbench.app.Bench"
        assertEquals(
            listOf(listOf(1, name, "job", 1, 2), listOf(0, name, "job", 1, 2), listOf(1, name, "lost", 2, 2), listOf(-2, name, "lost", 2, 2)),
            told,
        )
        assertTrue("lost.gguf is missing" in statuses.last().second.getString("stack")!!)
        assertTrue("Tests run: 2,  Failures: 1" in last.getString("stream")!!)
        assertEquals(Activity.RESULT_OK, code)
        val anew = Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_CLEAR_TASK
        assertEquals("once for all jobs", listOf(anew), started.map { it.flags })
    }

    @Test
    fun `a farm that has pushed no job is told of a failure`() {
        exchange.listFiles()!!.filter { it.extension == "json" }.forEach { it.delete() }
        farm()
        assertEquals(listOf(1, -2), statuses.map { (code, _) -> code })
        assertTrue("found no job" in statuses.last().second.getString("stack")!!)
        assertTrue("Failures: 1" in last.getString("stream")!!)
    }

    private fun runs(answer: Answer) = answer.report!!.readLines().filter { it.startsWith("{\"kind\":\"run\"") }

    private fun assignment(job: JSONObject) = JSONObject()
        .put("purpose", "measure").put("job", job).put("session", "s").put("segment", 0)
        .put("done", org.json.JSONArray()).put("plan", JSONObject.NULL).put("variants", org.json.JSONArray())
        .put("began", JSONObject.NULL).put("elapsed_ns", JSONObject.NULL).put("cache_dir", JSONObject.NULL)
        .put("fresh_process", "available").put("redone", org.json.JSONArray())

    private fun instrument(
        vararg arguments: Pair<String, String>,
        target: Context = Target(),
        told: (Bundle) -> Unit = {},
    ) {
        val instrumentation = object : BenchInstrumentation() {
            override fun getTargetContext() = target
            override fun start() = Unit
            override fun sendStatus(code: Int, results: Bundle) {
                statuses += code to results
                told(results)
            }
            override fun finish(code: Int, results: Bundle) = finished(code, results)
        }
        instrumentation.carryOut(bundle(*arguments))
    }

    private fun farm(starts: (Intent) -> Unit = ::launch) {
        val instrumentation = object : FarmInstrumentation() {
            override fun getTargetContext() = Target(starts)
            override fun start() = Unit
            override fun sendStatus(code: Int, results: Bundle) {
                statuses += code to results
            }
            override fun finish(code: Int, results: Bundle) = finished(code, results)
        }
        instrumentation.carryOut(Bundle())
    }

    private fun finished(code: Int, results: Bundle) {
        this.code = code
        last = results
    }

    private fun Instrumentation.carryOut(arguments: Bundle) {
        statuses.clear()
        onCreate(arguments)
        onStart()
    }
}
