import Foundation
import Packbench
import PackbenchApp
import UIKit
import XCTest

/// Runs a job wherever `xcodebuild test` does, and attaches the report.
///
/// `PACKBENCH_JOB` is the job, as JSON, whose models are files in this test bundle's Resources or in the app's
/// Documents; `PACKBENCH_COMPARE` the field whose arms decide. xcodebuild hands both on under
/// `TEST_RUNNER_PACKBENCH_JOB` and `TEST_RUNNER_PACKBENCH_COMPARE`.
final class BenchmarkTests: XCTestCase {
    private let environment = ProcessInfo.processInfo.environment
    private let system = DeviceFiles()

    override func setUp() async throws {
        await MainActor.run { UIApplication.shared.isIdleTimerDisabled = true }
        await untilInFront { UIApplication.shared.applicationState == .active }
    }

    func testJob() async throws {
        guard let json = environment["PACKBENCH_JOB"] else { throw XCTSkip("set TEST_RUNNER_PACKBENCH_JOB to a job") }
        let report = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString).jsonl")
        defer { attach(report) }
        let folders = try Folders.standard()
        let bench = BenchSession(phone: await ApplePhone.current, cache: folders.cache)
        var outcome: Outcome?
        do {
            for try await event in await bench.run(Job(json: try placed(json, in: folders)), report: report) {
                if case .finished(let last) = event { outcome = last }
            }
        } catch let error as PackbenchError {
            return XCTFail(error.reason)
        }
        let ended = try XCTUnwrap(outcome, "the session told no end")
        XCTAssertEqual(ended.failed, 0, "the attached report says why")
        XCTAssertEqual(ended.missing, 0, "the session was cut short: \(ended.status)")
        XCTAssertNil(ended.problem)
        guard let field = environment["PACKBENCH_COMPARE"] else { return }
        let answer = try compare(path: report.path, question: Question(by: field, allow: ["payload"]))
        XCTAssertEqual(answer.gate, .passed, answer.json)
    }

    private func attach(_ report: URL) {
        guard FileManager.default.fileExists(atPath: report.path) else { return }
        let attachment = XCTAttachment(contentsOfFile: report)
        attachment.lifetime = .keepAlways
        attachment.name = "report.jsonl"
        add(attachment)
    }

    /// The same job, its models where they lie here. Those of the bundle are copied once: residency can only be asked
    /// of files that belong to the app.
    private func placed(_ json: String, in folders: Folders) throws -> String {
        guard var job = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let models = job["models"] as? [[String: Any]]
        else { throw PackbenchError.Job(reason: "PACKBENCH_JOB is no job: it names no models") }
        job["models"] = try models.map { model in
            let name = URL(fileURLWithPath: model["path"] as? String ?? "").lastPathComponent
            return model.merging(["path": try owned(name, in: folders).path]) { _, owned in owned }
        }
        return String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
    }

    private func owned(_ name: String, in folders: Folders) throws -> URL {
        let model = folders.documents.appendingPathComponent(name)
        if !FileManager.default.fileExists(atPath: model.path) {
            let bundled = try XCTUnwrap(
                Bundle(for: Self.self).url(forResource: name, withExtension: nil),
                "\(name) is neither in the test bundle nor in the app's Documents"
            )
            try FileManager.default.copyItem(at: bundled, to: model)
        }
        system.keepOutOfBackups(model)
        return model
    }
}
