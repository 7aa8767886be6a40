package dev.packbench.app

import android.app.Application
import dev.packbench.AndroidPhone
import dev.packbench.Packbench
import dev.packbench.loadLibrary
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch

/** Holds the bench and the models: they outlive each Activity. What a dead process had finished is in its report. */
class BenchApp : Application() {
    val folders by lazy { Folders(this) }
    val store by lazy { ModelStore(folders.models) }
    val bench by lazy { Bench(folders, store, Packbench(AndroidPhone(this), folders.cache)) }

    override fun onCreate() {
        super.onCreate()
        try {
            loadLibrary()
        } catch (_: UnsatisfiedLinkError) {
            // Whatever calls it first says so, on a screen or over adb.
        }
        CoroutineScope(Dispatchers.IO).launch { store.tidy() }
    }
}
