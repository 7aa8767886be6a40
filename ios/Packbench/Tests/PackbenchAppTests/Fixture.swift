import Foundation
import Packbench
import PackbenchApp
import Support
import XCTest

/// What was told, from any thread.
final class Told: @unchecked Sendable {
    private var all: [String] = []
    private let lock = NSLock()

    var lines: [String] { lock.withLock { all } }

    @Sendable func append(_ line: String) {
        lock.withLock { all.append(line) }
    }
}

/// Files of an Apple system: which were kept out of backups, and which lent.
final class TestFiles: FileSystem, @unchecked Sendable {
    // Guarded by the lock.
    private var all: (outOfBackups: [String], lent: [URL]) = ([], [])
    private let lock = NSLock()

    var outOfBackups: [String] { lock.withLock { all.outOfBackups } }
    var lent: [URL] { lock.withLock { all.lent } }

    func keepOutOfBackups(_ file: URL) {
        lock.withLock { all.outOfBackups.append(file.lastPathComponent) }
    }

    func lend<T: Sendable>(
        _ document: URL, to body: @escaping @Sendable (URL, Stop) throws -> T
    ) async throws -> T {
        lock.withLock { all.lent.append(document) }
        return try await DeviceFiles().lend(document, to: body)
    }
}

/// An app's container on the disk of the build, for what lies in memory can't be evicted.
/// XCTest uses one from one thread at a time.
class AppTestCase: XCTestCase, @unchecked Sendable {
    private(set) var folders: Folders!
    private(set) var realModel: URL!
    let system = TestFiles()

    static let shortJob = #"""
        {"models":[{"path":"/on/a/computer/m.gguf"}],"probes":["faults"],"policies":["normal","random"],
         "patterns":["sequential"],"caches":["cold"],"blocks":1,"wait_ms":0}
        """#

    override func setUpWithError() throws {
        realModel = try XCTUnwrap(Support.realModel(), "there is no model: scripts/get-model smollm2")
        let container = scratch().appendingPathComponent("container-\(UUID().uuidString)")
        folders = Folders(
            documents: container.appendingPathComponent("Documents"),
            cache: container.appendingPathComponent("Caches"),
            system: system
        )
        try FileManager.default.createDirectory(at: folders.documents, withIntermediateDirectories: true)
    }

    override func tearDownWithError() throws {
        if let folders { try FileManager.default.removeItem(at: folders.documents.deletingLastPathComponent()) }
    }

    func session(_ facts: Facts = Facts()) -> BenchSession {
        BenchSession(phone: TestPhone(facts), cache: folders.cache)
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folders.documents.appendingPathComponent(name))
    }

    func haveModel() throws {
        try FileManager.default.copyItem(at: realModel, to: folders.documents.appendingPathComponent("m.gguf"))
    }
}

/// A report of which the last run and the end are missing.
func cutReport(_ folders: Folders, _ session: BenchSession) async throws -> URL {
    try Data(AppTestCase.shortJob.utf8).write(to: folders.documents.appendingPathComponent("job.json"))
    let headless = Headless(arguments: ["app", "--job", "job.json"], folders: folders, session: session) { _ in }
    let ended = await (try XCTUnwrap(headless)).run()
    let report = try XCTUnwrap(ended.report)
    let lines = try String(contentsOf: report, encoding: .utf8).components(separatedBy: "\n")
    let lastRun = try XCTUnwrap(lines.lastIndex { $0.hasPrefix(#"{"kind":"run""#) })
    try Data((lines[..<lastRun].joined(separator: "\n") + "\n").utf8).write(to: report)
    return report
}
