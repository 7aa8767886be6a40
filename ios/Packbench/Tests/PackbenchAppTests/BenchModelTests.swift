import Foundation
import Packbench
import PackbenchApp
import XCTest

/// What people do with the app, from the first touch to the report.
@MainActor
final class BenchModelTests: AppTestCase, @unchecked Sendable {
    func testAModelIsPickedCopiedOnceMeasuredStoppedAndShown() async throws {
        let model = BenchModel(folders: folders, session: session())
        XCTAssertNil(model.chosenModel)
        model.importModel(at: realModel)
        try await until("the copy") { model.state == .idle }
        let copy = try XCTUnwrap(model.chosenModel)
        XCTAssert(FileManager.default.contentsEqual(atPath: copy.path, andPath: realModel.path))
        let written = try modified(copy)
        model.importModel(at: realModel)
        try await until("the second look") { model.state == .idle }
        XCTAssertEqual(try modified(copy), written, "a model that is here isn't copied again")
        XCTAssertEqual(system.lent, [realModel, realModel])
        let unfinished = copy.lastPathComponent + ".part"
        XCTAssertEqual(system.outOfBackups.first, unfinished, "from its first byte it stays out of backups")
        XCTAssert(system.outOfBackups.contains(copy.lastPathComponent), "as does one that a computer copied in")

        model.measure()
        XCTAssert(model.isWorking)
        try await until("a run") {
            if case .running(_, let progress?, false) = model.state { progress.done >= 1 } else { false }
        }
        model.stop()
        guard case .running(_, _, isStopping: true) = model.state else { return XCTFail("found \(model.state)") }
        try await until("the end") { !model.isWorking }
        let shown = try await shown(model)
        XCTAssertEqual(shown.outcome?.status, .cancelled)
        XCTAssertGreaterThan(try XCTUnwrap(shown.outcome).missing, 0)
        XCTAssert(shown.canGoOn)
        XCTAssertEqual(model.state.announcement, shown.outcome?.text)
        guard case .medians(let bars, isComplete: false) = shown.contents else { return XCTFail("found \(shown)") }
        XCTAssertFalse(bars.isEmpty)
        XCTAssertFalse(bars.contains { $0.spoken.contains($0.case) }, "VoiceOver has read the case before")
        model.home()
        XCTAssertEqual(model.reports, [shown.file])
        model.delete(shown.file)
        model.delete(copy)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folders.documents.path), [])
        XCTAssertEqual(model.models + model.reports, [])
        XCTAssertNil(model.chosenModel)
    }

    func testWhatADeadProcessHadFinishedIsShownAndGoneOnWith() async throws {
        try haveModel()
        let report = try await cutReport(folders, session())
        let model = BenchModel(folders: folders, session: session())
        model.show(try XCTUnwrap(model.reports.first))
        let cut = try await shown(model)
        XCTAssertEqual(cut.file, report)
        XCTAssertNil(cut.outcome)
        XCTAssert(cut.canGoOn)
        model.goOn(with: report)
        try await until("the end") { !model.isWorking }
        let ended = try await shown(model)
        let outcome = try XCTUnwrap(ended.outcome)
        XCTAssertEqual(outcome.missing, 0)
        XCTAssertEqual(outcome.text, "Complete: 2 runs.")
        model.show(report)
        let whole = try await shown(model)
        XCTAssertFalse(whole.canGoOn, "nothing is missing from one that is complete")
    }

    func testAnAppThatIsLeftEndsItsSessionAfterTheRunUnderWay() async throws {
        try haveModel()
        let model = BenchModel(folders: folders, session: session())
        model.measure()
        try await until("a run") {
            if case .running(_, let progress?, _) = model.state { progress.done >= 1 } else { false }
        }
        await model.leaveFront()
        let shown = try await shown(model)
        XCTAssertEqual(shown.outcome?.status, .cancelled)
        XCTAssert(try lastLine(shown.file).contains(#""status":"cancelled""#), "the report is closed by then")
    }

    #if os(Linux)
        func testWhatFailsAfterStopIsTold() async throws {
            try haveModel()
            let model = BenchModel(folders: folders, session: session())
            model.measure()
            try await until("a run") {
                if case .running(_, let progress?, _) = model.state { progress.done >= 1 } else { false }
            }
            model.stop()
            try await withoutRoom { try await until("the end") { !model.isWorking } }
            guard case .failed(let problem) = model.state else { return XCTFail("found \(model.state)") }
            XCTAssert(problem.text.contains("too large"), problem.text)
        }

        /// For as long as `body` lasts no file of this process can grow.
        private func withoutRoom(_ body: () async throws -> Void) async throws {
            var before = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before)
            var none = rlimit(rlim_cur: 1, rlim_max: before.rlim_max)
            signal(SIGXFSZ, SIG_IGN)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &none)
            defer { setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &before) }
            try await body()
        }
    #endif

    func testWhatWasChosenAndLookedAtIsFoundAgain() async throws {
        for name in ["a.gguf", "b.gguf", "c.gguf.part"] { try write(name, "") }
        try write("report-001.jsonl", "no report")
        let first = BenchModel(folders: folders, session: session())
        XCTAssertFalse(exists("c.gguf.part"), "no copy is under way when an app begins")
        first.chosenModel = first.models.last
        first.preset = .reads
        first.show(first.reports[0])
        first.importModel(.failure(CocoaError(.fileReadNoPermission)))
        XCTAssertEqual(first.state.announcement?.hasPrefix("The file can't be opened"), true)
        let kept = try JSONDecoder().decode(Kept.self, from: try JSONEncoder().encode(first.kept))
        let second = BenchModel(folders: folders, session: session())
        second.restore(kept)
        XCTAssertEqual(second.chosenModel?.lastPathComponent, "b.gguf")
        XCTAssertEqual(second.preset, .reads)
        let shown = try await shown(second)
        XCTAssertEqual(shown.file, first.reports[0])
        guard case .unreadable(let reason) = shown.contents else { return XCTFail("found \(shown)") }
        XCTAssert(reason.contains("packbench report"), reason)
        second.home()
        let third = BenchModel(folders: folders, session: session())
        third.restore(second.kept)
        XCTAssertEqual(third.state, .idle, "nothing was looked at any more")
        second.importModel(.failure(CocoaError(.userCancelled)))
        XCTAssertEqual(second.state, .idle)
    }

    func testAGuardIsToldWithWhatToDoAndCanBeMeasuredInSpiteOf() async throws {
        try haveModel()
        let model = BenchModel(folders: folders, session: session(Facts(batteryPercent: 10, charging: true)))
        model.measure()
        try await until("the refusal") { !model.isWorking }
        guard case .failed(let problem) = model.state else { return XCTFail("found \(model.state)") }
        XCTAssertEqual(problem.guards, ["LowBattery", "Charging"])
        XCTAssert(problem.text.contains("unplug it"), problem.text)
        model.measureAllTheSame()
        try await until("a run") {
            if case .running(_, let progress?, _) = model.state { progress.done >= 1 } else { false }
        }
        model.stop()
        try await until("the end") { !model.isWorking }
        guard case .finished = model.state else { return XCTFail("found \(model.state)") }
    }

    func testAFileThatIsNoModelAndOneThatIsGoneAreRefusedInWords() async throws {
        try write("m.gguf", "no model")
        let model = BenchModel(folders: folders, session: session())
        model.measure()
        try await until("the refusal") { !model.isWorking }
        guard case .failed(let problem) = model.state else { return XCTFail("found \(model.state)") }
        XCTAssert(problem.text.contains("m.gguf"), problem.text)
        model.importModel(at: URL(fileURLWithPath: "/gone/other.gguf"))
        try await until("the refusal") { !model.isWorking }
        guard case .failed(let gone) = model.state else { return XCTFail("found \(model.state)") }
        XCTAssert(gone.text.hasPrefix("other.gguf can't be opened"), gone.text)
        model.home()
        XCTAssertEqual(model.models.map(\.lastPathComponent), ["m.gguf"], "nothing unfinished stays")
    }

    func testACopyIsEndedAtOnceAndLeavesNothing() async throws {
        let model = BenchModel(folders: folders, session: session())
        model.importModel(at: realModel)
        try await until("the copy") { if case .copying(_, .some) = model.state { true } else { false } }
        model.stop()
        try await until("the end") { !model.isWorking }
        XCTAssertEqual(model.state, .idle)
        XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folders.documents.path), [])
    }

    /// The report on the screen, read.
    private func shown(_ model: BenchModel) async throws -> ShownReport {
        var found: ShownReport?
        try await until("a report") {
            if case .finished(let shown) = model.state, shown.contents != nil { found = shown }
            return found != nil
        }
        return try XCTUnwrap(found)
    }

    private func lastLine(_ report: URL) throws -> String {
        let lines = try String(contentsOf: report, encoding: .utf8).split(separator: "\n")
        return String(try XCTUnwrap(lines.last))
    }

    private func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folders.documents.appendingPathComponent(name).path)
    }

    private func modified(_ file: URL) throws -> Date? {
        try FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date
    }

    /// Lets the model work until `condition` holds.
    private func until(_ what: String, _ condition: () -> Bool) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(300)
        while !condition() {
            if clock.now > deadline { throw TimedOut(what: what) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

private struct TimedOut: Error {
    let what: String
}
