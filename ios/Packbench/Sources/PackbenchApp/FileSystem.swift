import Foundation

/// What an Apple system does with files beyond reading and writing them.
public protocol FileSystem: Sendable {
    /// Has a file stay out of backups: a model is large, and can be had again.
    func keepOutOfBackups(_ file: URL)

    /// Lends `body` a document of another app's, which is fetched first where it lies elsewhere. Ends early when its task
    /// is cancelled.
    func lend<T: Sendable>(_ document: URL, to body: @Sendable (URL) throws -> T) async throws -> T
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

        public func lend<T: Sendable>(_ document: URL, to body: @Sendable (URL) throws -> T) async throws -> T {
            let isGranted = document.startAccessingSecurityScopedResource()
            defer { if isGranted { document.stopAccessingSecurityScopedResource() } }
            // Apple: its `cancel` may be called from any thread.
            nonisolated(unsafe) let coordinator = NSFileCoordinator()
            return try await withTaskCancellationHandler {
                var (refusal, result): (NSError?, Result<T, any Error>?)
                coordinator.coordinate(readingItemAt: document, error: &refusal) { lent in
                    result = Result { try body(lent) }
                }
                try Task.checkCancellation()
                if let result { return try result.get() }
                throw refusal ?? CocoaError(.fileReadUnknown)
            } onCancel: {
                coordinator.cancel()
            }
        }
    #else
        public func keepOutOfBackups(_ file: URL) {}

        public func lend<T: Sendable>(_ document: URL, to body: @Sendable (URL) throws -> T) async throws -> T {
            try body(document)
        }
    #endif
}
