import Foundation
import Packbench

/// A report to look at.
public struct ShownReport: Sendable, Equatable {
    public enum Contents: Sendable, Equatable {
        case medians([Median], isComplete: Bool)
        case unreadable(String)
    }

    public let file: URL
    /// Of the session that has just ended; `nil` of a report that was opened again.
    public let outcome: Outcome?
    /// `nil` until it has been read.
    public private(set) var contents: Contents?

    init(file: URL, outcome: Outcome?) {
        (self.file, self.outcome) = (file, outcome)
    }

    /// Whether runs are missing.
    public var canGoOn: Bool {
        if case .medians(_, isComplete: false) = contents { true } else { false }
    }

    func read() -> ShownReport {
        var read = self
        do {
            read.contents = .medians(try medians(path: file.path), isComplete: try isComplete())
        } catch {
            read.contents = .unreadable((error as? PackbenchError)?.reason ?? error.localizedDescription)
        }
        return read
    }

    /// What its last line says.
    private func isComplete() throws -> Bool {
        struct Line: Decodable {
            let kind: String
            let status: String?
        }
        let last = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).last ?? Data()
        let line = try? JSONDecoder().decode(Line.self, from: last)
        return line?.kind == "end" && line?.status == "complete"
    }
}
