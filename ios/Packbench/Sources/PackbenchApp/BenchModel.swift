import Foundation
import Packbench

/// What the app is doing.
public enum BenchState: Sendable, Equatable {
    case idle
    case copying(name: String, ModelStore.Progress?)
    case running(report: URL, SessionProgress?, isStopping: Bool)
    case finished(ShownReport)
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
    private var reading: Task<Void, Never>?
    private var suppressed: [String] = []
    /// The report that was looked at or written last, until the first screen is gone back to.
    private var report: URL?

    public init(folders: Folders, session: BenchSession) {
        (self.folders, self.session) = (folders, session)
        folders.removeUnfinished()
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

    /// What is to be found again after iOS has ended the app.
    public var kept: Kept {
        Kept(report: report?.lastPathComponent, model: chosenModel?.lastPathComponent, preset: "\(preset)")
    }

    /// Finds it again, as far as it is still there.
    public func restore(_ kept: Kept) {
        guard case .idle = state else { return }
        if let model = models.first(where: { $0.lastPathComponent == kept.model }) { chosenModel = model }
        if let preset = presets().first(where: { "\($0)" == kept.preset }) { self.preset = preset }
        if let report = reports.first(where: { $0.lastPathComponent == kept.report }) { show(report) }
    }

    /// Copies in what was picked.
    public func importModel(_ picked: Result<URL, any Error>) {
        switch picked {
        case .success(let source): importModel(at: source)
        case .failure(CocoaError.userCancelled): break
        case .failure(let error): fail(describe(error, of: "The file"))
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

    /// The app is no longer in front, where iOS suspends it within seconds: a session ends after the run under way. A
    /// copy goes on. Returns when nothing is under way.
    public func leaveFront() async {
        if case .running = state { stop() }
        await work?.value
    }

    public func show(_ report: URL) {
        guard !isWorking else { return }
        show(report, nil)
    }

    /// Deletes a model or a report.
    public func delete(_ file: URL) {
        guard !isWorking else { return }
        do {
            try FileManager.default.removeItem(at: file)
            look()
        } catch {
            fail(describe(error, of: file.lastPathComponent))
        }
    }

    public func home() {
        look()
        report = nil
        state = .idle
    }

    private func look() {
        (models, reports) = (folders.models(), folders.reports())
        if chosenModel.map(models.contains) != true { chosenModel = models.first }
    }

    /// A report is read beside the screen: it may be long.
    private func show(_ report: URL, _ outcome: Outcome?) {
        self.report = report
        let unread = ShownReport(file: report, outcome: outcome)
        state = .finished(unread)
        reading = Task {
            let read = await Task.detached { unread.read() }.value
            if state == .finished(unread) { state = .finished(read) }
        }
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
            self.report = report
            do {
                for try await event in await events() { follow(event) }
                // A session that was stopped tells no more, but ends, and may fail in the end.
                let end = try await session.ended()
                // One that was stopped before it began has left nothing to show.
                guard FileManager.default.fileExists(atPath: report.path) else { return home() }
                if case .finished(let outcome) = end { show(report, outcome) } else { show(report, nil) }
            } catch {
                fail(describe(error, of: report.lastPathComponent))
            }
        }
    }

    private func follow(_ event: Event) {
        guard case .progress(let progress) = event, case .running(let report, _, let isStopping) = state else { return }
        state = .running(report: report, progress, isStopping: isStopping)
    }

    private func copied(_ source: URL) async throws -> URL {
        let store = ModelStore(folder: folders.documents, system: folders.system)
        let (steps, continuation) = AsyncStream<ModelStore.Progress>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let copying = Task.detached {
            defer { continuation.finish() }
            return try await store.import(source) { continuation.yield($0) }
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
