import Packbench
import PackbenchApp
import SwiftUI

/// A screen for each state.
struct RootView: View {
    @ObservedObject var bench: BenchModel
    @Environment(\.scenePhase) private var phase
    @SceneStorage("kept") private var kept: Data?

    var body: some View {
        NavigationStack {
            screen
                .navigationTitle("packbench")
                .navigationBarTitleDisplayMode(.inline)
        }
        .onAppear {
            if let kept = kept.flatMap({ try? JSONDecoder().decode(Kept.self, from: $0) }) { bench.restore(kept) }
        }
        .onChange(of: bench.kept) { kept = try? JSONEncoder().encode($0) }
        .onChange(of: bench.state.announcement) { text in
            if let text { UIAccessibility.post(notification: .announcement, argument: text) }
        }
        .onChange(of: phase) { phase in
            if phase == .background, bench.isWorking { inBackground(bench.leaveFront) }
        }
    }

    @ViewBuilder
    private var screen: some View {
        switch bench.state {
        case .idle: HomeView(bench: bench)
        case .copying(let name, let progress): CopyView(name: name, progress: progress, stop: bench.stop)
        case .running(_, let progress, let isStopping):
            RunView(progress: progress, isStopping: isStopping, stop: bench.stop)
        case .finished(let shown): ResultView(bench: bench, shown: shown)
        case .failed(let problem): ProblemView(bench: bench, problem: problem)
        }
    }
}

private struct ProblemView: View {
    let bench: BenchModel
    let problem: Problem

    var body: some View {
        Form {
            Section("That did not work") {
                Text(problem.text).textSelection(.enabled)
            }
            if !problem.guards.isEmpty {
                Button("Measure all the same", action: bench.measureAllTheSame)
            }
            Button("Back", action: bench.home)
        }
    }
}
