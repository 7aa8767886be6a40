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
        phone.thermalStateChanged()
        system.thermalState = .nominal
        phone.thermalStateChanged()
        #expect(phone.facts().thermalStatus == .severe)
        #expect(phone.facts().thermalStatus == ThermalStatus.none)
    }

    @Test("a battery that isn't monitored, and memory that isn't limited, are unknown")
    func unknown() {
        let system = TestSystem(battery: Battery(level: -1, state: .unknown), availableMemory: 0)
        let facts = ApplePhone(system: system).facts()
        #expect(facts.batteryPercent == nil)
        #expect(facts.charging == nil)
        #expect(facts.memoryAvailableBytes == nil)
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
            phone.identity() == Identity(model: "iPhone16,1", system: "iOS 18.1", debuggable: true, emulator: false))
        let facts = phone.facts()
        #expect(facts.memoryAvailableBytes == 3 << 30)
        #expect(facts.powerSave == true)
        #expect(facts.foreground == false)
    }
}

private final class TestSystem: PhoneSystem, @unchecked Sendable {
    var thermalState: ThermalState?
    let battery: Battery?
    let availableMemory: Int?
    let model: String? = "iPhone16,1"
    let version: String? = "iOS 18.1"
    let isDebugged: Bool? = true
    let isSimulator = false
    let isLowPowerModeEnabled: Bool? = true
    let isForeground: Bool? = false

    init(thermalState: ThermalState? = nil, battery: Battery? = nil, availableMemory: Int? = nil) {
        (self.thermalState, self.battery, self.availableMemory) = (thermalState, battery, availableMemory)
    }
}
