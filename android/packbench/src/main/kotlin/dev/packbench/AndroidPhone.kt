package dev.packbench

import android.app.ActivityManager
import android.app.ActivityManager.RunningAppProcessInfo
import android.app.Application
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.content.pm.ApplicationInfo
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import android.os.SystemClock
import dev.packbench.ffi.Facts
import dev.packbench.ffi.Identity
import dev.packbench.ffi.Phone
import dev.packbench.ffi.ThermalStatus
import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.roundToInt

/**
 * What Android tells. What this version of it, or this phone, doesn't tell is null. Heat, a screen that is off and an app that
 * is left count for the next question, too, when they are over by then.
 */
class AndroidPhone(context: Context) : Phone, AutoCloseable {
    private val context = context.applicationContext
    private val power = context.service<PowerManager>()
    private val activities = context.service<ActivityManager>()
    private val headroom = Headroom(power)
    private val presence = Presence(this.context as Application)

    /** The worst since it was asked last. */
    private val worst = AtomicInteger(NOT_THROTTLED)
    private val listener: Any? = listen()

    override fun identity() = Identity(
        model = "${Build.MANUFACTURER} ${Build.MODEL}",
        cpu = if (Build.VERSION.SDK_INT >= 31) Build.SOC_MODEL.takeIf { it != Build.UNKNOWN } else null,
        system = "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT})",
        debuggable = context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE != 0,
        emulator = isEmulator(),
    )

    override fun facts(): Facts {
        val battery = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        return Facts(
            thermalStatus = thermalStatus(),
            thermalHeadroomMilli = headroom.milli()?.toUInt(),
            batteryPercent = battery?.percent()?.toUInt(),
            charging = battery?.isCharging(),
            powerSave = power.isPowerSaveMode,
            screenOn = !presence.wasDark() && power.isInteractive,
            foreground = !presence.hasLeft() && isForeground(),
            memoryAvailableBytes = ActivityManager.MemoryInfo().also(activities::getMemoryInfo).availMem.toULong(),
        )
    }

    /** Stops listening to the system. */
    override fun close() {
        presence.close()
        if (Build.VERSION.SDK_INT >= 29 && listener is PowerManager.OnThermalStatusChangedListener) {
            power.removeThermalStatusListener(listener)
        }
    }

    private fun listen(): Any? {
        if (Build.VERSION.SDK_INT < 29) return null
        val raises = PowerManager.OnThermalStatusChangedListener { status -> worst.accumulateAndGet(status, ::maxOf) }
        return try {
            power.addThermalStatusListener(raises)
            raises
        } catch (_: RuntimeException) {
            // So says a phone whose makers left the thermal service out. It is asked all the same.
            null
        }
    }

    private fun thermalStatus(): ThermalStatus? {
        if (Build.VERSION.SDK_INT < 29) return null
        val now = power.currentThermalStatus
        return ThermalStatus.entries.getOrNull(maxOf(now, worst.getAndSet(now)))
    }

    private fun isForeground(): Boolean {
        val mine = RunningAppProcessInfo().also(ActivityManager::getMyMemoryState)
        return mine.importance <= RunningAppProcessInfo.IMPORTANCE_FOREGROUND
    }

    private companion object {
        const val NOT_THROTTLED = 0
    }
}

private inline fun <reified T : Any> Context.service(): T = checkNotNull(getSystemService(T::class.java))

/** Android answers "not a number" to whoever asks more than once a second: then what it answered last holds. */
private class Headroom(private val power: PowerManager) {
    private var told: Int? = null
    private var at = 0L

    @Synchronized
    fun milli(): Int? {
        if (Build.VERSION.SDK_INT < 30) return null
        val now = SystemClock.elapsedRealtime()
        val headroom = power.getThermalHeadroom(0)
        when {
            !headroom.isNaN() -> {
                told = (headroom * 1000).roundToInt().coerceAtLeast(0)
                at = now
            }
            now - at > STALE_MS -> told = null
        }
        return told
    }

    private companion object {
        const val STALE_MS = 10_000L
    }
}

private fun Intent.percent(): Int? {
    val level = getIntExtra(BatteryManager.EXTRA_LEVEL, -1)
    val scale = getIntExtra(BatteryManager.EXTRA_SCALE, -1)
    return if (level >= 0 && scale > 0) level * 100 / scale else null
}

private fun Intent.isCharging(): Boolean? = when (getIntExtra(BatteryManager.EXTRA_STATUS, -1)) {
    BatteryManager.BATTERY_STATUS_CHARGING -> true
    BatteryManager.BATTERY_STATUS_DISCHARGING,
    BatteryManager.BATTERY_STATUS_NOT_CHARGING,
    BatteryManager.BATTERY_STATUS_FULL,
    -> false
    else -> null
}

/** By the names that emulators give themselves; there is no question that Android would answer. */
private fun isEmulator(): Boolean =
    Build.HARDWARE in setOf("goldfish", "ranchu", "cutf_cvm") ||
        Build.FINGERPRINT.startsWith("generic") ||
        Build.PRODUCT.startsWith("sdk_gphone") ||
        Build.MODEL.contains("Android SDK built for")
