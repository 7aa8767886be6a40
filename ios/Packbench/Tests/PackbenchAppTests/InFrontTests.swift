import PackbenchApp
import XCTest

@MainActor
final class InFrontTests: XCTestCase, @unchecked Sendable {
    func testASessionBeginsWhenTheAppIsInFrontAndNotBefore() async {
        var asked = 0
        await untilInFront {
            asked += 1
            return asked == 3
        }
        XCTAssertEqual(asked, 3)
    }

    func testAnAppThatIsNeverInFrontIsNotWaitedForForEver() async {
        await untilInFront(within: .milliseconds(100)) { false }
    }

    func testOneThatIsToEndIsNotWaitedFor() async {
        let waiting = Task { await untilInFront(within: .seconds(3600)) { false } }
        waiting.cancel()
        await waiting.value
    }
}
