import Foundation

/// Where things lie, all of it in the app's own container: only of files that it owns can an app prove what is in memory.
public struct Folders: Sendable {
    /// Jobs and models that a computer copies in, and the app's own; reports. `devicectl`, `simctl` and the Files app
    /// reach it.
    public let documents: URL
    /// What a later session can use again: payload hashes, weight traces.
    public let cache: URL

    public init(documents: URL, cache: URL) {
        self.documents = documents
        self.cache = cache
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

    /// The models, by name.
    public func models() -> [URL] { files(ending: "gguf") }

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
        return ours.sorted { $0.lastPathComponent.lowercased() < $1.lastPathComponent.lowercased() }
    }
}
