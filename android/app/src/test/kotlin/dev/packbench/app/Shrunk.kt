package dev.packbench.app

import dev.packbench.Packbench
import dev.packbench.ffi.EndStatus
import dev.packbench.ffi.Facts
import dev.packbench.ffi.Identity
import dev.packbench.ffi.PackbenchException
import dev.packbench.ffi.Phone
import dev.packbench.ffi.medians
import java.io.File
import kotlinx.coroutines.runBlocking

/** What `scripts/android` runs on the classes that R8 left of the app: a session, and an error. */
fun main(arguments: Array<String>) {
    val (model, folder) = arguments.map(::File)
    val phone = object : Phone {
        override fun identity() = Identity(model = "Shrunk Phone")

        override fun facts() = Facts(batteryPercent = 80u)
    }
    val job = """{"models":[{"path":"$model"}],"probes":["faults"],"policies":["normal"],"patterns":["sequential"],
        "caches":["warm"],"blocks":1,"wait_ms":0}"""
    val report = File(folder, "report.jsonl")
    val outcome = runBlocking { Packbench(phone, folder).run(job, report) }
    check(outcome.status == EndStatus.COMPLETE && medians(report.path).size == 1) { "$outcome" }
    check("Shrunk Phone" in report.readText()) { "the report doesn't name the phone" }
    try {
        medians("/none")
        error("a report that isn't there was read")
    } catch (refused: PackbenchException.Report) {
        check("/none" in refused.message) { "$refused" }
    }
}
