// swift-tools-version: 6.2
// Targets stand in the order of their layers: each may depend on those above it in this file.
import PackageDescription

// Debian's libdpdk.pc has a wrapped Description line that SwiftPM's parser rejects, so the two folders are named here.
let dpdkHeaders = ["/usr/include/dpdk", "/usr/include/x86_64-linux-gnu/dpdk"]
    .flatMap { ["-Xcc", "-I\($0)"] }

/// The CPU level that the packet side is compiled for: `deploy/build` makes it for more than one, `causeway`
/// takes the best that a NUMA node's CPUs have.
let processor = ["-Xcc", "-march=\(Context.environment["CAUSEWAY_PROCESSOR"] ?? "x86-64-v3")"]

/// For every target: warnings are errors, imports are internal unless a signature needs them.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// For every target that touches packets, tests included: DPDK's headers, the processor level, and specialisation
/// of generic graph nodes across modules.
let dataPath =
    strict + [
        .unsafeFlags(dpdkHeaders + processor),
        .unsafeFlags(
            ["-enforce-exclusivity=unchecked", "-cross-module-optimization"],
            .when(configuration: .release)
        ),
    ]

let package = Package(
    name: "causeway",
    products: [
        .executable(name: "causeway", targets: ["causeway"]),
        .executable(name: "causewayctl", targets: ["causewayctl"]),
        .executable(name: "causeway-node", targets: ["causeway-node"]),
        .library(name: "access_list_plugin", type: .dynamic, targets: ["AccessListPlugin"]),
        .executable(name: "causeway-bench", targets: ["causeway-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.5.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git",
            from: "2.16.0",
            traits: []
        ),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.0.0"),
    ],
    targets: [
        // C: what Swift cannot see.
        .target(name: "CLinux"),
        .systemLibrary(name: "CHwloc", pkgConfig: "hwloc", providers: [.apt(["libhwloc-dev"])]),
        .systemLibrary(name: "CNUMA", providers: [.apt(["libnuma-dev"])]),
        .systemLibrary(name: "CDPDK", providers: [.apt(["libdpdk-dev"])]),
        .systemLibrary(name: "CPlugin"),

        // System and host.
        .target(
            name: "LinuxSystem",
            dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: strict
        ),
        .target(
            name: "HostTopology",
            dependencies: ["CHwloc", "CNUMA", "LinuxSystem"],
            swiftSettings: strict
        ),

        // Shared by the control and the packet side.
        .target(
            name: "Coordination",
            dependencies: [
                "CLinux", "LinuxSystem", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "StatisticsReader",
            dependencies: [
                "Coordination", "LinuxSystem",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "CausewayConfiguration",
            dependencies: [
                "Coordination", "HostTopology", "LinuxSystem",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "ControlProtocol",
            dependencies: [
                "CLinux", "Coordination", "CPlugin", "LinuxSystem",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),

        // The packet side.
        .target(
            name: "MainLoop",
            dependencies: ["CLinux", "Coordination"],
            swiftSettings: dataPath
        ),
        .target(
            name: "Forwarding",
            dependencies: ["CLinux", "Coordination", "LinuxSystem"],
            swiftSettings: dataPath
        ),
        .target(
            name: "PacketBuffers",
            dependencies: ["CDPDK", "CLinux", "LinuxSystem"],
            swiftSettings: dataPath
        ),
        .target(
            name: "PacketGraph",
            dependencies: ["CDPDK", "CLinux", "Coordination", "MainLoop", "PacketBuffers"],
            swiftSettings: dataPath
        ),
        .target(
            name: "PacketNodes",
            dependencies: [
                "CLinux", "ControlProtocol", "Coordination", "Forwarding", "MainLoop",
                "PacketBuffers", "PacketGraph",
            ],
            swiftSettings: dataPath
        ),
        .target(
            name: "NodeRuntime",
            dependencies: [
                "CLinux", "CPlugin", "ControlProtocol", "Coordination", "Forwarding", "LinuxSystem",
                "MainLoop", "PacketBuffers", "PacketGraph", "PacketNodes",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: dataPath
        ),

        // Plugins: shared objects of their own, which share C records with the worker and no Swift module's state.
        .target(
            name: "PluginInterface",
            dependencies: ["CPlugin", "PacketBuffers"],
            swiftSettings: dataPath
        ),
        .target(
            name: "AccessListPlugin",
            dependencies: ["CLinux", "CPlugin", "PacketBuffers", "PluginInterface"],
            swiftSettings: dataPath
        ),

        // The control side: links no DPDK.
        .target(name: "Routing", dependencies: ["ControlProtocol"], swiftSettings: strict),
        .target(
            name: "Supervision",
            dependencies: [
                "CausewayConfiguration", "ControlProtocol", "Coordination", "HostTopology",
                "LinuxSystem", "Routing",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "ControlClient",
            dependencies: [
                "ControlProtocol", "Coordination", "StatisticsReader",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: strict
        ),

        .target(
            name: "CommandShell",
            dependencies: [
                "CLinux", "ControlClient", "ControlProtocol", "Coordination", "StatisticsReader",
            ],
            swiftSettings: strict
        ),

        // Executables.
        .executableTarget(
            name: "causeway",
            dependencies: [
                "CausewayConfiguration", "HostTopology", "LinuxSystem", "Supervision",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "causewayctl",
            dependencies: [
                "CommandShell", "ControlClient", "ControlProtocol",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "causeway-node",
            dependencies: [
                "ControlProtocol", "LinuxSystem", "NodeRuntime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: dataPath,
            // An upgrade tells builds apart by it.
            linkerSettings: [.unsafeFlags(["-Xlinker", "--build-id"])]
        ),
        // Beside the benchmark: the reference loops in C, for the processor that they run on.
        .target(
            name: "CBench",
            path: "bench/CBench",
            cSettings: [
                .unsafeFlags([
                    "-I/usr/include/dpdk", "-I/usr/include/x86_64-linux-gnu/dpdk", "-march=native",
                    "-O3",
                ])
            ]
        ),
        .executableTarget(
            name: "causeway-bench",
            dependencies: [
                "CBench", "CDPDK", "CLinux", "ControlProtocol", "Coordination", "Forwarding",
                "LinuxSystem", "MainLoop", "NodeRuntime", "PacketBuffers", "PacketGraph",
                "PacketNodes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "bench",
            exclude: [
                "CBench", "README.md", "barrier", "readers", "scaling", "chaos", "disassembly",
                "fault-points", "faults", "run",
                "disassembly.exceptions", "thresholds.json",
            ],
            swiftSettings: dataPath
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["LinuxSystem"],
            path: "Tests/TestSupport",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "fake-node",
            dependencies: ["CLinux", "ControlProtocol", "Coordination", "LinuxSystem"],
            path: "Tests/FakeNode",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "wake-peer",
            dependencies: ["CLinux", "Coordination", "LinuxSystem"],
            path: "Tests/WakePeer",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "barrier-peer",
            dependencies: ["CLinux", "Coordination", "LinuxSystem"],
            path: "Tests/BarrierPeer",
            swiftSettings: strict
        ),
        .testTarget(
            name: "MainLoopTests",
            dependencies: ["CLinux", "Coordination", "MainLoop", "TestSupport"],
            swiftSettings: dataPath
        ),
        .executableTarget(
            name: "configuration-fuzzer",
            dependencies: ["CausewayConfiguration", "HostTopology", "TestSupport"],
            path: "Tests/Fuzz",
            exclude: ["corpus"],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "command-fuzzer",
            dependencies: [
                "CommandShell", "ControlClient", "ControlProtocol", "PacketNodes", "Supervision",
                "TestSupport",
            ],
            path: "Tests/CommandFuzz",
            exclude: ["corpus"],
            swiftSettings: dataPath
        ),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem"], swiftSettings: strict),
        .testTarget(
            name: "HostTopologyTests",
            dependencies: ["HostTopology", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CoordinationTests",
            dependencies: [
                "CLinux", "Coordination", "LinuxSystem", "TestSupport", "barrier-peer", "wake-peer",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "StatisticsReaderTests",
            dependencies: [
                "Coordination", "LinuxSystem", "StatisticsReader",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CausewayConfigurationTests",
            dependencies: ["CausewayConfiguration", "Coordination", "HostTopology", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ForwardingTests",
            dependencies: ["Forwarding", "TestSupport"],
            swiftSettings: dataPath
        ),
        .testTarget(
            name: "RoutingTests",
            dependencies: ["ControlProtocol", "Routing", "TestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "PacketBuffersTests",
            dependencies: ["CDPDK", "CLinux", "LinuxSystem", "PacketBuffers", "TestSupport"],
            swiftSettings: dataPath
        ),
        .testTarget(
            name: "PacketNodesTests",
            dependencies: [
                "CDPDK", "CLinux", "ControlProtocol", "Coordination", "Forwarding", "LinuxSystem",
                "PacketBuffers",
                "PacketGraph", "PacketNodes", "TestSupport",
            ],
            swiftSettings: dataPath
        ),
        .testTarget(
            name: "NodeRuntimeTests",
            dependencies: [
                "CLinux", "ControlProtocol", "Coordination", "Forwarding", "LinuxSystem", "NodeRuntime",
                "PacketNodes", "TestSupport",
            ],
            swiftSettings: dataPath
        ),
        .testTarget(
            name: "AccessListPluginTests",
            dependencies: ["AccessListPlugin", "CDPDK", "PacketBuffers", "PluginInterface"],
            swiftSettings: dataPath
        ),
        .testTarget(
            name: "SupervisionTests",
            dependencies: [
                "CausewayConfiguration", "ControlProtocol", "Coordination", "LinuxSystem",
                "Routing", "Supervision",
                "TestSupport", "fake-node", .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "ControlClientTests",
            dependencies: [
                "CausewayConfiguration", "ControlClient", "ControlProtocol", "Coordination",
                "LinuxSystem", "Routing", "Supervision",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "CommandShellTests",
            dependencies: [
                "CommandShell", "ControlClient", "ControlProtocol", "Coordination", "LinuxSystem",
                "StatisticsReader", "Supervision", "TestSupport", "command-fuzzer",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SystemTests",
            dependencies: ["ControlProtocol", "LinuxSystem", "TestSupport", "command-fuzzer"],
            exclude: ["programs"],
            swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
