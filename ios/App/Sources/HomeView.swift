import PackbenchApp
import SwiftUI
import UniformTypeIdentifiers

/// What to measure, and what was measured.
struct HomeView: View {
    @ObservedObject var bench: BenchModel
    @State private var isPicking = false

    var body: some View {
        Form {
            Section("Models") {
                if bench.models.isEmpty {
                    Text(
                        "No model yet. Choose a GGUF file: it is copied into this app once, for only there can it be "
                            + "proved what is in memory."
                    )
                    .foregroundStyle(.secondary)
                } else {
                    Picker("Model", selection: $bench.chosenModel) {
                        ForEach(bench.models, id: \.self) { model in
                            Text(model.lastPathComponent).tag(URL?.some(model))
                        }
                    }
                    .pickerStyle(.inline)
                    .labelsHidden()
                }
                Button("Choose a model…") { isPicking = true }
            }
            Section("What to measure") {
                Picker("What to measure", selection: $bench.preset) {
                    ForEach(presets(), id: \.self) { Text($0.label).tag($0) }
                }
                .pickerStyle(.inline)
                .labelsHidden()
                Button("Measure", action: bench.measure)
                    .font(.headline)
                    .disabled(bench.chosenModel == nil)
            }
            if !bench.reports.isEmpty { reports }
        }
        // A GGUF has no type of its own.
        .fileImporter(isPresented: $isPicking, allowedContentTypes: [.data]) { picked in
            if case .success(let model) = picked { bench.importModel(at: model) }
        }
    }

    private var reports: some View {
        Section("Reports") {
            ForEach(bench.reports, id: \.self) { report in
                Button(report.lastPathComponent) { bench.show(report) }
            }
        }
    }
}
