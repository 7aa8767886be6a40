import Foundation

/// What is to be measured, as JSON: `packbench run --job` takes the same. Rust reads it and says what is wrong with it.
public struct Job: Sendable, Equatable {
    public let json: String

    public init(json: String) {
        self.json = json
    }

    public init(contentsOf file: URL) throws {
        json = try String(contentsOf: file, encoding: .utf8)
    }
}

extension PackbenchError {
    /// In words, whichever kind it is. `localizedDescription` is for programmers.
    public var reason: String {
        switch self {
        case .Busy: "another session is under way"
        case .Job(let reason), .Model(let reason), .Report(let reason), .Question(let reason),
            .App(let reason), .Bug(let reason), .Guarded(_, let reason):
            reason
        }
    }
}
