package dev.packbench

import dev.packbench.ffi.Listener
import dev.packbench.ffi.Progress
import dev.packbench.ffi.Session

/**
 * What `scripts/peers --stage bridge-cost` holds beside sessions without a bridge: carries out each assignment that comes
 * in as a line, and answers how many nanoseconds it took from its plan to its end.
 */
fun main() {
    for (assignment in generateSequence(::readlnOrNull)) {
        val told = mutableListOf<Pair<Long, String>>()
        val listener = object : Listener {
            override fun told(progress: Progress) {
                told += System.nanoTime() to progress.line
            }
        }
        Session().use { it.carryOut(assignment, TestPhone(), listener) }
        fun at(kind: String) = told.first { (_, line) -> line.startsWith("""{"kind":"$kind"""") }.first
        println(at("end") - at("plan"))
    }
}
