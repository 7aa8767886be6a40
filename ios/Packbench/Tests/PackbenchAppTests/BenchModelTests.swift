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

        model.measure()
        XCTAssert(model.isWorking)
        try await until("a run") {
            if case .running(_, let progress?, false) = model.state { progress.done >= 1 } else { false }
        }
        model.stop()
        guard case .running(_, _, isStopping: true) = model.state else { return XCTFail("found \(model.state)") }
        try await until("the end") { !model.isWorking }
        guard case .finished(let report, _) = model.state else { return XCTFail("found \(model.state)") }
        let bars = try medians(path: report.path)
        XCTAssertFalse(bars.isEmpty)
        XCTAssert(bars.allSatisfy { $0.spoken.contains(copy.lastPathComponent) })
        model.home()
        XCTAssertEqual(model.reports, [report])
    }

    func testWhatADeadProcessHadFinishedIsShownAndGoneOnWith() async throws {
        try haveModel()
        let report = try await cutReport(folders, session())
        let model = BenchModel(folders: folders, session: session())
        model.show(try XCTUnwrap(model.reports.first))
        XCTAssertEqual(model.state, .finished(report: report, nil))
        model.goOn(with: report)
        try await until("the end") { !model.isWorking }
        guard case .finished(_, let outcome?) = model.state else { return XCTFail("found \(model.state)") }
        XCTAssertEqual(outcome.missing, 0)
        XCTAssertEqual(outcome.text, "Complete: 2 runs.")
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
