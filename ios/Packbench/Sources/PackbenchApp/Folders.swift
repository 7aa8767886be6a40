import Foundation

/// Where things lie, all of it in the app's own container: only of files that it owns can an app prove what is in
/// memory.
public struct Folders: Sendable {
    /// Jobs and models that a computer copies in, and the app's own; reports. `devicectl`, `simctl` and the Files app
    /// reach it.
    public let documents: URL
    /// What a later session can use again: payload hashes, weight traces.
    public let cache: URL
    let system: any FileSystem

    public init(documents: URL, cache: URL, system: any FileSystem = DeviceFiles()) {
        (self.documents, self.cache, self.system) = (documents, cache, system)
    }

    /// Those of this app.
    public static func standard() throws -> Folders {
        func folder(_ kind: FileManager.SearchPathDirectory) throws -> URL {
            try FileManager.default.url(for: kind, in: .userDomainMask, appropriateFor: nil, create: true)
        }
        return Folders(
            documents: try folder(.documentDirectory),
            cache: try folder(.cachesDirectory).appendingPathComponent("packbench")
        )
    }

    /// The models, by name. A computer may have copied them in: from here on they stay out of backups.
    public func models() -> [URL] {
        let models = files(ending: "gguf")
        models.forEach(system.keepOutOfBackups)
        return models
    }

    /// Removes what a process left that ended within a copy.
    func removeUnfinished() {
        for file in files(ending: ModelStore.unfinished) { try? FileManager.default.removeItem(at: file) }
    }

    /// Removes the assignments that computers copied in, a file for each launch.
    func removeAssignments() {
        let assignments = files(ending: "json").filter { $0.lastPathComponent.hasPrefix("assignment-") }
        for file in assignments { try? FileManager.default.removeItem(at: file) }
    }

    /// The newest first.
    public func reports() -> [URL] { files(ending: "jsonl").reversed() }

    /// A report that isn't there yet.
    public func newReport() -> URL {
        let taken = reports().compactMap {
            Int($0.deletingPathExtension().lastPathComponent.dropFirst("report-".count))
        }
        let number = String((taken.max() ?? 0) + 1)
        let padded = String(repeating: "0", count: max(0, 3 - number.count)) + number
        return documents.appendingPathComponent("report-\(padded).jsonl")
    }

    private func files(ending suffix: String) -> [URL] {
        let all = try? FileManager.default.contentsOfDirectory(at: documents, includingPropertiesForKeys: nil)
        let ours = (all ?? []).filter { $0.pathExtension == suffix }
        // The thousandth report comes after the 999th.
        return ours.sorted {
            $0.lastPathComponent.compare($1.lastPathComponent, options: [.caseInsensitive, .numeric])
                == .orderedAscending
        }
    }
}
