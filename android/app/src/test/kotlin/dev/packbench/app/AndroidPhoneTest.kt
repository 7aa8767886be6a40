package dev.packbench.app

import android.content.Intent
import android.os.Looper
import dev.packbench.AndroidPhone
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

/** What is over before the next question. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class AndroidPhoneTest {
    @Test
    fun `an app that was left and returned to was not in front`() = AndroidPhone(context).use { phone ->
        val activity = launch()
        assertEquals(true, phone.facts().foreground)
        activity.pause().stop()
        activity.restart().resume()
        assertEquals(listOf(false, true), List(2) { phone.facts().foreground })
    }

    @Test
    fun `one whose screen was there before the phone was asked, too`() {
        val activity = launch()
        AndroidPhone(context).use { phone ->
            activity.pause().stop()
            activity.restart().resume()
            assertEquals(listOf(false, true), List(2) { phone.facts().foreground })
        }
    }

    @Test
    fun `one that is rotated is not left`() = AndroidPhone(context).use { phone ->
        launch().recreate()
        assertEquals(true, phone.facts().foreground)
    }

    @Test
    fun `one of whose screens another is opened is not left`() = AndroidPhone(context).use { phone ->
        val first = launch()
        val second = launch()
        first.pause().stop()
        assertEquals(true, phone.facts().foreground)
        second.pause().stop()
        assertEquals(false, phone.facts().foreground)
    }

    @Test
    fun `a screen that was off for a moment was off`() = AndroidPhone(context).use { phone ->
        assertEquals(true, phone.facts().screenOn)
        context.sendBroadcast(Intent(Intent.ACTION_SCREEN_OFF))
        shadowOf(Looper.getMainLooper()).idle()
        assertEquals(listOf(false, true), List(2) { phone.facts().screenOn })
    }

    @Test
    fun `nobody is listened to who has closed it`() {
        val phone = AndroidPhone(context)
        val activity = launch()
        phone.close()
        activity.pause().stop()
        assertEquals(true, phone.facts().foreground)
    }
}
