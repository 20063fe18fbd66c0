// swift-tools-version: 6.1
import PackageDescription

/// Tests run once for each time they are compiled: half of the compiler's time for them went into optimization. What they test is optimized.
let testSettings: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

/// A first-party plugin: one shared library built from `Plugins/<name>`, loaded at run time only.
struct Plugin {
    var name: String
    var swift = false
    /// Modules of this package beside SyzygyKit.
    var uses: [Target.Dependency] = []
    var tests = true
    /// False: `plugin.json` binds functions of a library of the system.
    var hasLibrary = true

    var folder: String { "Plugins/\(name)" }
    var product: Product? {
        hasLibrary ? .library(name: name, type: .dynamic, targets: ["\(name)Plugin"]) : nil
    }
    var targets: [Target] { (hasLibrary ? [library] : []) + (tests ? [test] : []) }

    private var library: Target {
        .target(
            name: "\(name)Plugin", dependencies: (swift ? ["SyzygyKit"] : ["CSyzygy"]) + uses,
            path: "\(folder)/Sources", publicHeadersPath: swift ? nil : ".",  // no `include` folder
            cSettings: [.unsafeFlags(["-fno-math-errno"])],
            linkerSettings: [.linkedLibrary("m")])
    }

    private var test: Target {
        .testTarget(
            name: "\(name)Tests", dependencies: ["PluginTesting"] + uses, path: "\(folder)/Tests",
            swiftSettings: testSettings)
    }
}

let plugins: [Plugin] = [
    Plugin(name: "Activations"),
    Plugin(name: "Activity", swift: true),
    Plugin(name: "Adam"),
    Plugin(name: "Agreement"),
    Plugin(name: "Alignment"),
    Plugin(name: "Arrays", swift: true, uses: ["ArrayFiles"]),
    Plugin(name: "Averages", tests: false),
    Plugin(name: "CKA"),
    Plugin(name: "Clusters"),
    Plugin(name: "ConvNet", swift: true),
    Plugin(name: "CrossEntropy", swift: true),
    Plugin(name: "Curvature"),
    Plugin(name: "DatasetWrappers"),
    Plugin(name: "Digits"),
    Plugin(name: "Distillation", swift: true),
    Plugin(name: "Exponents"),
    Plugin(name: "Fact"),
    Plugin(name: "FeatureAnsatz"),
    Plugin(name: "FeedbackAlignment"),
    Plugin(name: "Images"),
    Plugin(name: "Initializers"),
    Plugin(name: "L2"),
    Plugin(name: "MLP", swift: true),
    Plugin(name: "MeanSquaredError", swift: true),
    Plugin(name: "Moments", tests: false),
    Plugin(name: "NeuralCollapse", swift: true),
    Plugin(name: "Noise"),
    Plugin(name: "Norms", hasLibrary: false),
    Plugin(name: "Performance", tests: false),
    Plugin(name: "RecurrentNet", swift: true),
    Plugin(name: "RecursiveFeatureMachine"),
    Plugin(name: "Reparametrization"),
    Plugin(name: "ResNet", swift: true),
    Plugin(name: "SGD"),
    Plugin(name: "Samplers"),
    Plugin(name: "Schedules"),
    Plugin(name: "Sequences"),
    Plugin(name: "SharpnessAware"),
    Plugin(name: "Spectrum"),
    Plugin(name: "Symmetry"),
    Plugin(name: "Syre"),
    Plugin(name: "Teachers"),
    Plugin(name: "Transformer", swift: true),
    Plugin(name: "TwoViews", swift: true),
]

/// The C libraries of the system, as module maps and small shims (`Sources/CShims`).
let systemLibraries: [LinkerSetting] = [
    "ffi", "openblas", "lapacke", "gomp", "nettle", "seccomp", "dl", "m",
]
.map { .linkedLibrary($0) }

let testedModules = [
    "ArrayFiles", "LinearAlgebra", "Engine", "Manifests", "PluginHost", "Observing", "Validating", "Training",
    "Studies", "Reporting", "Viewing", "Authoring",
]

/// Files of test targets that tests read by themselves.
let testFolders = ["Validating": ["BadPlugins"]]

