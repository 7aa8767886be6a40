import Packbench
import PackbenchApp
import SwiftUI

@main
struct PackbenchMain: App {
    @StateObject private var bench: BenchModel
    private let headless: Headless?

    init() {
        let folders: Folders
        do {
            folders = try Folders.standard()
        } catch {
            fatalError("iOS gives every app a Documents folder: \(error)")
        }
        let session = BenchSession(phone: ApplePhone.current, cache: folders.cache)
        _bench = StateObject(wrappedValue: BenchModel(folders: folders, session: session))
        headless = Headless(
            arguments: CommandLine.arguments,
            folders: folders,
            session: session,
            tell: Console().tell
        )
    }

    var body: some Scene {
        WindowGroup {
            Group {
                if let headless { HeadlessView(headless: headless) } else { RootView(bench: bench) }
            }
            .onChange(of: bench.isWorking) { keepScreenOn($0) }
        }
    }
}

/// A session without a touch: with the app in front and the screen on, for iOS gives everything else slower processors.
private struct HeadlessView: View {
    let headless: Headless
    @Environment(\.scenePhase) private var phase
    @State private var session: Task<Void, Never>?

    var body: some View {
        // Nothing moves: drawing takes power and time from what is measured.
        Text("Measuring")
            .onAppear {
                guard session == nil else { return }
                keepScreenOn(true)
                session = Task {
                    await untilInFront { UIApplication.shared.applicationState == .active }
                    let ended = await headless.run()
                    exit(ended.ending.rawValue)
                }
            }
            .onChange(of: phase) { phase in
                guard phase == .background, let session else { return }
                inBackground {
                    session.cancel()
                    await session.value
                }
            }
    }
}

@MainActor
private func keepScreenOn(_ isOn: Bool) {
    UIApplication.shared.isIdleTimerDisabled = isOn
}

/// Lets `work` go on after the app was left, for as long as iOS allows.
@MainActor
func inBackground(_ work: @escaping @MainActor () async -> Void) {
    let time = BackgroundTime()
    Task {
        await work()
        time.end()
    }
}

@MainActor
private final class BackgroundTime {
    private var id = UIBackgroundTaskIdentifier.invalid

    init() {
        id = UIApplication.shared.beginBackgroundTask { [weak self] in
            // iOS ends an app that keeps it longer.
            MainActor.assumeIsolated { self?.end() }
        }
    }

    func end() {
        guard id != .invalid else { return }
        UIApplication.shared.endBackgroundTask(id)
        id = .invalid
    }
}
