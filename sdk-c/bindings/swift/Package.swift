// swift-tools-version:5.7
import PackageDescription

let package = Package(
    name: "Parley",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "Parley", targets: ["Parley"])],
    targets: [
        // The installed library, which pkg-config finds. For iOS put a binary target with an XCFramework in its place.
        .systemLibrary(name: "CParley", pkgConfig: "parley"),
        .target(name: "Parley", dependencies: ["CParley"]),
        .executableTarget(name: "chat", dependencies: ["Parley"], path: "Examples/chat"),
    ]
)