func testTarget(of module: String) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: ["PluginTesting", "CShims", .byName(name: module)],
        exclude: testFolders[module] ?? [],
        // The engine's are the exception: references that multiply as much as what they judge.
        swiftSettings: module == "Engine" ? [] : testSettings)
}

/// Needs libFuzzer, so `./dev fuzz` alone asks for it.
let fuzzing: [Target] =
    Context.environment["SYZYGY_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "fuzz", dependencies: ["ArrayFiles", "Manifests", "PluginHost", "Studies"], path: "Tests/Fuzzing",
            exclude: ["README.md", "corpus", "idx.c", "leaks.txt"], sources: ["Fuzz.swift"])
    ]

let package = Package(
    name: "Syzygy",
    products: [.executable(name: "syzygy", targets: ["syzygy"])] + plugins.compactMap(\.product),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .target(name: "CSyzygy"),
        .target(
            name: "CShims", cSettings: [.unsafeFlags(["-O3", "-fno-math-errno"])], linkerSettings: systemLibraries),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "ArrayFiles", dependencies: ["CZlib"]),
        .target(name: "LinearAlgebra", dependencies: ["CShims", "ArrayFiles"]),
        .target(
            name: "Engine",
            dependencies: [
                "CShims", "LinearAlgebra", .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .target(name: "Protocols", dependencies: ["Engine", "LinearAlgebra"]),
        .target(
            name: "Manifests",
            dependencies: [
                "ArrayFiles", "CShims", "LinearAlgebra", "Protocols", "Engine",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(
            name: "PluginHost",
            dependencies: [
                "CSyzygy", "CShims", "ArrayFiles", "LinearAlgebra", "Engine", "Protocols", "Manifests",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(name: "Observing", dependencies: ["LinearAlgebra", "Engine", "Protocols", "Manifests"]),
        .target(name: "Training", dependencies: ["LinearAlgebra", "Engine", "Protocols", "Observing"]),
        .target(
            name: "Studies",
            dependencies: [
                "ArrayFiles", "CShims", "Manifests", "PluginHost", "Training", "Observing", "Protocols", "Engine",
                "LinearAlgebra",
                .product(name: "Yams", package: "Yams"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(
            name: "Reporting",
            dependencies: [
                "Studies", "PluginHost", "Manifests", "Protocols", "LinearAlgebra",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            // In the executable, which so needs no files beside it.
            resources: [.embedInCode("Resources/report.js")]),
        .target(
            name: "Viewing",
            dependencies: [
                "ArrayFiles", "Studies", "Reporting", "Manifests",
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            resources: [.embedInCode("Resources/view.css"), .embedInCode("Resources/view.js")]),
        .target(
            name: "Exporting",
            dependencies: [
                "ArrayFiles", "Studies", "Manifests",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(
            name: "Validating",
            dependencies: [
                "ArrayFiles", "CShims", "PluginHost", "Observing", "Manifests", "Protocols", "Engine",
                "LinearAlgebra", .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(
            name: "PluginTesting",
            dependencies: [
                "ArrayFiles", "Validating", "PluginHost", "Observing", "Training", "Manifests", "Protocols", "Engine",
                "LinearAlgebra",
            ]),
        .target(name: "CDebugInfo", linkerSettings: [.linkedLibrary("dw")]),
        .target(
            name: "Authoring",
            dependencies: [
                "CDebugInfo", "ArrayFiles", "Engine", "Manifests",
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        .target(name: "SyzygyKit", dependencies: ["CSyzygy"]),
        .executableTarget(
            name: "syzygy",
            dependencies: [
                "ArrayFiles", "Studies", "Reporting", "Viewing", "Exporting", "Authoring", "Validating", "PluginHost",
                "Manifests", "Protocols",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(
            name: "EndToEnd", dependencies: ["ArrayFiles", "PluginTesting", "Studies", "Reporting"],
            swiftSettings: testSettings),
        .testTarget(
            name: "SyzygyKitTests", dependencies: ["SyzygyKit", "PluginHost", "Engine"], swiftSettings: testSettings),
    ] + plugins.flatMap(\.targets) + testedModules.map(testTarget) + fuzzing,
    swiftLanguageModes: [.v6]
)
