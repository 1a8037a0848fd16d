internal import Coordination

/// What a build of keeper and worker is, and the versions of all that it shares with other processes.
///
/// A supervisor, a keeper, a worker and its successor need not be of one build, but of one version of
/// each layout.
public struct BuildVersions: Hashable, Sendable, Codable {
    /// The name of the program that this is about.
    public static let nodeProgram = "causeway-node"

    /// The program's name.
    public var program: String
    /// The version text of the build.
    public var version: String
    /// What the linker made of the program's content, hexadecimal; empty: nothing.
    public var buildID: String
    /// The level of the x86-64 ABI that it was compiled for, such as `v3`.
    public var processor: String
    /// DPDK's version, which keeper and workers of a node must share; empty: no DPDK is in it.
    public var dpdk: String
    /// The version of each layout, by its name.
    public var layouts: [String: String]

    /// Says what a program is.
    ///
    /// - Parameters:
    ///   - program: its name.
    ///   - version: the build's version text.
    ///   - buildID: of the linker, hexadecimal.
    ///   - processor: the level that it was compiled for.
    ///   - dpdk: DPDK's version.
    ///   - layouts: without more said those of this build.
    public init(
        program: String = BuildVersions.nodeProgram,
        version: String = Build.version,
        buildID: String = "",
        processor: String = "",
        dpdk: String = "",
        layouts: [String: String] = BuildVersions.presentLayouts
    ) {
        self.program = program
        self.version = version
        self.buildID = buildID
        self.processor = processor
        self.dpdk = dpdk
        self.layouts = layouts
    }

    /// The layouts that this build was compiled with.
    public static let presentLayouts: [String: String] = {
        let own = [
            SharedLayout("protocol", version: UInt64(NodeMessage.version), parts: []),
            SharedLayout("changes", version: UInt64(ChangeCoding.version), parts: sampleOfChanges),
        ]
        let pairs = (SharedLayout.memory + own).map { ($0.name, $0.version) }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }()

    /// One change of each kind as it travels.
    private static var sampleOfChanges: [Int] {
        let leaf = Leaf(adjacency: 5)
        var interface = InterfaceRecord(
            index: 3,
            name: "if",
            node: 1,
            mac: MACAddress(bits: 7),
            addresses: [InterfaceAddress(address: 0x0A00_0001, prefixLength: 24)],
            handoff: HandoffTarget(nodes: [0, 1])
        )
        interface.queueModes = [1: .adaptive]
        let changes: [ForwardingChange] = [
            .interface(interface),
            .adjacency(
                index: 9,
                AdjacencyRecord(
                    kind: .rewrite,
                    interface: 3,
                    nextHop: 4,
                    destination: MACAddress(bits: 5)
                )
            ),
            .adjacencyRemoved(index: 9), .pathList(index: 2, buckets: [5, 6]),
            .pathListRemoved(index: 2),
            .routes([Route(prefix: 0x0A00_0000, length: 8, leaf: leaf)]),
            .routesRemoved([
                RemovedRoute(prefix: 0x0A00_0000, length: 8, coverLength: 0, coverLeaf: .noRoute)
            ]),
        ]
        return ChangeCoding.encodeChunks(changes).joined().map { Int($0) }
    }

    /// What of another build does not fit to this one's layouts; empty: everything does.
    ///
    /// - Parameters:
    ///   - others: the layouts of the other build, by name.
    ///   - own: the layouts that they must have.
    /// - Returns: one text a layout with both versions, the other build's first.
    public static func differences(
        of others: [String: String],
        from own: [String: String] = presentLayouts
    ) -> [String] {
        Set(others.keys).union(own.keys).sorted().compactMap { name in
            let (theirs, ours) = (others[name], own[name])
            guard theirs != ours else { return nil }
            return "\(name) \(theirs ?? "unknown there"), not \(ours ?? "unknown here")"
        }
    }

    /// The build in a few characters: version and the beginning of its build id.
    public var name: String { Self.name(version: version, buildID: buildID) }

    static func name(version: String, buildID: String) -> String {
        buildID.isEmpty ? version : "\(version) (\(buildID.prefix(8)))"
    }

    /// The versions as one line of JSON, keys in order; needs no library.
    public var json: String {
        func quoted(_ text: String) -> String {
            let plain = text.unicodeScalars.filter { $0.value >= 32 && $0 != "\"" && $0 != "\\" }
            return "\"\(String(String.UnicodeScalarView(plain)))\""
        }
        let layouts = layouts.sorted { $0.key < $1.key }
            .map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
        return "{\"buildID\":\(quoted(buildID)),\"dpdk\":\(quoted(dpdk)),\"layouts\":{\(layouts)},"
            + "\"processor\":\(quoted(processor)),\"program\":\(quoted(program)),"
            + "\"version\":\(quoted(version))}"
    }
}
