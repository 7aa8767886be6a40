import Packbench
import PackbenchApp
import SwiftUI
import UniformTypeIdentifiers

/// What to measure, and what was measured.
struct HomeView: View {
    @ObservedObject var bench: BenchModel
    @State private var isPicking = false
    @State private var isDeleting = false

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
                if let model = bench.chosenModel {
                    Button("Delete \(model.lastPathComponent)", role: .destructive) { isDeleting = true }
                        .confirmationDialog("It can be copied in again.", isPresented: $isDeleting) {
                            Button("Delete \(model.lastPathComponent)", role: .destructive) { bench.delete(model) }
                        }
                }
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
        .fileImporter(isPresented: $isPicking, allowedContentTypes: [.data]) { bench.importModel($0) }
    }

    private var reports: some View {
        Section("Reports") {
            ForEach(bench.reports, id: \.self) { report in
                Button(report.lastPathComponent) { bench.show(report) }
            }
            .onDelete { swiped in
                for report in swiped.map({ bench.reports[$0] }) { bench.delete(report) }
            }
        }
    }
}
