package dev.packbench

import android.app.Activity
import android.app.Application
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.Bundle
import java.util.concurrent.atomic.AtomicBoolean

/** What of the life of an app's activities is listened to; the rest is let pass. */
interface Lifecycle : Application.ActivityLifecycleCallbacks {
    override fun onActivityCreated(activity: Activity, state: Bundle?) = Unit

    override fun onActivityStarted(activity: Activity) = Unit

    override fun onActivityResumed(activity: Activity) = Unit

    override fun onActivityPaused(activity: Activity) = Unit

    override fun onActivityStopped(activity: Activity) = Unit

    override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit

    override fun onActivityDestroyed(activity: Activity) = Unit
}

/** Whether somebody left the app or turned the screen off, which is over again before the next question. */
internal class Presence(private val app: Application) : AutoCloseable {
    private val left = AtomicBoolean()
    private val darkened = AtomicBoolean()

    private val activities = object : Lifecycle {
        private val started = mutableSetOf<Activity>()

        override fun onActivityStarted(activity: Activity) {
            started += activity
        }

        override fun onActivityStopped(activity: Activity) {
            started -= activity
            // One that is rotated stops, too, and is started again at once.
            if (started.isEmpty() && !activity.isChangingConfigurations) left.set(true)
        }
    }

    private val screen = object : BroadcastReceiver() {
        override fun onReceive(context: Context, intent: Intent) = darkened.set(true)
    }

    init {
        app.registerActivityLifecycleCallbacks(activities)
        app.registerReceiver(screen, IntentFilter(Intent.ACTION_SCREEN_OFF))
    }

    /** Whether the app was left since this was asked last. */
    fun hasLeft(): Boolean = left.getAndSet(false)

    /** Whether the screen was off since this was asked last. */
    fun wasDark(): Boolean = darkened.getAndSet(false)

    override fun close() {
        app.unregisterActivityLifecycleCallbacks(activities)
        app.unregisterReceiver(screen)
    }
}
