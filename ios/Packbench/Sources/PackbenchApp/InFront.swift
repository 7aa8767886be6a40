/// Waits until the app is in front. One that has just been launched isn't yet, and what would be measured until then
/// would be refused as in the background; one that doesn't get there is to be refused.
@MainActor
public func untilInFront(within limit: Duration = .seconds(10), _ isInFront: @MainActor () -> Bool) async {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while !isInFront(), clock.now < deadline, !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(50))
    }
}
