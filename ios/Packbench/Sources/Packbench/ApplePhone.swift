import Foundation

/// What an Apple system tells an app, before it means anything to packbench. Everything may be unknown.
public protocol PhoneSystem: Sendable {
    /// `iPhone16,1`
    var model: String? { get }
    var version: OperatingSystemVersion? { get }
    /// `22B83`
    var build: String? { get }
    /// Whether a debugger is attached, or the app was built for one.
    var isDebugged: Bool? { get }
    var isSimulator: Bool { get }
    var thermalState: ThermalState? { get }
    var isLowPowerModeEnabled: Bool? { get }
    var battery: Battery? { get }
    var isForeground: Bool? { get }
    /// What `os_proc_available_memory` answers: 0 when it can't say.
    var availableMemory: Int? { get }
    /// Has `told` called at each change, as long as the process lives.
    func watch(_ told: @escaping @Sendable (SystemChange) -> Void)
}

/// What a system tells without being asked.
public enum SystemChange: Sendable {
    /// It has become warmer or cooler.
    case thermalState
    /// The app is no longer in front.
    case leftFront
}

/// `ProcessInfo.ThermalState`, which Linux lacks.
public enum ThermalState: Int, Sendable, Comparable, CaseIterable {
    case nominal, fair, serious, critical

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// `UIDevice`'s battery.
public struct Battery: Sendable, Equatable {
    public enum State: Sendable, CaseIterable { case unknown, unplugged, charging, full }

    /// 0 to 1; -1 when the system doesn't tell.
    public let level: Float
    public let state: State

    public init(level: Float, state: State) {
        self.level = level
        self.state = state
    }
}

/// An iPhone's facts in packbench's words. What follows from them Rust decides. What lies between two questions counts
/// as well: a run that iOS suspended would otherwise look like one that took long.
public final class ApplePhone: Phone {
    private let system: any PhoneSystem
    private let worst = Worst()

    public init(system: any PhoneSystem) {
        self.system = system
        // iOS tells of changes only those who have asked before.
        _ = system.thermalState
        system.watch { [worst] change in
            switch change {
            case .thermalState: system.thermalState.map(worst.raise(to:))
            case .leftFront: worst.leaveFront()
            }
        }
    }

    public func identity() -> Identity {
        Identity(
            model: system.model,
            system: system.version.map { named($0, build: system.build) },
            debuggable: system.isDebugged,
            emulator: system.isSimulator
        )
    }

    public func facts() -> Facts {
        let hasLeft = worst.takeHasLeft()
        return Facts(
            thermalStatus: system.thermalState.map { status(worst.take(now: $0)) },
            batteryPercent: system.battery?.percent,
            charging: system.battery?.isCharging,
            powerSave: system.isLowPowerModeEnabled,
            foreground: system.isForeground.map { $0 && !hasLeft },
            processMemoryLeftBytes: system.availableMemory.flatMap { $0 > 0 ? UInt64($0) : nil }
        )
    }

    /// `iOS 18.1 (22B83)`
    private func named(_ version: OperatingSystemVersion, build: String?) -> String {
        let patch = version.patchVersion == 0 ? "" : ".\(version.patchVersion)"
        let number = "iOS \(version.majorVersion).\(version.minorVersion)\(patch)"
        return build.map { "\(number) (\($0))" } ?? number
    }

    /// Apple's four words among Android's seven.
    private func status(_ state: ThermalState) -> ThermalStatus {
        switch state {
        case .nominal: .none
        case .fair: .light
        case .serious: .severe
        case .critical: .critical
        }
    }
}

extension Battery {
    var percent: UInt32? { (0...1).contains(level) ? UInt32((level * 100).rounded()) : nil }

    /// A full battery on the cable draws nothing to speak of.
    var isCharging: Bool? {
        switch state {
        case .unknown: nil
        case .charging: true
        case .unplugged, .full: false
        }
    }
}

/// The warmest since somebody asked, and whether the app has left the front since.
private final class Worst: @unchecked Sendable {
    // Guarded by the lock.
    private var state = ThermalState.nominal
    private var hasLeft = false
    private let lock = NSLock()

    func raise(to new: ThermalState) {
        lock.withLock { state = max(state, new) }
    }

    func take(now: ThermalState) -> ThermalState {
        lock.withLock {
            defer { state = now }
            return max(state, now)
        }
    }

    func leaveFront() {
        lock.withLock { hasLeft = true }
    }

    func takeHasLeft() -> Bool {
        lock.withLock {
            defer { hasLeft = false }
            return hasLeft
        }
    }
}
