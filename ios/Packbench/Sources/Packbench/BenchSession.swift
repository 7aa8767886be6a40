import Foundation
@_exported import PackbenchBindings

/// How far a session is. Foundation has a `Progress` of its own.
public typealias SessionProgress = PackbenchBindings.Progress

/// What a session tells while it lasts, to whoever reads it when there is time.
public enum Event: Sendable, Equatable {
    /// Another line is in the report.
    case progress(SessionProgress)
    /// It has ended, and the report holds what it measured. The last event of `run` and of `resume`.
    case finished(Outcome)
    /// This process has carried out what it can of an assignment. The last event of `carryOut`.
    case carried(Carried)
}

/// Measures how this phone brings models into memory.
///
/// One session at a time in a process: a second one throws `PackbenchError.Busy`. Cancelling the task that reads the
/// events cancels the session after the run under way; ``ended()`` waits until it has and answers what it came to, and
/// what was finished is in the report.
public actor BenchSession {
    public typealias Events = AsyncThrowingStream<Event, any Error>
    /// Hears of each line of the report at once, on the session's thread, which waits for it: nothing of what it does
    /// goes on in a measured region.
    public typealias Told = @Sendable (SessionProgress) -> Void

    private let phone: any Phone
    private let cache: URL
    private var last: Task<Event, any Error>?

    /// - Parameters:
    ///   - phone: what only an app can ask its system; see ``ApplePhone``.
    ///   - cache: a folder for what a later session can use again.
    public init(phone: any Phone, cache: URL) {
        self.phone = phone
        self.cache = cache
    }

    /// Carries out `job` and writes `report`, which may not exist yet.
    ///
    /// The stream throws `PackbenchError`, which says what to do. Whoever hears of each line by `told` finds none in
    /// it.
    public func run(_ job: Job, report: URL, told: Told? = nil) -> Events {
        events(told) { [phone, cache] session, listener in
            .finished(
                try session.run(
                    job: job.json,
                    report: report.path,
                    cache: cache.path,
                    phone: phone,
                    listener: listener
                ))
        }
    }

    /// Goes on with the session of `report`; `models` are its files by name.
    public func resume(_ report: URL, models: [String: URL], told: Told? = nil) -> Events {
        events(told) { [phone, cache] session, listener in
            .finished(
                try session.resume(
                    report: report.path,
                    models: models.mapValues(\.path),
                    cache: cache.path,
                    phone: phone,
                    listener: listener
                ))
        }
    }

    /// Carries out as much as this process can of an assignment that `packbench run` on a computer hands out.
    public func carryOut(_ assignment: String, told: @escaping Told) -> Events {
        events(told) { [phone] session, listener in
            .carried(try session.carryOut(assignment: assignment, phone: phone, listener: listener))
        }
    }

    /// Returns the last event of the session that was begun last, or throws its error, when it is over: also when it
    /// was cancelled and whoever read its events has heard no more of it. One that was refused as `Busy` never began.
    /// `nil` where none was begun.
    @discardableResult
    public func ended() async throws -> Event? {
        try await last?.value
    }

    private func events(_ told: Told?, _ work: @escaping @Sendable (Session, any Listener) throws -> Event) -> Events {
        let session = Session()
        let (events, continuation) = Events.makeStream()
        continuation.onTermination = { reason in
            if case .cancelled = reason { session.cancel() }
        }
        let relay = Relay(told ?? Held { continuation.yield(.progress($0)) }.tell)
        last = Task { [earlier = last] in
            let end = await onThreadOfItsOwn { Result { try work(session, relay) } }
            switch end {
            case .success(let event):
                continuation.yield(event)
                continuation.finish()
            case .failure(let error): continuation.finish(throwing: error)
            }
            if case .failure(PackbenchError.Busy) = end, let earlier { return try await earlier.value }
            return try end.get()
        }
        return events
    }
}

/// Hands lines on.
private final class Relay: Listener {
    private let hand: BenchSession.Told

    init(_ hand: @escaping BenchSession.Told) {
        self.hand = hand
    }

    func told(progress: SessionProgress) {
        hand(progress)
    }
}

/// Holds back what would wake others while something is measured: from the proof that precedes it on, until it is over.
private final class Held: @unchecked Sendable {
    private let hand: BenchSession.Told
    // Used by the session's thread alone.
    private var held: [SessionProgress] = []

    init(_ hand: @escaping BenchSession.Told) {
        self.hand = hand
    }

    @Sendable func tell(_ progress: SessionProgress) {
        held.append(progress)
        if !progress.precedesMeasuring { flush() }
    }

    private func flush() {
        held.forEach(hand)
        held = []
    }
}

extension SessionProgress {
    /// Whether a measured region begins as soon as this was told.
    var precedesMeasuring: Bool {
        ["prove", "measure"].contains { line.hasPrefix(#"{"kind":"phase","phase":"\#($0)""#) }
    }
}
