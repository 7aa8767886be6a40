import Foundation
import Packbench

/// What the app offers to measure; anything else is a job file.
public enum Preset: String, CaseIterable, Identifiable, Sendable {
    case quick, firstToken, reads, all

    public var id: Self { self }

    public var label: String {
        switch self {
        case .quick: "Page faults, cold, about a minute"
        case .firstToken: "First tokens, cold, two minutes at most"
        case .reads: "Reads, cold, about a minute"
        case .all: "Page faults and reads, cold and warm, five minutes at most"
        }
    }

    private var asked: JobFile {
        switch self {
        case .quick: JobFile(probes: ["faults"], caches: ["cold"], budget_ms: 60_000)
        // In one process a first token is measured on fresh mappings laid over a loaded model.
        case .firstToken:
            JobFile(probes: ["first_token"], ways: ["remap"], caches: ["cold"], budget_ms: 120_000)
        case .reads: JobFile(probes: ["reads"], caches: ["cold"], budget_ms: 60_000)
        case .all: JobFile(probes: ["faults", "reads"], budget_ms: 300_000)
        }
    }

    /// Of `model`, in spite of the guards that are named.
    public func job(of model: URL, suppressing guards: [String] = []) throws -> Job {
        var file = asked
        file.models = [JobFile.Model(path: model.path)]
        file.suppress = guards
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Job(json: String(decoding: try encoder.encode(file), as: UTF8.self))
    }
}

/// As much of a job as the presets need, by the names of the job file.
private struct JobFile: Encodable {
    struct Model: Encodable {
        var path: String
    }

    var models: [Model] = []
    var probes: [String]
    var ways: [String]?
    var caches: [String]?
    var budget_ms: Int
    var suppress: [String] = []
}
