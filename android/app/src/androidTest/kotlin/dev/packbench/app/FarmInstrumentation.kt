package dev.packbench.app

/**
 * What device farms start; the app has what it does, so that nothing here asks for what R8 took out of it.
 *
 * `am instrument -w -r dev.packbench.app.test/dev.packbench.app.FarmInstrumentation`
 */
open class FarmInstrumentation : JobTests()
