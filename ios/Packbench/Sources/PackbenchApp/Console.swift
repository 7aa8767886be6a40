import Foundation

/// The console of whoever launched the app. When it breaks off, what is told goes nowhere and the session goes on.
public struct Console: Sendable {
    private let output: FileHandle

    public init(_ output: FileHandle = .standardOutput) {
        self.output = output
        // A broken pipe ends a process that doesn't say otherwise.
        signal(SIGPIPE, SIG_IGN)
    }

    /// It comes at once: whoever launched the app reads a pipe.
    @Sendable public func tell(_ line: String) {
        try? output.write(contentsOf: Data((line + "\n").utf8))
    }
}
