import Foundation

/// For what blocks for minutes, as sessions and copies do, which threads of Swift's own pool mustn't, and computes in
/// deep calls. Its priority is that of work which a person waits for: lower ones are moved to slower cores. No task is
/// current there.
package func onThreadOfItsOwn<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { ended in
        let thread = Thread { ended.resume(returning: work()) }
        thread.name = "packbench"
        thread.stackSize = 8 << 20
        thread.qualityOfService = .userInitiated
        thread.start()
    }
}
