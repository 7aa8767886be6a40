// swift-tools-version: 6.0
import PackageDescription

// What lies in build/ is written there: on a Mac by scripts/build-xcframework, on Linux by scripts/swift.
#if os(Linux)
    let library = Target.systemLibrary(name: "PackbenchFFI", path: "build/linux")
    let linking: [LinkerSetting] = [.unsafeFlags(["-Lbuild/linux"])]
#else
    let library = Target.binaryTarget(name: "PackbenchFFI", path: "build/PackbenchFFI.xcframework")
    // llama.cpp is C++.
    let linking: [LinkerSetting] = [.linkedLibrary("c++"), .linkedFramework("Accelerate")]
#endif

let package = Package(
    name: "Packbench",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [
        .library(name: "Packbench", targets: ["Packbench"]),
        // Dynamic: the app and its tests share a process, and two copies of core would measure each other.
        .library(name: "PackbenchApp", type: .dynamic, targets: ["Packbench", "PackbenchApp"]),
    ],
    targets: [
        library,
        .target(
            name: "PackbenchBindings",
            dependencies: ["PackbenchFFI"],
            path: "build/bindings",
            linkerSettings: linking
        ),
        .target(
            name: "Packbench",
            dependencies: ["PackbenchBindings"],
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
        // All of ios/App that isn't SwiftUI: here it is tested without a Mac.
        .target(name: "PackbenchApp", dependencies: ["Packbench"]),
        // What both tests stand on.
        .target(name: "Support", dependencies: ["Packbench"], path: "Tests/Support"),
        .testTarget(name: "PackbenchTests", dependencies: ["Packbench", "Support"]),
        .testTarget(name: "PackbenchAppTests", dependencies: ["PackbenchApp", "Support"]),
    ],
    swiftLanguageModes: [.v6]
)
