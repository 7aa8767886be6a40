import Foundation
import Packbench
import Testing

@Suite("What an Apple system tells, in packbench's words")
struct ApplePhoneTests {
    @Test(
        "each thermal state has its status",
        arguments: [
            (ThermalState.nominal, ThermalStatus.none), (.fair, .light), (.serious, .severe), (.critical, .critical),
        ])
    func thermal(state: ThermalState, status: ThermalStatus) {
        #expect(ApplePhone(system: TestSystem(thermalState: state)).facts().thermalStatus == status)
    }

    @Test("what was warmest between two questions is told once")
    func worst() {
        let system = TestSystem(thermalState: .nominal)
        let phone = ApplePhone(system: system)
        system.thermalState = .serious
        system.tell(.thermalState)
        system.thermalState = .nominal
        system.tell(.thermalState)
        #expect(phone.facts().thermalStatus == .severe)
        #expect(phone.facts().thermalStatus == ThermalStatus.none)
    }

    @Test("an app that left the front and came back between two questions was in the background, once")
    func left() {
        let system = TestSystem(isForeground: true)
        let phone = ApplePhone(system: system)
        #expect(phone.facts().foreground == true)
        system.tell(.leftFront)
        #expect(phone.facts().foreground == false)
        #expect(phone.facts().foreground == true)
    }

    @Test("the thermal state is asked before changes are: iOS tells of them nobody else")
    func order() {
        let system = TestSystem(thermalState: .nominal)
        _ = ApplePhone(system: system)
        #expect(system.asked == ["thermalState", "watch"])
    }

    @Test(
        "a system is called as its makers do",
        arguments: [
            (OperatingSystemVersion(majorVersion: 18, minorVersion: 1, patchVersion: 0), "22B83", "iOS 18.1 (22B83)"),
            (OperatingSystemVersion(majorVersion: 16, minorVersion: 7, patchVersion: 10), nil, "iOS 16.7.10"),
        ])
    func version(version: OperatingSystemVersion, build: String?, name: String) {
        #expect(ApplePhone(system: TestSystem(version: version, build: build)).identity().system == name)
    }

    @Test("a battery that isn't monitored, and memory that isn't limited, are unknown")
    func unknown() {
        let system = TestSystem(battery: Battery(level: -1, state: .unknown), availableMemory: 0)
        let facts = ApplePhone(system: system).facts()
        #expect(facts.batteryPercent == nil)
        #expect(facts.charging == nil)
        #expect(facts.processMemoryLeftBytes == nil)
        #expect(facts.thermalStatus == nil)
    }

    @Test(
        "only a battery that is being charged counts as charging",
        arguments: [(Battery.State.charging, true), (.full, false), (.unplugged, false)])
    func charging(state: Battery.State, isCharging: Bool) {
        let facts = ApplePhone(system: TestSystem(battery: Battery(level: 0.249, state: state))).facts()
        #expect(facts.charging == isCharging)
        #expect(facts.batteryPercent == 25)
    }

    @Test("the rest goes through as it is")
    func rest() {
        let system = TestSystem(availableMemory: 3 << 30)
        let phone = ApplePhone(system: system)
        #expect(
            phone.identity() == Identity(model: "iPhone16,1", system: nil, debuggable: true, emulator: false))
        let facts = phone.facts()
        #expect(facts.processMemoryLeftBytes == 3 << 30)
        #expect(facts.memoryAvailableBytes == nil, "how much the phone has left iOS tells nobody")
        #expect(facts.powerSave == true)
        #expect(facts.foreground == false)
    }
}

private final class TestSystem: PhoneSystem, @unchecked Sendable {
    var thermalState: ThermalState? {
        get {
            asked.append("thermalState")
            return warmth
        }
        set { warmth = newValue }
    }
    private var warmth: ThermalState?
    private var told: (@Sendable (SystemChange) -> Void)?
    private(set) var asked: [String] = []
    let battery: Battery?
    let availableMemory: Int?
    let model: String? = "iPhone16,1"
    let version: OperatingSystemVersion?
    let build: String?
    let isDebugged: Bool? = true
    let isSimulator = false
    let isLowPowerModeEnabled: Bool? = true
    let isForeground: Bool?

    init(
        thermalState: ThermalState? = nil,
        battery: Battery? = nil,
        availableMemory: Int? = nil,
        isForeground: Bool? = false,
        version: OperatingSystemVersion? = nil,
        build: String? = nil
    ) {
        (warmth, self.battery, self.availableMemory) = (thermalState, battery, availableMemory)
        (self.isForeground, self.version, self.build) = (isForeground, version, build)
    }

    func watch(_ told: @escaping @Sendable (SystemChange) -> Void) {
        asked.append("watch")
        self.told = told
    }

    func tell(_ change: SystemChange) {
        told?(change)
    }
}
