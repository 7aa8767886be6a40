import Foundation

/// Brings models into the app: once, whole and compared with their source, or not at all.
public struct ModelStore: Sendable {
    /// How far a copy is.
    public struct Progress: Sendable, Equatable {
        /// Whether what is here is being compared with its source.
        public let isChecking: Bool
        public let done: Int
        public let total: Int
    }

    /// Why there is no copy.
    public enum Refusal: Error, Equatable {
        /// Found before anything is written.
        case noRoom(needed: Int, free: Int)
        /// The storage doesn't give back what was written to it.
        case differs
    }

    private let folder: URL
    private static let piece = 1 << 20

    public init(folder: URL) {
        self.folder = folder
    }

    /// Copies the file at `source`, unless the same bytes are here under its name already. Ends early when its task is
    /// cancelled, and then leaves nothing.
    public func `import`(_ source: URL, told: @Sendable (Progress) -> Void) throws -> URL {
        let target = folder.appendingPathComponent(source.deletingPathExtension().lastPathComponent + ".gguf")
        let length = try self.length(source)
        let present = try? self.length(target)
        if present == length, try areEqual(source, target, length, told) { return target }
        let free = try FileManager.default.attributesOfFileSystem(forPath: folder.path)[.systemFreeSize] as? NSNumber
        if let free = free?.intValue, free < length { throw Refusal.noRoom(needed: length, free: free) }
        let unfinished = target.appendingPathExtension("part")
        defer { try? FileManager.default.removeItem(at: unfinished) }
        try copy(source, unfinished, length, told)
        guard try areEqual(source, unfinished, length, told) else { throw Refusal.differs }
        if present != nil { try FileManager.default.removeItem(at: target) }
        try FileManager.default.moveItem(at: unfinished, to: target)
        return target
    }

    private func length(_ file: URL) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }

    private func copy(_ source: URL, _ target: URL, _ length: Int, _ told: (Progress) -> Void) throws {
        try Data().write(to: target)
        let (from, to) = (try FileHandle(forReadingFrom: source), try FileHandle(forWritingTo: target))
        defer { try? from.close() }
        defer { try? to.close() }
        var done = 0
        while let bytes = try from.read(upToCount: Self.piece), !bytes.isEmpty {
            try Task.checkCancellation()
            try to.write(contentsOf: bytes)
            done += bytes.count
            told(Progress(isChecking: false, done: done, total: length))
        }
        try to.synchronize()
    }

    private func areEqual(_ one: URL, _ other: URL, _ length: Int, _ told: (Progress) -> Void) throws -> Bool {
        let (one, other) = (try FileHandle(forReadingFrom: one), try FileHandle(forReadingFrom: other))
        defer { try? one.close() }
        defer { try? other.close() }
        var done = 0
        while true {
            try Task.checkCancellation()
            let bytes = try one.read(upToCount: Self.piece) ?? Data()
            guard bytes == (try other.read(upToCount: Self.piece) ?? Data()) else { return false }
            if bytes.isEmpty { return true }
            done += bytes.count
            told(Progress(isChecking: true, done: done, total: length))
        }
    }
}
