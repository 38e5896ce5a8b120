// swift-tools-version: 6.2
// Two builds come from this one manifest. The product (`chalkbox`) is built as Embedded Swift by the
// `Embedded` trait: `board/build` does that. Without the trait the same sources build as normal Swift, for
// tests and sanitizers, beside the tools that are normal Swift only (`chalkbox-cloud`).
import PackageDescription

/// Not `.enableExperimentalFeature`: the package manager passes that one to the linker of the normal build as well,
/// whatever its condition. The runtime then finds no conformance, and the normal `chalkbox` crashes at START.
let embeddedFeature = ["-enable-experimental-feature", "Embedded"]
/// Size: the inliner is kept from unfolding every `append` (each string interpolation is a row of them, a fifth of the
/// binary), and unfolds the rest less readily. `board/build` optimises the whole program at link time: one copy of what
/// several modules specialise; lld's folding of identical code, the merging of functions that differ in constants only
/// and the machine outliner see all of it, and only what gets smaller by it is unfolded. Merging functions before would
/// leave some without a name, which bitcode cannot hold. Exclusive access is checked in the normal build, which runs
/// the same tests. Nothing unwinds a stack at run time (no C++, no exceptions), so the tables for it go to
/// `.debug_frame`, in the debug file. Incremental code generation would leave a hash of each module. Static objects of
/// array literals would be merged with others of the same name (decision no-static-literals).
let embedded: [SwiftSetting] = [
    .unsafeFlags(
        embeddedFeature + [
            "-wmo", "-Osize", "-Xfrontend", "-disable-llvm-merge-functions-pass",
            "-Xllvm", "-sil-inline-never-functions=append", "-enforce-exclusivity=unchecked",
            "-Xfrontend", "-sil-inline-caller-benefit-reduction-factor", "-Xfrontend", "20",
            "-Xcc", "-fno-asynchronous-unwind-tables", "-Xfrontend", "-disable-incremental-llvm-codegen",
            "-Xllvm", "-sil-disable-pass=object-outliner",
        ], .when(traits: ["Embedded"])),
]
let embeddedC: [CSetting] = [
    .define("CHALKBOX_EMBEDDED", .when(traits: ["Embedded"])),
    .unsafeFlags(["-Oz", "-fno-asynchronous-unwind-tables"], .when(traits: ["Embedded"])),
]
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]
/// Tools and tests are normal Swift: they call C and packages that predate strict memory safety.
let hosted: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// libFuzzer counts what it reaches in the product's own modules.
let fuzzed: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer"], .when(traits: ["Fuzz"]))]

func product(_ name: String, _ dependencies: [Target.Dependency] = [], links libraries: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, swiftSettings: embedded + strict + fuzzed,
        linkerSettings: libraries.map { .linkedLibrary($0) })
}

func test(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: hosted)
}

func library(_ name: String, pkgConfig: String?, debian: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([debian])])
}

