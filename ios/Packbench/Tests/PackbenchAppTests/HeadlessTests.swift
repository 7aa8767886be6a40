import Foundation
import Packbench
import PackbenchApp
import XCTest

/// What devicectl and simctl see.
final class HeadlessTests: AppTestCase, @unchecked Sendable {
    func testAJobIsCarriedOutAndItsReportNamed() async throws {
        try haveModel()
        try write("job.json", Self.shortJob)
        let (ended, told) = try await launch("--job", "/elsewhere/job.json")
        XCTAssertNil(ended.error)
        XCTAssertEqual(ended.ending, .passed)
        let report = try XCTUnwrap(ended.report)
        XCTAssertEqual(told.suffix(2), ["packbench: report=\(report.path)", "packbench: outcome=passed"])
        XCTAssert(told.contains { $0.hasPrefix("packbench: progress=2/2 ") }, "\(told)")
        XCTAssertEqual(report.lastPathComponent, "report-001.jsonl")
    }

    /// Times are never asserted: those of one arm are made a hundred times as long.
    func testTheOutcomeIsThatOfTheArms() async throws {
        try haveModel()
        try write("job.json", Self.shortJob.replacing(#""blocks":1"#, with: #""blocks":6"#))
        let (measured, _) = try await launch("--job", "job.json")
        let report = try XCTUnwrap(measured.report)
        let lines = try String(contentsOf: report, encoding: .utf8).split(separator: "\n").map(String.init)
        for (slow, ending) in [("random", Ending.regression), ("normal", .passed)] {
            let edited = lines.map { $0.contains(#""policy":"\#(slow)""#) ? $0.slowed : $0 }
            XCTAssertNotEqual(edited, lines)
            try write(report.lastPathComponent, edited.map { $0 + "\n" }.joined())
            let (ended, told) = try await launch("--resume", report.lastPathComponent, "--compare", "policy")
            XCTAssertEqual(ended.ending, ending, ended.error ?? "")
            XCTAssertEqual(told.last, "packbench: outcome=\(ending)")
        }
    }

    /// Nobody else works while something is measured: what is told is told before the session goes on.
    func testLinesAreToldOnTheThreadOfTheSession() async throws {
        try haveModel()
        try write("job.json", Self.shortJob)
        let threads = Told()
        let headless = Headless(arguments: ["app", "--job", "job.json"], folders: folders, session: session()) {
            if $0.hasPrefix("packbench: progress=") { threads.append(withUnsafeCurrentTask { "\($0 == nil)" }) }
        }
        _ = await (try XCTUnwrap(headless)).run()
        XCTAssertEqual(Set(threads.lines), ["true"], "a task would run on another thread")
    }

    func testASessionWhoseAppIsLeftEndsAfterTheRunUnderWayAndSaysWhatToDo() async throws {
        try haveModel()
        try write("job.json", Self.shortJob.replacing(#""blocks":1"#, with: #""blocks":1000"#))
        let told = Told()
        let headless = try XCTUnwrap(
            Headless(arguments: ["app", "--job", "job.json"], folders: folders, session: session(), tell: told.append))
        let running = Task { await headless.run() }
        while !told.lines.contains(where: { $0.hasPrefix("packbench: progress=1/") }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        running.cancel()
        let ended = await running.value
        XCTAssertEqual(ended.ending, .invalid)
        XCTAssert(try XCTUnwrap(ended.error).contains("go on with it"))
        let lines = try String(contentsOf: XCTUnwrap(ended.report), encoding: .utf8).split(separator: "\n")
        XCTAssert(try XCTUnwrap(lines.last).contains(#""status":"cancelled""#), "the report is closed by then")
    }

    func testAConsoleThatBreaksOffEndsNothing() throws {
        let pipe = Pipe()
        let console = Console(pipe.fileHandleForWriting)
        console.tell("heard")
        XCTAssertEqual(pipe.fileHandleForReading.availableData, Data("heard\n".utf8))
        try pipe.fileHandleForReading.close()
        console.tell("not heard")
    }

    func testTheThousandthReportIsTheNewest() throws {
        for number in ["999", "1000", "002"] { try write("report-\(number).jsonl", "") }
        XCTAssertEqual(folders.reports().map(\.lastPathComponent), ["1000", "999", "002"].map { "report-\($0).jsonl" })
        XCTAssertEqual(folders.newReport().lastPathComponent, "report-1001.jsonl")
    }

    func testAGuardRefusesUnlessItIsSuppressed() async throws {
        try haveModel()
        try write("job.json", Self.shortJob)
        let charging = Facts(charging: true)
        let (refused, _) = try await launch("--job", "job.json", facts: charging)
        XCTAssertEqual(refused.ending, .invalid)
        XCTAssertNil(refused.report)
        XCTAssert(try XCTUnwrap(refused.error).contains("unplug it"))
        let (ended, _) = try await launch("--job", "job.json", "--suppress", "Charging", facts: charging)
        XCTAssertEqual(ended.ending, .passed)
    }

    func testAReportThatWasCutIsGoneOnWith() async throws {
        try haveModel()
        let report = try await cutReport(folders, session())
        let (ended, _) = try await launch("--resume", report.lastPathComponent)
        XCTAssertEqual(ended.ending, .passed, ended.error ?? "")
        let headers = try String(contentsOf: report, encoding: .utf8).components(separatedBy: #"{"kind":"header""#)
        XCTAssertEqual(headers.count - 1, 2)
    }

    func testAnAssignmentIsToldLineByLineAndKept() async throws {
        try haveModel()
        let rest = #""session":"s","segment":0,"done":[],"plan":null,"variants":[],"began":null,"elapsed_ns":null"#
        let parts = #""cache_dir":null,"fresh_process":"available","redone":[]"#
        try write("assignment-1.json", "of an earlier launch")
        try write("assignment-2.json", #"{"purpose":"measure","job":\#(Self.shortJob),\#(rest),\#(parts)}"#)
        let (ended, told) = try await launch("--", "--assignment", "assignment-2.json", "--answer", "word")
        XCTAssertEqual(ended.ending, .passed, ended.error ?? "")
        XCTAssertEqual(told.filter { $0.contains(#" line={"kind":"run""#) }.count, 2)
        XCTAssertEqual(told.last, "packbench: \(told.count) outcome=passed")
        for (number, line) in zip(1..., told) { XCTAssert(line.hasPrefix("packbench: \(number) "), line) }
        XCTAssertEqual(
            try FileManager.default.contentsOfDirectory(atPath: folders.documents.path).sorted(),
            ["answer.txt", "m.gguf"]
        )
        let kept = try String(contentsOf: folders.documents.appendingPathComponent("answer.txt"), encoding: .utf8)
        XCTAssertEqual(kept.split(separator: "\n").map(String.init), ["word"] + told)
    }

    func testMistakesAreToldInWords() async throws {
        try write("list.json", "[]")
        for (job, words) in [("none.json", "none.json is missing"), ("list.json", "found no job")] {
            let (ended, told) = try await launch("--job", job)
            XCTAssertEqual(ended.ending, .invalid)
            XCTAssert(try XCTUnwrap(ended.error).contains(words), ended.error ?? "")
            XCTAssertEqual(told.last, "packbench: outcome=invalid")
        }
        for arguments in [["--job"], ["--job", "--suppress", "Charging"], ["--job", "job.json", "--compare"]] {
            let headless = try XCTUnwrap(
                Headless(arguments: ["app"] + arguments, folders: folders, session: session()) { _ in })
            let ended = await headless.run()
            XCTAssertEqual(ended.ending, .invalid)
            XCTAssert(try XCTUnwrap(ended.error).contains("alone, expected what it names"), ended.error ?? "")
        }
        let opened = Headless(arguments: ["app", "-AppleLanguages", "(de)"], folders: folders, session: session()) {
            _ in
        }
        XCTAssertNil(opened, "no job: a screen is wanted")
    }

    private func launch(_ arguments: String..., facts: Facts = Facts()) async throws -> (Headless.Ended, [String]) {
        let told = Told()
        let headless = Headless(
            arguments: ["app"] + arguments,
            folders: folders,
            session: session(facts),
            tell: told.append
        )
        let ended = await (try XCTUnwrap(headless)).run()
        return (ended, told.lines)
    }
}

extension String {
    /// A line of a report whose wall time is a hundred times as long.
    fileprivate var slowed: String {
        replacing(/"wall_ns":(\d+)/) { "\"wall_ns\":\($0.1)00" }
    }
}
