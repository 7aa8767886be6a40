import Foundation
import PackbenchApp
import XCTest

final class FileSystemTests: XCTestCase, @unchecked Sendable {
    private let document = URL(fileURLWithPath: "/nowhere")

    func testADocumentIsReadOnAThreadOfItsOwn() async throws {
        let isOfTask = try await DeviceFiles().lend(document) { _, _ in withUnsafeCurrentTask { $0 != nil } }
        XCTAssertFalse(isOfTask, "Swift's own threads mustn't be blocked")
    }

    func testWhoeverReadsIsAskedToStopAndWhatCameOfItCounts() async throws {
        let reading = Task {
            try await DeviceFiles().lend(self.document) { _, stop in
                while !stop.isAsked { Thread.sleep(forTimeInterval: 0.001) }
                return "whole"
            }
        }
        reading.cancel()
        let read = try await reading.value
        XCTAssertEqual(read, "whole")
    }
}
