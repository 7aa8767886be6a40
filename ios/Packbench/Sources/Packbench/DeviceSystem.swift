#if os(iOS)
    import Foundation
    import UIKit
    import os

    /// The phone that this process runs on.
    public struct DeviceSystem: PhoneSystem {
        public init() {}

        public var model: String? {
            ProcessInfo.processInfo.environment["SIMULATOR_MODEL_IDENTIFIER"] ?? named("hw.machine")
        }

        public var version: OperatingSystemVersion? { ProcessInfo.processInfo.operatingSystemVersion }

        public var build: String? { named("kern.osversion") }

        public var isDebugged: Bool? {
            #if DEBUG
                true
            #else
                isTraced()
            #endif
        }

        public var isSimulator: Bool {
            #if targetEnvironment(simulator)
                true
            #else
                false
            #endif
        }

        public var thermalState: ThermalState? { ThermalState(rawValue: ProcessInfo.processInfo.thermalState.rawValue) }

        public var isLowPowerModeEnabled: Bool? { ProcessInfo.processInfo.isLowPowerModeEnabled }

        public var battery: Battery? {
            onMain {
                let device = UIDevice.current
                return Battery(level: device.batteryLevel, state: Battery.State(device.batteryState))
            }
        }

        public var isForeground: Bool? { onMain { UIApplication.shared.applicationState == .active } }

        public var availableMemory: Int? { os_proc_available_memory() }

        /// UIDevice tells of the battery only who has asked for it.
        public func watch(_ told: @escaping @Sendable (SystemChange) -> Void) {
            onMain { UIDevice.current.isBatteryMonitoringEnabled = true }
            let changes: [(Notification.Name, SystemChange)] = [
                (ProcessInfo.thermalStateDidChangeNotification, .thermalState),
                (UIApplication.willResignActiveNotification, .leftFront),
                (UIApplication.didEnterBackgroundNotification, .leftFront),
            ]
            for (name, change) in changes {
                NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) { _ in told(change) }
            }
        }

        /// UIKit answers on the main thread alone. A session asks from a thread of its own, between runs.
        private func onMain<T: Sendable>(_ ask: @MainActor @Sendable () -> T) -> T {
            Thread.isMainThread
                ? MainActor.assumeIsolated(ask) : DispatchQueue.main.sync { MainActor.assumeIsolated(ask) }
        }
    }

    extension ApplePhone {
        /// This phone.
        @MainActor public static let current = ApplePhone(system: DeviceSystem())
    }

    extension Battery.State {
        fileprivate init(_ state: UIDevice.BatteryState) {
            self =
                switch state {
                case .unplugged: .unplugged
                case .charging: .charging
                case .full: .full
                case .unknown: .unknown
                @unknown default: .unknown
                }
        }
    }

    private func named(_ name: String) -> String? {
        var length = 0
        guard sysctlbyname(name, nil, &length, nil, 0) == 0, length > 1 else { return nil }
        var answer = [UInt8](repeating: 0, count: length)
        guard sysctlbyname(name, &answer, &length, nil, 0) == 0 else { return nil }
        return String(decoding: answer.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Apple's QA1361.
    private func isTraced() -> Bool? {
        var info = kinfo_proc()
        var size = MemoryLayout<kinfo_proc>.stride
        var name = [CTL_KERN, KERN_PROC, KERN_PROC_PID, getpid()]
        guard Darwin.sysctl(&name, UInt32(name.count), &info, &size, nil, 0) == 0 else { return nil }
        return info.kp_proc.p_flag & P_TRACED != 0
    }
#endif
