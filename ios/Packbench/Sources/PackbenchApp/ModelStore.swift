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
        /// The source, read once more, isn't what was copied. The copy is read as the system has it in memory: of the
        /// storage this says nothing.
        case differs
    }

    private let folder: URL
    private let system: any FileSystem
    private static let piece = 1 << 20
    /// What a copy ends with until it is whole.
    static let unfinished = "part"

    public init(folder: URL, system: any FileSystem = DeviceFiles()) {
        (self.folder, self.system) = (folder, system)
    }

    /// Copies the file at `source`, unless the same bytes are here under its name already. Ends early when its task is
    /// cancelled, and then leaves nothing.
    public func `import`(_ source: URL, told: @escaping @Sendable (Progress) -> Void) async throws -> URL {
        let target = folder.appendingPathComponent(source.deletingPathExtension().lastPathComponent + ".gguf")
        return try await system.lend(source) { try bring($0, to: target, $1, told) }
    }

    private func bring(_ source: URL, to target: URL, _ stop: Stop, _ told: (Progress) -> Void) throws -> URL {
        let length = try self.length(source)
        let present = try? self.length(target)
        if present == length, try areEqual(source, target, length, stop, told) { return target }
        let free = try FileManager.default.attributesOfFileSystem(forPath: folder.path)[.systemFreeSize] as? NSNumber
        if let free = free?.intValue, free < length { throw Refusal.noRoom(needed: length, free: free) }
        let unfinished = target.appendingPathExtension(Self.unfinished)
        defer { try? FileManager.default.removeItem(at: unfinished) }
        try copy(source, unfinished, length, stop, told)
        guard try areEqual(source, unfinished, length, stop, told) else { throw Refusal.differs }
        if present != nil { try FileManager.default.removeItem(at: target) }
        try FileManager.default.moveItem(at: unfinished, to: target)
        return target
    }

    private func length(_ file: URL) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes[.size] as? NSNumber)?.intValue ?? 0
    }

    private func copy(
        _ source: URL, _ target: URL, _ length: Int, _ stop: Stop, _ told: (Progress) -> Void
    ) throws {
        try Data().write(to: target)
        system.keepOutOfBackups(target)
        let (from, to) = (try FileHandle(forReadingFrom: source), try FileHandle(forWritingTo: target))
        defer { try? from.close() }
        defer { try? to.close() }
        let piece = Piece(of: Self.piece)
        var done = 0
        while try piece.fill(from: from) {
            try stop.check()
            try piece.drain(into: to)
            done += piece.count
            told(Progress(isChecking: false, done: done, total: length))
        }
        try to.synchronize()
    }

    private func areEqual(
        _ one: URL, _ other: URL, _ length: Int, _ stop: Stop, _ told: (Progress) -> Void
    ) throws -> Bool {
        let (one, other) = (try FileHandle(forReadingFrom: one), try FileHandle(forReadingFrom: other))
        defer { try? one.close() }
        defer { try? other.close() }
        let (this, that) = (Piece(of: Self.piece), Piece(of: Self.piece))
        var done = 0
        while true {
            try stop.check()
            let (isMore, isMoreThere) = (try this.fill(from: one), try that.fill(from: other))
            guard isMore == isMoreThere, this == that else { return false }
            if !isMore { return true }
            done += this.count
            told(Progress(isChecking: true, done: done, total: length))
        }
    }
}

/// Memory that is used for each piece of a file again. What Darwin's FileHandle reads stays until a pool is drained,
/// which in a long copy may be at its end.
private final class Piece: Equatable {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(of size: Int) {
        memory = .allocate(byteCount: size, alignment: 1)
    }

    deinit {
        memory.deallocate()
    }

    static func == (one: Piece, other: Piece) -> Bool {
        one.count == other.count && memcmp(one.memory.baseAddress!, other.memory.baseAddress!, one.count) == 0
    }

    /// As much as comes in, as far as there is room. `false` at the end of the file.
    func fill(from file: FileHandle) throws -> Bool {
        count = 0
        while count < memory.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: memory[count...])
            let come = try retried { read(file.fileDescriptor, rest.baseAddress, rest.count) }
            if come == 0 { break }
            count += come
        }
        return count > 0
    }

    func drain(into file: FileHandle) throws {
        var rest = UnsafeRawBufferPointer(rebasing: memory[..<count])
        while !rest.isEmpty {
            let gone = try retried { write(file.fileDescriptor, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[gone...])
        }
    }
}

private func retried(_ call: () -> Int) throws -> Int {
    while true {
        let answer = call()
        if answer >= 0 { return answer }
        guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
}
