import Packbench
import PackbenchApp
import SwiftUI

/// A screen for each state.
struct RootView: View {
    @ObservedObject var bench: BenchModel
    /// What was looked at is looked at again after iOS has ended the app.
    @SceneStorage("report") private var shownReport: String?

    var body: some View {
        NavigationStack {
            screen
                .navigationTitle("packbench")
                .navigationBarTitleDisplayMode(.inline)
        }
        .onAppear(perform: restore)
        .onChange(of: bench.state) { shownReport = $0.report?.lastPathComponent }
    }

    @ViewBuilder
    private var screen: some View {
        switch bench.state {
        case .idle: HomeView(bench: bench)
        case .copying(let name, let progress): CopyView(name: name, progress: progress, stop: bench.stop)
        case .running(_, let progress, let isStopping):
            RunView(progress: progress, isStopping: isStopping, stop: bench.stop)
        case .finished(let report, let outcome): ResultView(bench: bench, report: report, outcome: outcome)
        case .failed(let problem): ProblemView(bench: bench, problem: problem)
        }
    }

    private func restore() {
        guard case .idle = bench.state, let name = shownReport else { return }
        if let report = bench.reports.first(where: { $0.lastPathComponent == name }) { bench.show(report) }
    }
}

extension BenchState {
    fileprivate var report: URL? {
        switch self {
        case .running(let report, _, _), .finished(let report, _): report
        case .idle, .copying, .failed: nil
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
