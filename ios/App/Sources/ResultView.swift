import Charts
import Packbench
import PackbenchApp
import SwiftUI

/// A report: each case by its median, and the file itself to hand on.
struct ResultView: View {
    let bench: BenchModel
    let shown: ShownReport

    var body: some View {
        Form {
            Section(shown.file.lastPathComponent) {
                if let outcome = shown.outcome { Text(outcome.text) }
                contents
            }
            Section {
                ShareLink("Share the report", item: shown.file)
                if shown.canGoOn {
                    Button("Go on") { bench.goOn(with: shown.file) }
                }
                Button("Back", action: bench.home)
            }
        }
    }

    @ViewBuilder
    private var contents: some View {
        switch shown.contents {
        case nil: ProgressView()
        case .medians(let medians, _) where medians.isEmpty: Text("No run was measured yet.")
        case .medians(let medians, _):
            Text("Median wall time of each case; the line spans the shortest and the longest.")
                .font(.footnote)
                .foregroundStyle(.secondary)
            ForEach(medians, id: \.case) { MedianView(median: $0, longestNs: medians.map(\.mostNs).max() ?? 0) }
        case .unreadable(let reason): Text(reason)
        }
    }
}

/// A case above a bar as long as its median, crossed by a line from the shortest run to the longest. Its name has the
/// whole width, and as many lines as its letters need.
private struct MedianView: View {
    let median: Median
    /// Of all cases: bars are as long as they are beside each other.
    let longestNs: Double
    @ScaledMetric(relativeTo: .footnote) private var barHeight = 16

    var body: some View {
        VStack(alignment: .leading) {
            Text(median.case).font(.footnote)
            Text(milliseconds(median.medianNs)).font(.footnote).bold()
            Chart {
                BarMark(x: .value("median", median.medianNs), y: .value("case", ""))
                RuleMark(
                    xStart: .value("shortest", median.leastNs),
                    xEnd: .value("longest", median.mostNs),
                    y: .value("case", "")
                )
                .foregroundStyle(.primary)
            }
            .chartXScale(domain: 0...max(longestNs, 1))
            .chartXAxis(.hidden)
            .chartYAxis(.hidden)
            .frame(height: barHeight)
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(median.case)
        .accessibilityValue(median.spoken)
    }
}
