import Foundation
import Packbench
import PackbenchApp
import XCTest

/// What devicectl and simctl see.
final class HeadlessTests: AppTestCase, @unchecked Sendable {
    func testAJobIsCarriedOutAndItsReportNamed() async throws {
        try haveModel()
        try write("job.json", Self.shortJob)
        let (ended, told) = try await launch("--job", "/elsewhere/job.json", "--compare", "policy")
        XCTAssertNil(ended.error)
        XCTAssertEqual(ended.verdict, .passed, "nothing is shown to be worse")
        let report = try XCTUnwrap(ended.report)
        XCTAssertEqual(told.suffix(2), ["packbench: report=\(report.path)", "packbench: verdict=passed"])
        XCTAssert(told.contains { $0.hasPrefix("packbench: progress=2/2 ") }, "\(told)")
        XCTAssertEqual(report.lastPathComponent, "report-001.jsonl")
    }

    func testAGuardRefusesUnlessItIsSuppressed() async throws {
        try haveModel()
        try write("job.json", Self.shortJob)
        let charging = Facts(charging: true)
        let (refused, _) = try await launch("--job", "job.json", facts: charging)
        XCTAssertEqual(refused.verdict, .invalid)
        XCTAssertNil(refused.report)
        XCTAssert(try XCTUnwrap(refused.error).contains("unplug it"))
        let (ended, _) = try await launch("--job", "job.json", "--suppress", "Charging", facts: charging)
        XCTAssertEqual(ended.verdict, .passed)
    }

    func testAReportThatWasCutIsGoneOnWith() async throws {
        try haveModel()
        let report = try await cutReport(folders, session())
        let (ended, _) = try await launch("--resume", report.lastPathComponent)
        XCTAssertEqual(ended.verdict, .passed, ended.error ?? "")
        let headers = try String(contentsOf: report, encoding: .utf8).components(separatedBy: #"{"kind":"header""#)
        XCTAssertEqual(headers.count - 1, 2)
    }

    func testAnAssignmentIsToldLineByLineAndKept() async throws {
        try haveModel()
        let rest = #""session":"s","segment":0,"done":[],"plan":null,"variants":[],"began":null,"elapsed_ns":null"#
        let parts = #""cache_dir":null,"fresh_process":"available","redone":[]"#
        try write("assignment.json", #"{"purpose":"measure","job":\#(Self.shortJob),\#(rest),\#(parts)}"#)
        let (ended, told) = try await launch("--", "--assignment", "assignment.json", "--answer", "word")
        XCTAssertEqual(ended.verdict, .passed, ended.error ?? "")
        XCTAssertEqual(told.filter { $0.hasPrefix(#"packbench: line={"kind":"run""#) }.count, 2)
        XCTAssertEqual(told.last, "packbench: verdict=passed")
        let kept = try String(contentsOf: folders.documents.appendingPathComponent("answer.txt"), encoding: .utf8)
        XCTAssertEqual(kept.split(separator: "\n").map(String.init), ["word"] + told)
    }

    func testMistakesAreToldInWords() async throws {
        try write("list.json", "[]")
        for (job, words) in [("none.json", "none.json is missing"), ("list.json", "found no job")] {
            let (ended, told) = try await launch("--job", job)
            XCTAssertEqual(ended.verdict, .invalid)
            XCTAssert(try XCTUnwrap(ended.error).contains(words), ended.error ?? "")
            XCTAssertEqual(told.last, "packbench: verdict=invalid")
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
