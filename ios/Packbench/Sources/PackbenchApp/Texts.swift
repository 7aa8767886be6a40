import Foundation
import Packbench

/// In words, with what to do.
func describe(_ error: any Error, of name: String) -> Problem {
    switch error {
    case PackbenchError.Busy:
        Problem(text: "Another session is under way: wait for its end, or stop it.", guards: [])
    case PackbenchError.Guarded(let guards, let reason): Problem(text: reason, guards: guards)
    case let error as PackbenchError: Problem(text: error.reason, guards: [])
    case ModelStore.Refusal.noRoom(let needed, let free):
        Problem(
            text: "\(name) takes \(bytes(needed)) and there are \(bytes(free)): make room on the phone.", guards: [])
    case ModelStore.Refusal.differs:
        Problem(
            text: "\(name) changed while it was copied, or can't be read twice alike: choose it again.", guards: [])
    default:
        Problem(text: "\(name) can't be opened: choose another. (\(error.localizedDescription))", guards: [])
    }
}

public func bytes(_ count: Int) -> String {
    let formatter = ByteCountFormatter()
    formatter.countStyle = .file
    return formatter.string(fromByteCount: Int64(count))
}

public func milliseconds(_ nanoseconds: Double) -> String {
    String(format: "%.3g ms", nanoseconds / 1e6)
}

extension Preset {
    public var label: String {
        switch self {
        case .quick: "Page faults, cold, about a minute"
        case .firstToken: "First tokens, cold, two minutes at most"
        case .reads: "Reads, cold, about a minute"
        case .all: "Page faults and reads, cold and warm, five minutes at most"
        }
    }
}

extension Outcome {
    public var text: String {
        let ended =
            missing == 0
            ? "Complete: \(runs) runs."
            : "\(runs) runs, \(missing) missing. What was finished is kept."
        return failed == 0 ? ended : "\(ended) \(failed) runs failed: the report says why."
    }
}

extension Median {
    /// What VoiceOver reads of a bar after its case.
    public var spoken: String {
        "\(milliseconds(medianNs)), from \(milliseconds(leastNs)) to \(milliseconds(mostNs)), \(runs) runs"
    }
}

extension BenchState {
    /// What is said when it is entered, to whoever doesn't look.
    public var announcement: String? {
        switch self {
        case .finished(let shown): shown.outcome?.text
        case .failed(let problem): problem.text
        case .idle, .copying, .running: nil
        }
    }
}

extension SessionProgress {
    public var count: String { "\(done) of \(total) runs" }
}
