import Foundation
import Packbench
import Support
import XCTest

/// Sessions on a real model, in the library that phones get but for their processor.
final class SessionTests: SessionTestCase {
    func testEveryProbeIsMeasuredButAFirstTokenInAProcessOfItsOwn() async throws {
        let all = job(
            #"""
            "probes":["faults","reads","replay","first_token"],"policies":["normal","stream"],
            "ways":["process","remap"],"prompts":[1],"io_sizes_bytes":[1048576],"patterns":["sequential"],"caches":["cold"],"blocks":1
            """#)
        let outcome = try await outcome(of: bench.run(all, report: report))
        XCTAssertEqual(outcome.status, .complete)
        let runs = try lines("run")
        let measured = runs.filter { $0.contains(#""status":"ok""#) }
        let probes = ["faults", "reads", "replay", "floor", "first_token"]
        for probe in probes {
            XCTAssert(measured.contains { $0.contains(#""probe":"\#(probe)""#) }, "no run of \(probe)")
        }
        let failed = runs.filter { !measured.contains($0) }
        XCTAssertEqual(UInt64(failed.count), outcome.failed)
        XCTAssertFalse(failed.isEmpty)
        XCTAssert(failed.allSatisfy { $0.contains("an app has only this one") }, "\(failed)")
        XCTAssertEqual(try medians(path: report.path).count, measured.count)
        try leaveForTheSchema()
    }

    func testPackbenchItselfAcceptsTheReport() async throws {
        let two = job(
            #"""
            "probes":["faults"],"policies":["normal","random"],"patterns":["sequential"],"caches":["cold"],"blocks":6
            """#)
        _ = try await outcome(of: bench.run(two, report: report))
        let answer = try compare(path: report.path, question: Question(by: "policy"))
        let (printed, code) = try packbench("compare", report.path, "--by", "policy", "--json")
        XCTAssertEqual(printed, answer.json)
        let codes: [Gate: Int32] = [.passed: 0, .regression: 1, .invalid: 2]
        XCTAssertEqual(code, codes[answer.gate])
        XCTAssertEqual(try packbench("report", report.path).code, 0)
        try leaveForTheSchema()
    }

    func testEventsTellEachLineOfTheReportInOrder() async throws {
        var told: [SessionProgress] = []
        var last: Event?
        for try await event in await bench.run(shortJob, report: report) {
            if case .progress(let progress) = event { told.append(progress) }
            last = event
        }
        XCTAssertEqual(try lines(), told.map(\.line))
        XCTAssertEqual(told.map(\.done), told.map(\.done).sorted())
        XCTAssertEqual(told.last?.total, told.last?.done)
        guard case .finished = last else { return XCTFail("found \(String(describing: last)) at the end") }
    }

    /// Whoever reads the events does so while the session goes on: in a measured region there is nothing to read.
    func testNothingIsToReadWhileSomethingIsMeasured() async throws {
        let report = report
        for try await event in await bench.run(shortJob, report: report) {
            guard case .progress(let progress) = event else { continue }
            // It was handed on with a line that came after the region.
            if progress.line.contains(#""phase":"measure""#) {
                let written = try lines()
                let place = try XCTUnwrap(written.firstIndex(of: progress.line))
                XCTAssertGreaterThan(written.count, place + 1)
            }
        }
    }

    func testCancellingTheTaskEndsTheSessionAfterTheRunUnderWayAndItCanBeGoneOnWith() async throws {
        let bench = bench
        let long = job(#""probes":["faults"],"blocks":1000"#, budgetMs: 600_000)
        try await cancelWhen({ $0.done == 1 }, await bench.run(long, report: report))
        guard case .finished(let outcome) = try await bench.ended() else { return XCTFail("it told no end") }
        XCTAssertEqual(outcome.status, .cancelled)
        XCTAssertGreaterThan(outcome.missing, 0)
        XCTAssert(try XCTUnwrap(try lines().last).contains(#""status":"cancelled""#), "the report is closed by then")
        let before = try lines("run").count
        XCTAssertGreaterThan(before, 0)
        let models = [model.lastPathComponent: model!]
        try await cancelWhen({ $0.done > before }, await bench.resume(report, models: models))
        try await bench.ended()
        XCTAssertGreaterThan(try lines("run").count, before)
        XCTAssertEqual(try lines("header").count, 2)
        try leaveForTheSchema()
    }

    func testASecondSessionIsToldThatOneIsUnderWay() async throws {
        let first = bench
        let second = bench
        var events = await first.run(shortJob, report: report).makeAsyncIterator()
        _ = try await events.next()
        await assertReason("Busy", "another session") {
            _ = try await self.outcome(of: second.run(self.shortJob, report: self.report.appendingPathExtension("2")))
        }
        while try await events.next() != nil {}
        XCTAssertEqual(try lines("end").count, 1)
    }

    func testOneThatIsRefusedDoesNotHideTheEndOfTheOneUnderWay() async throws {
        let bench = bench
        var events = await bench.run(shortJob, report: report).makeAsyncIterator()
        _ = try await events.next()
        await assertReason("Busy", "another session") {
            _ = try await self.outcome(of: bench.run(self.shortJob, report: self.report.appendingPathExtension("2")))
        }
        guard case .finished(let outcome) = try await bench.ended() else { return XCTFail("it told no end") }
        XCTAssertEqual(outcome.status, .complete)
        XCTAssertEqual(try lines("end").count, 1)
    }

    func testEachMistakeIsAnErrorOfItsOwnKindWithTheReasonInWords() async throws {
        func refused(_ job: Job, _ phone: any Phone = TestPhone()) async throws {
            _ = try await outcome(of: bench(phone).run(job, report: report))
        }
        let none = URL(fileURLWithPath: "/none.gguf")
        await assertReason("Job", "key must be a string") { try await refused(Job(json: "{]")) }
        await assertReason("Job", "names no model") { try await refused(Job(json: "{}")) }
        await assertReason("Model", "No such file") { try await refused(self.job(#""blocks":1"#, of: none)) }
        await assertReason("Guarded", "unplug it") {
            try await refused(self.shortJob, TestPhone(Facts(charging: true)))
        }
        await assertReason("App", "out of order") { try await refused(self.shortJob, BrokenPhone()) }
        await assertReason("Report", "No such file") { _ = try medians(path: "/none") }
        await assertReason("Model", "No such file") { _ = try inspect(path: "/none") }
        XCTAssertFalse(
            FileManager.default.fileExists(atPath: report.path), "a session that can't begin leaves no report")
        try Data("taken".utf8).write(to: report)
        await assertReason("Report", "exists") { try await refused(self.shortJob) }
        await assertReason("Report", "is this a packbench report") {
            _ = try compare(path: self.report.path, question: Question(by: "policy"))
        }
    }

    /// None can be raised from here: what panics is Rust's, and tested there.
    func testABugIsToldInItsOwnWords() {
        XCTAssertEqual(PackbenchError.Bug(reason: "index out of bounds").reason, "index out of bounds")
    }

    func testAQuestionThatAReportHasNoAnswerToSaysWhy() async throws {
        _ = try await outcome(of: bench.run(shortJob, report: report))
        for (field, words) in [("policy", "no two arms"), ("colour", "colour")] {
            await assertReason("Question", words) {
                _ = try compare(path: self.report.path, question: Question(by: field))
            }
        }
    }

    /// Those that `bindings/facades.tsv` names, which a test of Rust's holds against core's.
    func testEachGuardIsFoundByWhatTheAppTells() async throws {
        let phones = [
            "Debuggable": TestPhone(Facts(), Identity(debuggable: true)),
            "Emulator": TestPhone(Facts(), Identity(emulator: true)),
            "LowBattery": TestPhone(Facts(batteryPercent: 24)),
            "Charging": TestPhone(Facts(charging: true)),
            "PowerSave": TestPhone(Facts(powerSave: true)),
            "Background": TestPhone(Facts(foreground: false)),
        ]
        let table = try repository().appendingPathComponent("bindings/facades.tsv")
        let rows = try String(contentsOf: table, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: "\t")
        }
        XCTAssertEqual(Set(phones.keys), Set(rows.filter { $0[0] == "guard" }.map { String($0[1]) }))
        for (name, phone) in phones {
            do {
                _ = try await outcome(of: bench(phone).run(shortJob, report: report))
                XCTFail("found no guard, expected \(name)")
            } catch PackbenchError.Guarded(let guards, _) {
                XCTAssertEqual(guards, [name])
            }
        }
    }

    func testASuppressedGuardIsACaveatOfEachRun() async throws {
        let phone = TestPhone(Facts(thermalStatus: ThermalStatus.none, charging: true))
        let job = Job(json: shortJob.json.dropLast() + #","suppress":["Charging"]}"#)
        _ = try await outcome(of: bench(phone).run(job, report: report))
        let runs = try lines("run")
        XCTAssertFalse(runs.isEmpty)
        XCTAssert(runs.allSatisfy { $0.contains(#""Charging""#) })
        XCTAssert(try XCTUnwrap(try lines().first).contains(#""model":"Test Phone""#))
        try leaveForTheSchema()
    }

    func testAModelTellsWhatItHolds() throws {
        XCTAssert(try inspect(path: model.path).contains(#""architecture": "llama""#))
    }

    /// Cancels the task that reads `events` from inside of it, as soon as `isEnough`.
    private func cancelWhen(
        _ isEnough: @escaping @Sendable (SessionProgress) -> Bool,
        _ events: BenchSession.Events
    ) async throws {
        let reading = Task {
            for try await event in events {
                if case .progress(let progress) = event, isEnough(progress) { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        try await reading.value
    }

    private func packbench(_ arguments: String...) throws -> (printed: String, code: Int32) {
        let (process, output) = (Process(), Pipe())
        process.executableURL = try repository().appendingPathComponent("target/debug/packbench")
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (printed.trimmingCharacters(in: .whitespacesAndNewlines), process.terminationStatus)
    }
}
