import Foundation
import Packbench

/// How a session without a screen ended. The codes are those of `packbench run` and `compare`.
public enum Ending: Int32, Sendable {
    /// It was measured, and nothing is seen to be worse by the threshold.
    case passed = 0
    case regression = 1
    /// It was not measured to its end, or can't be compared.
    case invalid = 2
    /// What is left takes a fresh process: launch the app again.
    case again = 3
}

/// A session without a screen, asked for by launch arguments. Files are named as they lie in the app's Documents.
///
/// - `--job FILE`: carries it out. Its models lie beside it.
/// - `--suppress A,B`: guards to measure in spite of.
/// - `--compare FIELD`: it ends as a comparison of the arms that differ in this field does.
/// - `--resume REPORT`: goes on with an earlier report.
/// - `--assignment FILE`: carries out as much of it as this process can; each line of the report is told.
/// - `--answer WORD`: what is told is also kept in `answer.txt`, which begins with a line WORD, and is numbered from 1:
///   consoles break off, and others write there.
///
/// What it tells are lines `packbench: KEY=VALUE`, or with `--answer` `packbench: NUMBER KEY=VALUE`, `report` and
/// `outcome` last, for whoever reads the console. It tells them on the thread of the session, which waits for it.
public struct Headless: Sendable {
    /// What it came to.
    public struct Ended: Sendable, Equatable {
        public let ending: Ending
        public let report: URL?
        public let error: String?
    }

    /// What is asked for. Files go by their names.
    private enum Request {
        case job(String)
        case resume(String)
        case assignment(String)
        /// An argument came without what it names.
        case incomplete(String)
    }

    private let request: Request
    private let suppressed: [String]
    private let compared: String?
    private static let cancelled =
        "the session was cancelled, as it is when the phone is locked or the app left: go on with it when the app is "
        + "in front"

    private let folders: Folders
    private let session: BenchSession
    private let teller: Teller

    /// `nil` when the arguments ask for a screen.
    public init?(
        arguments: [String],
        folders: Folders,
        session: BenchSession,
        tell: @escaping @Sendable (String) -> Void
    ) {
        let named = Self.named(arguments)
        guard let request = Self.request(named) else { return nil }
        self.request = request
        suppressed = named["suppress"]??.split(separator: ",").map(String.init) ?? []
        compared = named["compare"] ?? nil
        (self.folders, self.session) = (folders, session)
        let answer = (named["answer"] ?? nil).flatMap { Answer(in: folders.documents, word: $0) }
        teller = Teller(tell, answer)
    }

    private static func request(_ named: [String: String?]) -> Request? {
        let wanted: [(String?, (String) -> Request)] = [
            (named["assignment"] ?? nil, Request.assignment),
            (named["resume"] ?? nil, Request.resume),
            (named["job"] ?? nil, Request.job),
        ]
        guard named.keys.contains(where: ["job", "resume", "assignment"].contains) else { return nil }
        if let name = named.filter({ $0.value == nil }).keys.sorted().first { return .incomplete(name) }
        return wanted.lazy.compactMap { name, request in name.map(request) }.first
    }

    /// Each name with what follows it, unless that is a name itself. Two dashes alone are none.
    private static func named(_ arguments: [String]) -> [String: String?] {
        let isName = { (argument: String) in argument.hasPrefix("--") }
        let pairs = zip(arguments, arguments.dropFirst().map(Optional.some) + [nil])
        let names = pairs.filter { isName($0.0) && $0.0 != "--" }.map { name, next in
            (String(name.dropFirst(2)), next.flatMap { isName($0) ? nil : $0 })
        }
        return Dictionary(names) { _, last in last }
    }

    /// Does what the arguments say. It throws nothing: whoever launched it sees only what it tells. When its task is
    /// cancelled it returns after the run under way.
    public func run() async -> Ended {
        let ended: Ended
        do {
            ended = try await ask()
        } catch let error as PackbenchError {
            ended = Ended(ending: .invalid, report: nil, error: error.reason)
        } catch {
            ended = Ended(ending: .invalid, report: nil, error: "\(error)")
        }
        if let error = ended.error { say("error", error) }
        if let report = ended.report { say("report", report.path) }
        say("outcome", "\(ended.ending)")
        return ended
    }