let package = Package(
    name: "chalkbox",
    products: [
        .executable(name: "chalkbox", targets: ["chalkbox"]),
        .executable(name: "chalkbox-cloud", targets: ["chalkbox-cloud"]),
        .executable(name: "chalkbox-sim", targets: ["chalkbox-sim"]),
        .executable(name: "chalkbox-docs", targets: ["chalkbox-docs"]),
    ],
    traits: [
        .trait(name: "Embedded", description: "Build the product as Embedded Swift"),
        .trait(name: "Fuzz", description: "Build for libFuzzer: Tests/fuzz"),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // C libraries: a module map and a shim header each.
        .target(name: "CLinux", cSettings: embeddedC),
        library("CALSA", pkgConfig: "alsa", debian: "libasound2-dev"),
        library("CWebSockets", pkgConfig: "libwebsockets", debian: "libwebsockets-dev"),
        library("CSpeexDSP", pkgConfig: "speexdsp", debian: "libspeexdsp-dev"),
        library("CGPIO", pkgConfig: "libgpiod", debian: "libgpiod-dev"),
        library("CNetlink", pkgConfig: "libnl-genl-3.0", debian: "libnl-genl-3-dev"),
        library("CSQLite", pkgConfig: "sqlite3", debian: "libsqlite3-dev"),
        library("CFLAC", pkgConfig: "flac", debian: "libflac-dev"),
        library("CCrypto", pkgConfig: "libcrypto", debian: "libssl-dev"),
        library("CINI", pkgConfig: "inih", debian: "libinih-dev"),
        // Without a description for pkg-config: who uses it says what is linked.
        library("CUnistring", pkgConfig: nil, debian: "libunistring-dev"),
        library("CPocketSphinx", pkgConfig: "pocketsphinx", debian: "libpocketsphinx-dev"),

        // The product, from the pure core outwards.
        product("RecorderCore", ["CUnistring"], links: ["unistring"]),
        product("LinuxRuntime", ["RecorderCore", "CLinux"]),
        product("WireJSON", ["CWebSockets"]),
        product("ControlProtocol", ["WireJSON"]),
        product("Configuration", ["RecorderCore", "CINI"]),
        product("AudioCapture", ["LinuxRuntime", "RecorderCore", "CALSA", "CSpeexDSP"]),
        product("Panel", ["LinuxRuntime", "RecorderCore", "CGPIO"]),
        product("LinkMonitor", ["LinuxRuntime", "RecorderCore", "CNetlink"]),
        product("RecordingStore", ["LinuxRuntime", "RecorderCore", "CSQLite", "CFLAC", "CCrypto"]),
        product("WebTransport", ["LinuxRuntime", "RecorderCore", "WireJSON", "CWebSockets"]),
        product("SpeechUplink", ["LinuxRuntime", "RecorderCore", "WebTransport", "WireJSON"]),
        product("SchoolUpload", ["RecorderCore", "WebTransport", "WireJSON"]),
        product("AsyncTranscription", ["RecorderCore", "WebTransport", "WireJSON"]),
        product(
            "ChalkboxKit",
            [
                "RecorderCore", "LinuxRuntime", "WireJSON", "Configuration", "AudioCapture", "Panel",
                "ControlProtocol", "RecordingStore", "SpeechUplink", "LinkMonitor", "WebTransport", "SchoolUpload",
                "AsyncTranscription",
            ]),
        .executableTarget(
            name: "chalkbox",
            dependencies: ["ChalkboxKit"],
            swiftSettings: embedded + strict,
            linkerSettings: [
                .linkedLibrary("swiftUnicodeDataTables", .when(traits: ["Embedded"])),
                .linkedLibrary("m"),
                .unsafeFlags(
                    embeddedFeature + [
                        "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all",
                        "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
                        "-Xlinker", "-mllvm", "-Xlinker", "-enable-machine-outliner=always",
                        "-Xlinker", "-mllvm", "-Xlinker", "-enable-global-merge-func",
                        "-Xlinker", "-mllvm", "-Xlinker", "-inline-threshold=0",
                        "-Xlinker", "-mllvm", "-Xlinker", "-inlinehint-threshold=0",
                    ], .when(traits: ["Embedded"])),
            ]),

        // The stand-in cloud: normal Swift.
        .target(
            name: "CloudKit",
            dependencies: [
                "CPocketSphinx", "CCrypto", "CFLAC",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Sources/chalkbox-cloud/CloudKit",
            swiftSettings: hosted,
            // NIOSSL holds C++, which the package manager forgets when it links a test bundle.
            linkerSettings: [.linkedLibrary("stdc++")]),
        .executableTarget(
            name: "chalkbox-cloud",
            dependencies: [
                "CloudKit", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/chalkbox-cloud/Command",
            swiftSettings: hosted),

        // The simulator of the recorder's decisions: normal Swift.
        .target(name: "Simulator", dependencies: ["RecorderCore"], swiftSettings: hosted),
        // Every change of the disk as a value, SQLite's among them, and what a power cut leaves of them.
        .target(name: "CPowerCut", dependencies: ["CSQLite"]),
        .target(
            name: "PowerCut", dependencies: ["CPowerCut", "LinuxRuntime", "RecorderCore"], swiftSettings: hosted),
        // The recorder's own store in the simulated world.
        .target(
            name: "StoreSimulation",
            dependencies: ["Simulator", "PowerCut", "RecordingStore", "LinuxRuntime", "RecorderCore"],
            swiftSettings: hosted),
        .executableTarget(
            name: "chalkbox-sim",
            dependencies: [
                "Simulator", "StoreSimulation", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: hosted),

        // Manual pages and completions, made of the product's table of commands: normal Swift.
        .target(
            name: "ManualKit", dependencies: ["ChalkboxKit"], path: "Sources/chalkbox-docs/ManualKit",
            swiftSettings: hosted),
        .executableTarget(
            name: "chalkbox-docs",
            dependencies: ["ManualKit", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/chalkbox-docs/Command",
            swiftSettings: hosted),

        // Network and mount namespaces.
        .target(name: "CNamespace", path: "Tests/CNamespace"),
        // A thread for each test that waits.
        .target(name: "OwnThread", dependencies: ["CNamespace"], path: "Tests/OwnThread", swiftSettings: hosted),
        .testTarget(
            name: "RecorderCoreTests", dependencies: ["RecorderCore"], exclude: ["subtitles.py"],
            swiftSettings: hosted),
        test("SimulationTests", ["Simulator", "StoreSimulation", "OwnThread"]),
        test("LinuxRuntimeTests", ["LinuxRuntime", "RecorderCore"]),
        test("WireJSONTests", ["WireJSON"]),
        test("ControlProtocolTests", ["ControlProtocol"]),
        test("ConfigurationTests", ["Configuration", "RecorderCore"]),
        // Counts what a thread allocates and holds: the proof that capture takes no memory, and packing little.
        .target(name: "CThreadWatch", path: "Tests/CThreadWatch"),
        test("AudioCaptureTests", ["AudioCapture", "LinuxRuntime", "RecorderCore", "CThreadWatch"]),
        .executableTarget(
            name: "race-stress", dependencies: ["AudioCapture", "LinuxRuntime", "RecorderCore"],
            path: "Tests/RaceStress", swiftSettings: hosted),
        test("PanelTests", ["Panel", "RecorderCore"]),
        test(
            "LinkMonitorTests", ["LinkMonitor", "LinuxRuntime", "RecorderCore", "CNetlink", "CNamespace", "OwnThread"]),
        test(
            "RecordingStoreTests",
            ["RecordingStore", "PowerCut", "LinuxRuntime", "RecorderCore", "CPowerCut", "CThreadWatch", "OwnThread"]),
        // Servers of a few lines of script, and TLS around them; and calls to them.
        .target(
            name: "PeerKit", dependencies: ["WebTransport", "LinuxRuntime", "RecorderCore"], path: "Tests/PeerKit",
            swiftSettings: hosted),
        test(
            "WebTransportTests",
            ["WebTransport", "PeerKit", "LinuxRuntime", "RecorderCore", "CThreadWatch", "OwnThread"]),
        .testTarget(
            name: "SchoolUploadTests",
            dependencies: ["SchoolUpload", "WebTransport", "PeerKit", "RecorderCore", "OwnThread"],
            exclude: ["tus_server.py"], swiftSettings: hosted),
        test("AsyncTranscriptionTests", ["AsyncTranscription", "WebTransport", "PeerKit", "RecorderCore", "OwnThread"]),
        test(
            "SpeechUplinkTests",
            ["SpeechUplink", "WebTransport", "PeerKit", "CloudKit", "LinuxRuntime", "RecorderCore", "OwnThread"]),
        .testTarget(
            name: "CloudTests", dependencies: ["CloudKit"],
            exclude: ["soniox_client.py", "soniox_rest.py", "tus_client.py"], swiftSettings: hosted),
        test(
            "ChalkboxKitTests",
            [
                "ChalkboxKit", "ManualKit", "Configuration", "LinuxRuntime", "RecorderCore", "RecordingStore", "WireJSON",
            ]),
        .testTarget(
            name: "DaemonTests", dependencies: ["CloudKit", "OwnThread", "RecordingStore", "LinuxRuntime", "RecorderCore"],
            exclude: ["journal_rows.py", "lesson_text.py", "page.py", "page_words.py"], swiftSettings: hosted),
        // What is read back or received, as functions of bytes: for the tests, and for libFuzzer. They see the parsers'
        // own types, so a release build takes `-enable-testing`.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "AsyncTranscription", "Configuration", "ControlProtocol", "LinkMonitor", "LinuxRuntime", "RecorderCore",
                "RecordingStore", "SchoolUpload", "SpeechUplink", "WebTransport", "WireJSON", "CNetlink",
            ],
            path: "Tests/FuzzTargets", swiftSettings: hosted),
        .target(
            name: "CFuzzer", path: "Tests/CFuzzer", cSettings: [.define("CHALKBOX_FUZZ", .when(traits: ["Fuzz"]))]),
        .executableTarget(
            name: "chalkbox-fuzz", dependencies: ["FuzzTargets", "CFuzzer"], path: "Tests/FuzzDriver",
            swiftSettings: hosted,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"], .when(traits: ["Fuzz"]))]),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "OwnThread"], exclude: ["Corpus"], swiftSettings: hosted),
        test("TidyTests"),
    ])
