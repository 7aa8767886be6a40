import Foundation
import Packbench

/// A phone that tells what it was told to.
public final class TestPhone: Phone {
    private let told: Facts
    private let name: Identity

    public init(_ facts: Facts = Facts(), _ identity: Identity = Identity(model: "Test Phone")) {
        (told, name) = (facts, identity)
    }

    public func identity() -> Identity { name }

    public func facts() -> Facts { told }
}

/// A folder of the build, wherever tests are started: on its disk, for what lies in memory can't be evicted.
public func scratch() -> URL {
    let package = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized
    return package.appendingPathComponent(".build/scratch")
}

/// The real model that tests measure; `nil` where `scripts/swift` didn't say where it lies.
public func realModel() -> URL? {
    let path = ProcessInfo.processInfo.environment["PACKBENCH_MODEL"] ?? ""
    return path.isEmpty ? nil : URL(fileURLWithPath: path)
}
