internal import CausewayConfiguration
internal import HostTopology
internal import LinuxSystem

/// `show cpu`: the processors, and which build of the packet side runs on them.
struct CPUReport: CommandResult {
    struct Node: Encodable, Sendable {
        var numaNode: Int
        var model: String
        /// The level of the x86-64 ABI that the program was compiled for.
        var variant: String
        var program: String
        var why: String
        var cpus: [Int]
        /// The extensions that the program may use.
        var extensions: [String]
    }

    var nodes: [Node]

    init(variants: [NodeVariant]) {
        nodes = variants.map { variant in
            Node(
                numaNode: variant.node,
                model: variant.model,
                variant: variant.level.rawValue,
                program: variant.path,
                why: variant.reason,
                cpus: variant.cpus,
                extensions: variant.level.extensions.map(\.name)
            )
        }
    }

    var text: String {
        nodes.map { node in
            """
            NUMA node \(node.numaNode)
              Model name:  \(node.model)
              CPUs:        \(CPUSet(node.cpus))
              Variant:     \(node.variant) (\(node.why))
              Program:     \(node.program)
              Extensions:  \(node.extensions.joined(separator: " "))

            """
        }.joined()
    }
}
