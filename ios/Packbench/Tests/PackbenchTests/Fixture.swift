import Foundation
import Packbench
import Support
import XCTest

/// A phone that throws.
final class BrokenPhone: Phone {
    func identity() throws -> Identity { throw AppError.Threw(reason: "out of order") }

    func facts() throws -> Facts { throw AppError.Threw(reason: "out of order") }
}

/// A folder on the disk of the build, for what lies in memory can't be evicted; a model, and what is measured of it.
class SessionTestCase: XCTestCase {
    private(set) var folder: URL!
    private(set) var model: URL!

    var report: URL { folder.appendingPathComponent("report.jsonl") }
    var bench: BenchSession { bench(TestPhone()) }
    var shortJob: Job { job(#""probes":["faults"],"policies":["normal"],"caches":["cold"],"blocks":2"#) }

    override func setUpWithError() throws {
        model = try XCTUnwrap(realModel(), "there is no model: scripts/get-model smollm2")
        folder = scratch().appendingPathComponent("session-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        if let folder { try FileManager.default.removeItem(at: folder) }
    }

    func bench(_ phone: any Phone) -> BenchSession {
        BenchSession(phone: phone, cache: folder.appendingPathComponent("cache"))
    }

    func job(_ rest: String, of model: URL? = nil, budgetMs: Int = 60_000) -> Job {
        let path = (model ?? self.model).path
        return Job(json: #"{"models":[{"path":"\#(path)"}],"budget_ms":\#(budgetMs),\#(rest)}"#)
    }

    /// This repository, for what is held against its other parts.
    func repository() throws -> URL {
        URL(fileURLWithPath: try XCTUnwrap(ProcessInfo.processInfo.environment["PACKBENCH_REPOSITORY"]))
    }

    func outcome(of events: BenchSession.Events) async throws -> Outcome {
        var last: Event?
        for try await event in events { last = event }
        guard case .finished(let outcome) = last else {
            throw AppError.Threw(reason: "no end: \(String(describing: last))")
        }
        return outcome
    }

    /// Has `scripts/swift` hold the report against the schema when all tests are over.
    func leaveForTheSchema(_ name: String = #function) throws {
        guard let folder = ProcessInfo.processInfo.environment["PACKBENCH_REPORTS"] else { return }
        let file = URL(fileURLWithPath: folder).appendingPathComponent(name.prefix { $0 != "(" } + ".jsonl")
        try FileManager.default.copyItem(at: report, to: file)
    }

    func lines(_ kind: String? = nil) throws -> [String] {
        let all = try String(contentsOf: report, encoding: .utf8).split(separator: "\n").map(String.init)
        return all.filter { kind == nil || $0.hasPrefix(#"{"kind":"\#(kind!)""#) }
    }
}

/// What is said of `error` when it is no such one.
func assertReason(
    _ expected: String,
    _ words: String,
    _ body: () async throws -> Void,
    line: UInt = #line
) async {
    do {
        try await body()
        XCTFail("found no error, expected \(expected): \(words)", line: line)
    } catch let error as PackbenchError {
        XCTAssertEqual(error.kind, expected, error.reason, line: line)
        XCTAssert(error.reason.contains(words), "found \(error.reason), expected \(words)", line: line)
    } catch {
        XCTFail("found \(error), expected \(expected): \(words)", line: line)
    }
}

extension PackbenchError {
    /// Its name. The compiler says when there is another one.
    var kind: String {
        switch self {
        case .Busy: "Busy"
        case .Job: "Job"
        case .Model: "Model"
        case .Guarded: "Guarded"
        case .Report: "Report"
        case .Question: "Question"
        case .App: "App"
        case .Bug: "Bug"
        }
    }
}
