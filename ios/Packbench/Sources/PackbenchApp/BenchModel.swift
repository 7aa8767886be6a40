import Foundation
import Packbench

/// What the app is doing.
public enum BenchState: Sendable, Equatable {
    case idle
    case copying(name: String, ModelStore.Progress?)
    case running(report: URL, SessionProgress?, isStopping: Bool)
    /// There is no outcome of a report that was opened again.
    case finished(report: URL, Outcome?)
    case failed(Problem)
}

/// What went wrong.
public struct Problem: Sendable, Equatable {
    public let text: String
    /// What can be measured in spite of, by name.
    public let guards: [String]
}

/// One thing at a time, whoever looks on.
@MainActor
public final class BenchModel: ObservableObject {
    @Published public private(set) var state = BenchState.idle
    @Published public private(set) var models: [URL]
    @Published public private(set) var reports: [URL]
    @Published public var chosenModel: URL?
    @Published public var preset = Preset.quick

    private let folders: Folders
    private let session: BenchSession
    private var work: Task<Void, Never>?
    private var suppressed: [String] = []

    public init(folders: Folders, session: BenchSession) {
        (self.folders, self.session) = (folders, session)
        (models, reports) = (folders.models(), folders.reports())
        chosenModel = models.first
    }

    /// Whether the screen is to stay on.
    public var isWorking: Bool {
        switch state {
        case .copying, .running: true
        case .idle, .finished, .failed: false
        }
    }

    /// Copies a document in. It belongs to another app and is opened only for that time.
    public func importModel(at source: URL) {
        begin(.copying(name: source.lastPathComponent, nil)) { [self] in
            do {
                let copy = try await copied(source)
                home()
                chosenModel = copy
            } catch is CancellationError {
                home()
            } catch {
                fail(describe(error, of: source.lastPathComponent))
            }
        }
    }

    /// Measures the chosen model.
    public func measure() {
        suppressed = []
        run()
    }

    /// Measures it in spite of the guards that were found.
    public func measureAllTheSame() {
        guard case .failed(let problem) = state, !problem.guards.isEmpty else { return }
        suppressed += problem.guards
        run()
    }

    /// Goes on with a report that was cut short.
    public func goOn(with report: URL) {
        let named = Dictionary(uniqueKeysWithValues: models.map { ($0.lastPathComponent, $0) })
        record(report) { [session] in await session.resume(report, models: named) }
    }

    /// Ends what is under way: a copy at once, a session after the run under way.
    public func stop() {
        if case .running(let report, let progress, _) = state {
            state = .running(report: report, progress, isStopping: true)
        }
        work?.cancel()
    }

    public func show(_ report: URL) {
        guard !isWorking else { return }
        state = .finished(report: report, nil)
    }

    public func home() {
        (models, reports) = (folders.models(), folders.reports())
        if chosenModel.map(models.contains) != true { chosenModel = models.first }
        state = .idle
    }

    private func run() {
        guard let model = chosenModel else { return }
        let report = folders.newReport()
        do {
            let job = Job(json: try presetJob(preset: preset, model: model.path, suppress: suppressed))
            record(report) { [session] in await session.run(job, report: report) }
        } catch {
            fail(describe(error, of: model.lastPathComponent))
        }
    }

    private func record(_ report: URL, _ events: @escaping @Sendable () async -> BenchSession.Events) {
        begin(.running(report: report, nil, isStopping: false)) { [self] in
            var outcome: Outcome?
            do {
                for try await event in await events() { outcome = follow(event) }
                await session.ended()
                // A session that was stopped before it began has left nothing to show.
                if FileManager.default.fileExists(atPath: report.path) {
                    state = .finished(report: report, outcome)
                } else {
                    home()
                }
            } catch {
                fail(describe(error, of: report.lastPathComponent))
            }
        }
    }

    private func follow(_ event: Event) -> Outcome? {
        switch event {
        case .progress(let progress):
            if case .running(let report, _, let isStopping) = state {
                state = .running(report: report, progress, isStopping: isStopping)
            }
            return nil
        case .finished(let outcome): return outcome
        case .carried: return nil
        }
    }

    private func copied(_ source: URL) async throws -> URL {
        let store = ModelStore(folder: folders.documents)
        let (steps, continuation) = AsyncStream<ModelStore.Progress>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let copying = Task.detached {
            defer { continuation.finish() }
            return try withAccess(to: source) { try store.import(source) { continuation.yield($0) } }
        }
        return try await withTaskCancellationHandler {
            for await step in steps { state = .copying(name: source.lastPathComponent, step) }
            return try await copying.value
        } onCancel: {
            copying.cancel()
        }
    }

    private func begin(_ first: BenchState, _ body: @escaping @MainActor () async -> Void) {
        guard !isWorking else { return }
        state = first
        work = Task { await body() }
    }

    private func fail(_ problem: Problem) {
        state = .failed(problem)
    }
}

/// A document of another app's is opened for as long as `body` lasts.
private func withAccess<T>(to source: URL, _ body: () throws -> T) rethrows -> T {
    #if canImport(Darwin)
        let isGranted = source.startAccessingSecurityScopedResource()
        defer { if isGranted { source.stopAccessingSecurityScopedResource() } }
    #endif
    return try body()
}
