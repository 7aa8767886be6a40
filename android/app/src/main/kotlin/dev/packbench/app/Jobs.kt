package dev.packbench.app

import java.io.File
import org.json.JSONArray
import org.json.JSONObject

/** What the app offers to measure; anything else is a job file, by adb. */
enum class Preset(val label: Int, private val json: String) {
    // In one process a first token is measured on fresh mappings laid over a loaded model.
    FIRST_TOKEN(R.string.job_first_token, """{"probes":["first_token"],"ways":["remap"],"caches":["cold"],"budget_ms":120000}"""),
    QUICK(R.string.job_quick, """{"probes":["faults"],"caches":["cold"],"budget_ms":60000}"""),
    READS(R.string.job_reads, """{"probes":["reads"],"caches":["cold"],"budget_ms":60000}"""),
    ALL(R.string.job_all, """{"probes":["faults","reads"],"budget_ms":300000}"""),
    ;

    /** Of [model], in spite of the guards that are named. */
    fun job(model: File, suppress: List<String> = emptyList()): String = JSONObject(json)
        .put("models", JSONArray().put(JSONObject().put("path", model.path)))
        .put("suppress", JSONArray(suppress))
        .toString()
}

/** The models of a job, as it names them. */
fun JSONObject.models(): List<JSONObject> {
    val models = optJSONArray("models") ?: return emptyList()
    return List(models.length()) { models.getJSONObject(it) }
}