    private func ask() async throws -> Ended {
        switch request {
        case .incomplete(let name):
            throw PackbenchError.Job(reason: "found --\(name) alone, expected what it names after it")
        case .assignment(let name): return try await carryOut(placed(name))
        case .resume(let name):
            let report = file(name)
            let models = Dictionary(uniqueKeysWithValues: folders.models().map { ($0.lastPathComponent, $0) })
            return await recorded(report, await session.resume(report, models: models, told: tellProgress))
        case .job(let name):
            let job = Job(json: try placed(name))
            let report = folders.newReport()
            return await recorded(report, await session.run(job, report: report, told: tellProgress))
        }
    }

    private func carryOut(_ assignment: String) async throws -> Ended {
        folders.removeAssignments()
        for try await event in await session.carryOut(assignment, told: { say("line", $0.line) }) {
            switch event {
            case .carried(.through): return Ended(ending: .passed, report: nil, error: nil)
            case .carried(.soFar): return Ended(ending: .again, report: nil, error: nil)
            case .finished, .progress: break
            }
        }
        // The run under way isn't told any more, but ends.
        try await session.ended()
        return Ended(ending: .invalid, report: nil, error: Self.cancelled)
    }

    @Sendable private func tellProgress(_ progress: SessionProgress) {
        say("progress", "\(progress.done)/\(progress.total) \(progress.text)")
    }

    /// However the session ends, what was finished is handed out.
    private func recorded(_ report: URL, _ events: BenchSession.Events) async -> Ended {
        func ended(_ ending: Ending, _ error: String? = nil) -> Ended {
            let isThere = FileManager.default.fileExists(atPath: report.path)
            return Ended(ending: ending, report: isThere ? report : nil, error: error)
        }
        do {
            for try await _ in events {}
            // A task that was cancelled hears no last event.
            guard case .finished(let outcome) = try await session.ended(), outcome.status != .cancelled else {
                return ended(.invalid, Self.cancelled)
            }
            return ended(outcome.problem == nil ? try ending(of: report) : .invalid, outcome.problem)
        } catch let error as PackbenchError {
            return ended(.invalid, error.reason)
        } catch {
            return ended(.invalid, "\(error)")
        }
    }

    private func ending(of report: URL) throws -> Ending {
        guard let field = compared else { return .passed }
        switch try compare(path: report.path, question: Question(by: field, allow: ["payload"])).gate {
        case .passed: return .passed
        case .regression: return .regression
        case .invalid: return .invalid
        }
    }

    /// The job or assignment that is called so, with each of its models where it lies in this container.
    private func placed(_ name: String) throws -> String {
        let file = file(name)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw PackbenchError.Job(reason: "\(file.lastPathComponent) is missing: copy it into the app's Documents")
        }
        let asked = try String(contentsOf: file, encoding: .utf8)
        let models = try modelFiles(asked: asked).map { ($0, self.file($0).path) }
        return try PackbenchBindings.placed(
            asked: asked, models: Dictionary(uniqueKeysWithValues: models), suppress: suppressed,
            cache: folders.cache.path)
    }

    /// A name alone counts: the path to a container changes with each installation.
    private func file(_ name: String) -> URL {
        folders.documents.appendingPathComponent(URL(fileURLWithPath: name).lastPathComponent)
    }

    private func say(_ key: String, _ value: String) {
        teller.tell("\(key)=\(value)")
    }
}

/// Tells lines in their order, from any thread.
private final class Teller: @unchecked Sendable {
    private let hand: @Sendable (String) -> Void
    private let answer: Answer?
    // Guarded by the lock.
    private var told = 0
    private let lock = NSLock()

    init(_ hand: @escaping @Sendable (String) -> Void, _ answer: Answer?) {
        (self.hand, self.answer) = (hand, answer)
    }

    func tell(_ text: String) {
        lock.withLock {
            told += 1
            let line = answer == nil ? "packbench: \(text)" : "packbench: \(told) \(text)"
            answer?.keep(line)
            hand(line)
        }
    }
}

/// What is told, as a file that a computer can fetch. Opened anew for each line: nothing is lost with the process.
private struct Answer: Sendable {
    private let file: URL

    /// In place of the answer of an earlier process; `nil` where no file can be written.
    init?(in folder: URL, word: String) {
        file = folder.appendingPathComponent("answer.txt")
        guard FileManager.default.createFile(atPath: file.path, contents: Data("\(word)\n".utf8)) else { return nil }
    }

    /// A line that can't be kept is told all the same.
    func keep(_ line: String) {
        guard let end = try? FileHandle(forWritingTo: file) else { return }
        defer { try? end.close() }
        guard (try? end.seekToEnd()) != nil else { return }
        try? end.write(contentsOf: Data("\(line)\n".utf8))
    }
}
