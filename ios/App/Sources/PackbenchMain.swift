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
        let session = BenchSession(phone: ApplePhone.current(), cache: folders.cache)
        _bench = StateObject(wrappedValue: BenchModel(folders: folders, session: session))
        headless = Headless(arguments: CommandLine.arguments, folders: folders, session: session) { line in
            // Whoever launched the app reads a pipe: each line is to come at once.
            FileHandle.standardOutput.write(Data((line + "\n").utf8))
        }
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

    var body: some View {
        ProgressView("Measuring")
            .task {
                keepScreenOn(true)
                let ended = await headless.run()
                exit(ended.verdict.rawValue)
            }
    }
}

@MainActor
private func keepScreenOn(_ isOn: Bool) {
    UIApplication.shared.isIdleTimerDisabled = isOn
}
