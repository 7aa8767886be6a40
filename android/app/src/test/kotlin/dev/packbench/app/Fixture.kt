package dev.packbench.app

import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import android.net.Uri
import android.os.BatteryManager
import android.os.Bundle
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import java.io.ByteArrayInputStream
import java.io.File
import java.util.concurrent.TimeoutException
import kotlinx.coroutines.runBlocking
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

val context: Context get() = RuntimeEnvironment.getApplication()

val bench: Bench get() = (context as BenchApp).bench

val realModel = File(System.getProperty("models"), "SmolLM2-135M-Instruct.Q4_1.gguf")

/** A job that is over soon: cold faults in one block. */
const val SHORT_JOB = """{"models":[{"path":"m.gguf"}],"probes":["faults"],"policies":["normal","random"],
    "patterns":["sequential"],"caches":["cold"],"blocks":1,"wait_ms":0}"""

/** A document as another app hands it out. */
fun document(bytes: ByteArray): Uri {
    val uri = Uri.parse("content://documents/${bytes.size}/m.gguf")
    shadowOf(context.contentResolver).registerInputStreamSupplier(uri) { ByteArrayInputStream(bytes) }
    return uri
}

/** A phone on battery, in front: nothing that a guard would find. */
fun calm(level: Int = 80, status: Int = BatteryManager.BATTERY_STATUS_DISCHARGING) {
    val battery = Intent(Intent.ACTION_BATTERY_CHANGED)
        .putExtra(BatteryManager.EXTRA_LEVEL, level)
        .putExtra(BatteryManager.EXTRA_SCALE, 100)
        .putExtra(BatteryManager.EXTRA_STATUS, status)
    context.sendStickyBroadcast(battery)
}

/** Lets the main thread work until [condition] holds: sessions work on threads of their own. */
fun await(what: String, condition: () -> Boolean) {
    val until = System.nanoTime() + 120_000_000_000
    while (!condition()) {
        if (System.nanoTime() > until) throw TimeoutException("$what: ${bench.state.value}")
        Thread.sleep(10)
        shadowOf(Looper.getMainLooper()).idle()
    }
    shadowOf(Looper.getMainLooper()).idle()
}

fun launch(): ActivityController<MainActivity> = Robolectric.buildActivity(MainActivity::class.java).setup()

fun launch(intent: Intent) {
    Robolectric.buildActivity(MainActivity::class.java, intent).setup()
}

fun ActivityController<MainActivity>.views(): List<View> = all(get().window.decorView)

fun all(view: View): List<View> =
    listOf(view) + ((view as? ViewGroup)?.let { group -> (0 until group.childCount).flatMap { all(group.getChildAt(it)) } } ?: emptyList())

fun ActivityController<MainActivity>.texts(): List<String> = texts(get().window.decorView)

fun texts(view: View): List<String> = all(view).filterIsInstance<TextView>().map { it.text.toString() }

fun ActivityController<MainActivity>.shows(text: Int) = context.getString(text) in texts()

/** Waits until [text] is shown: the screen follows the state a little later. */
fun ActivityController<MainActivity>.sees(text: Int) = await("\"${context.getString(text)}\" on the screen") { shows(text) }

fun ActivityController<MainActivity>.press(text: String) {
    fun view() = views().filterIsInstance<TextView>().firstOrNull { it.text.toString() == text && it.isEnabled }
    await("\"$text\" among ${texts()}") { view() != null }
    view()!!.performClick()
    shadowOf(Looper.getMainLooper()).idle()
}

fun ActivityController<MainActivity>.press(text: Int) = press(context.getString(text))

/** Puts a model where one that was chosen earlier lies. */
fun haveModel() {
    realModel.copyTo(File(Folders(context).models, "m.gguf"), overwrite = true)
}

/** The app as instrumentations see it; [starts] is what the system does when they start an activity. */
class Target(private val starts: (Intent) -> Unit = ::launch) : ContextWrapper(context) {
    override fun startActivity(intent: Intent) = starts(intent)
}

/** What adb pushes. */
fun push() {
    val exchange = Folders(context).exchange
    realModel.copyTo(File(exchange, "m.gguf"), overwrite = true)
    File(exchange, "job.json").writeText(SHORT_JOB)
}

fun headless(vararg arguments: Pair<String, String>, context: Context = dev.packbench.app.context): Answer =
    runBlocking { Headless(context, bundle(*arguments)) {}.run() }

fun bundle(vararg arguments: Pair<String, String>) =
    Bundle().apply { arguments.forEach { (key, value) -> putString(key, value) } }
