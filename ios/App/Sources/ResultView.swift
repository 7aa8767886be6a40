import Charts
import Packbench
import PackbenchApp
import SwiftUI

/// A report: each case by its median, and the file itself to hand on.
struct ResultView: View {
    let bench: BenchModel
    let report: URL
    let outcome: Outcome?

    var body: some View {
        Form {
            Section(report.lastPathComponent) {
                if let outcome { Text(outcome.text) }
                chart
            }
            Section {
                ShareLink("Share the report", item: report)
                if outcome?.missing != 0 {
                    Button("Go on") { bench.goOn(with: report) }
                }
                Button("Back", action: bench.home)
            }
        }
    }

    @ViewBuilder
    private var chart: some View {
        switch Result(catching: { try medians(path: report.path) }) {
        case .success(let medians) where medians.isEmpty: Text("No run was measured yet.")
        case .success(let medians): MedianChart(medians: medians)
        case .failure(let error): Text((error as? PackbenchError)?.reason ?? "\(error)")
        }
    }
}

/// A bar as long as its case's median, crossed by a line from the shortest run to the longest.
private struct MedianChart: View {
    let medians: [Median]
    /// A case grows with the size of its text.
    @ScaledMetric(relativeTo: .footnote) private var rowHeight = 56

    var body: some View {
        VStack(alignment: .leading) {
            Text("Median wall time of each case; the line spans the shortest and the longest.")
                .font(.footnote)
                .foregroundStyle(.secondary)
            Chart(medians, id: \.case) { median in
                BarMark(x: .value("median", median.medianNs / 1e6), y: .value("case", median.case))
                    .annotation(position: .overlay, alignment: .leading) {
                        Text(milliseconds(median.medianNs)).font(.footnote).padding(.leading, 4)
                    }
                    .accessibilityLabel(median.case)
                    .accessibilityValue(median.spoken)
                RuleMark(
                    xStart: .value("shortest", median.leastNs / 1e6),
                    xEnd: .value("longest", median.mostNs / 1e6),
                    y: .value("case", median.case)
                )
                .foregroundStyle(.primary)
                .accessibilityHidden(true)
            }
            .chartXAxisLabel("ms")
            .frame(height: rowHeight * CGFloat(medians.count) + rowHeight)
        }
    }
}
