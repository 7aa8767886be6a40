// As much of UIKit as ios/App uses, to compile it where there is no UIKit. Nothing of it does anything.
@_exported import Foundation
import Packbench
import XCTest

@MainActor
open class UIApplication {
    public enum State: Sendable { case active, inactive, background }

    public static var shared: UIApplication { fatalError() }
    public var isIdleTimerDisabled: Bool {
        get { fatalError() }
        set { fatalError() }
    }
    public var applicationState: State { fatalError() }

    public func beginBackgroundTask(
        expirationHandler: (@MainActor @Sendable () -> Void)? = nil
    ) -> UIBackgroundTaskIdentifier { fatalError() }
    public func endBackgroundTask(_ identifier: UIBackgroundTaskIdentifier) {}
}

public struct UIBackgroundTaskIdentifier: Hashable, Sendable {
    public static let invalid = UIBackgroundTaskIdentifier()
}

@MainActor
public enum UIAccessibility {
    public struct Notification: Sendable {
        public static let announcement = Notification()
    }

    public static func post(notification: Notification, argument: Any?) {}
}

extension ApplePhone {
    // It is in DeviceSystem.swift, of which Linux compiles nothing.
    @MainActor public static var current: ApplePhone { fatalError() }
}

// Linux' XCTest has no attachments.

public final class XCTAttachment {
    public enum Lifetime { case keepAlways, deleteOnSuccess }

    public init(contentsOfFile url: URL) {}
    public var lifetime = Lifetime.deleteOnSuccess
    public var name: String?
}

extension XCTestCase {
    public func add(_ attachment: XCTAttachment) {}
}
