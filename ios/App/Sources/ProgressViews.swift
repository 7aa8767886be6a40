import Packbench
import PackbenchApp
import SwiftUI

/// A session under way.
struct RunView: View {
    let progress: SessionProgress?
    let isStopping: Bool
    let stop: @MainActor () -> Void

    var body: some View {
        Form {
            Section {
                if let progress {
                    ProgressView(value: Double(progress.done), total: Double(max(progress.total, 1))) {
                        Text(progress.count)
                    }
                    .accessibilityAddTraits(.updatesFrequently)
                    Text(progress.text).font(.footnote).foregroundStyle(.secondary)
                } else {
                    ProgressView("Starting")
                }
            } footer: {
                Text("Keep the app in front and the phone still: it measures.")
            }
            Button(isStopping ? "Stopping after this run" : "Stop", role: .destructive, action: stop)
                .disabled(isStopping)
        }
    }
}

/// A model that is being copied in.
struct CopyView: View {
    let name: String
    let progress: ModelStore.Progress?
    let stop: @MainActor () -> Void

    var body: some View {
        Form {
            Section(progress?.isChecking == true ? "Checking the copy of \(name)" : "Copying \(name)") {
                if let progress {
                    ProgressView(value: Double(progress.done), total: Double(max(progress.total, 1))) {
                        Text(bytes(progress.done))
                    }
                    .accessibilityAddTraits(.updatesFrequently)
                } else {
                    ProgressView("Starting")
                }
            }
            Button("Stop", role: .destructive, action: stop)
        }
    }
}
