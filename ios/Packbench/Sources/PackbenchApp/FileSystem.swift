import Foundation
import Packbench

/// What an Apple system does with files beyond reading and writing them.
public protocol FileSystem: Sendable {
    /// Has a file stay out of backups: a model is large, and can be had again.
    func keepOutOfBackups(_ file: URL)

    /// Lends `body` a document of another app's, which is fetched first where it lies elsewhere, on a thread of its
    /// own. When its task is cancelled it stops fetching, and asks `body` to stop.
    func lend<T: Sendable>(_ document: URL, to body: @escaping @Sendable (URL, Stop) throws -> T) async throws -> T
}

/// Whether something is to stop, asked from any thread.
public final class Stop: @unchecked Sendable {
    // Guarded by the lock.
    private var asked = false
    private let lock = NSLock()

    public init() {}

    public var isAsked: Bool { lock.withLock { asked } }

    func ask() {
        lock.withLock { asked = true }
    }

    func check() throws {
        if isAsked { throw CancellationError() }
    }
}

/// That of the phone. Linux has neither backups nor other apps' documents.
public struct DeviceFiles: FileSystem {
    public init() {}

    #if canImport(Darwin)
        /// Files that a computer copied in may belong to another user, who alone can mark them.
        public func keepOutOfBackups(_ file: URL) {
            var (file, values) = (file, URLResourceValues())
            values.isExcludedFromBackup = true
            try? file.setResourceValues(values)
        }

        public func lend<T: Sendable>(
            _ document: URL, to body: @escaping @Sendable (URL, Stop) throws -> T
        ) async throws -> T {
            let isGranted = document.startAccessingSecurityScopedResource()
            defer { if isGranted { document.stopAccessingSecurityScopedResource() } }
            // Apple: its `cancel` may be called from any thread.
            nonisolated(unsafe) let coordinator = NSFileCoordinator()
            return try await stoppable(cancel: { coordinator.cancel() }) { stop in
                var (refusal, result): (NSError?, Result<T, any Error>?)
                coordinator.coordinate(readingItemAt: document, error: &refusal) { lent in
                    result = Result { try body(lent, stop) }
                }
                // What came of it counts, also where it was to stop by then.
                if let result { return try result.get() }
                try stop.check()
                throw refusal ?? CocoaError(.fileReadUnknown)
            }
        }
    #else
        public func keepOutOfBackups(_ file: URL) {}

        public func lend<T: Sendable>(
            _ document: URL, to body: @escaping @Sendable (URL, Stop) throws -> T
        ) async throws -> T {
            try await stoppable(cancel: {}) { try body(document, $0) }
        }
    #endif
}

/// Does `work` on a thread of its own. When the task is cancelled, `work` is asked to stop, and `cancel` is called.
private func stoppable<T: Sendable>(
    cancel: @Sendable () -> Void,
    _ work: @escaping @Sendable (Stop) throws -> T
) async throws -> T {
    let stop = Stop()
    return try await withTaskCancellationHandler {
        try await onThreadOfItsOwn { Result { try work(stop) } }.get()
    } onCancel: {
        stop.ask()
        cancel()
    }
}
