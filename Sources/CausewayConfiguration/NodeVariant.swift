public import HostTopology

/// Which build of the packet side a NUMA node runs, and why.
public struct NodeVariant: Hashable, Sendable, Codable {
    /// The number of the node in the placement.
    public var node: Int
    /// The processor level that the program was compiled for.
    public var level: ProcessorLevel
    /// The program.
    public var path: String
    /// Why it was chosen, in a few words.
    public var reason: String
    /// The CPUs that it runs on.
    public var cpus: [Int]
    /// The name of their processor; empty when the kernel tells none.
    public var model: String

    /// Creates one from its parts.
    public init(
        node: Int,
        level: ProcessorLevel,
        path: String,
        reason: String,
        cpus: [Int],
        model: String
    ) {
        self.node = node
        self.level = level
        self.path = path
        self.reason = reason
        self.cpus = cpus
        self.model = model
    }
}

/// Chooses the build of the packet side for each node: the highest level that all its CPUs have.
public struct VariantSelection {
    private let features: CPUFeatures
    private let base: String
    private let wanted: ProcessorLevel?
    private let exists: (String) -> Bool
    private let isOlder: (String, String) -> Bool

    /// The level of the program without a suffix.
    public static let baseLevel = ProcessorLevel.v3

    /// Prepares a choice.
    ///
    /// - Parameters:
    ///   - base: the program of the lowest level; `-v3` and `-v4` are looked for beside it.
    ///   - wanted: the level of `cpu { variant }`; nil: the best.
    ///   - features: what the CPUs have.
    ///   - exists: whether there is a program.
    ///   - isOlder: whether a program was built before another one; a level that was built before the program
    ///     without a suffix does not belong to it.
    public init(
        base: String,
        wanted: ProcessorLevel? = nil,
        features: CPUFeatures,
        exists: @escaping (String) -> Bool,
        isOlder: @escaping (String, String) -> Bool = { _, _ in false }
    ) {
        self.base = base
        self.wanted = wanted
        self.features = features
        self.exists = exists
        self.isOlder = isOlder
    }

    /// Chooses for all nodes.
    ///
    /// - Returns: a variant a node, in the placement's order; and why some have none.
    public func choose(for placement: Placement) -> (variants: [NodeVariant], findings: [Finding]) {
        var variants: [NodeVariant] = []
        var findings: [Finding] = []
        for node in placement.nodes {
            switch choose(for: node) {
            case .success(let variant): variants.append(variant)
            case .failure(let finding): findings.append(finding.value)
            }
        }
        return (variants, findings)
    }

    private struct Refusal: Error { var value: Finding }

    /// The program of a level, if it is there.
    private func program(_ level: ProcessorLevel) -> String? {
        let named = "\(base)-\(level.rawValue)"
        if exists(named) { return named }
        return level == Self.baseLevel && exists(base) ? base : nil
    }

    private func choose(for node: NodePlacement) -> Result<NodeVariant, Refusal> {
        let cpus = Set(node.lanes + [node.controlCPU]).sorted()
        let levels = wanted.map { [$0] } ?? ProcessorLevel.allCases.sorted(by: >)
        var notes: [String] = []
        for level in levels {
            guard let path = program(level) else {
                notes.append("\(level.rawValue) is not built")
                continue
            }
            if path != base, exists(base), isOlder(path, base) {
                notes.append("\(path) is older than \(base): build it anew")
                continue
            }
            guard let lack = lack(of: level, among: cpus) else {
                let why = wanted == nil ? "the best that its CPUs have" : "cpu { variant }"
                return .success(
                    NodeVariant(
                        node: node.number,
                        level: level,
                        path: path,
                        reason: ([why] + notes).joined(separator: "; "),
                        cpus: cpus,
                        model: cpus.first.flatMap { features.models[$0] } ?? ""
                    )
                )
            }
            notes.append(
                "\(level.rawValue) needs \(lack.extensions.joined(separator: ", ")), which CPU "
                    + "\(lack.cpu) lacks"
            )
            if level == levels.last { return .failure(Refusal(value: refusal(node, level, lack))) }
        }
        return .failure(
            Refusal(
                value: Finding(
                    .programMissing,
                    .error,
                    "there is no program for NUMA node \(node.number): "
                        + notes.joined(separator: "; "),
                    remedy: "build it: `deploy/build`, or `swift build -c release`"
                )
            )
        )
    }

    private func lack(
        of level: ProcessorLevel,
        among cpus: [Int]
    ) -> (cpu: Int, extensions: [String])? {
        for cpu in cpus {
            // A kernel that tells nothing of a CPU is believed to run what its neighbours run.
            guard let flags = features.flags[cpu] else { continue }
            let missing = level.missing(from: flags)
            if !missing.isEmpty { return (cpu, missing) }
        }
        return nil
    }

    private func refusal(
        _ node: NodePlacement,
        _ level: ProcessorLevel,
        _ lack: (cpu: Int, extensions: [String])
    ) -> Finding {
        let lines = lack.extensions.map {
            "ERROR: This binary requires CPU with \($0) extensions."
        }
        return Finding(
            .extensionMissing,
            .error,
            "NUMA node \(node.number), CPU \(lack.cpu), for \(level.march): "
                + lines.joined(separator: " "),
            remedy: "run it on CPUs that have them, or build for a lower `-march`"
        )
    }
}
