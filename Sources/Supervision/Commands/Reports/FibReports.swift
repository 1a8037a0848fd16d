internal import ControlProtocol

/// `show ip fib`: prefixes and where they lead.
struct FibReport: CommandResult {
    /// A prefix.
    struct Prefix: Encodable, Sendable {
        var prefix: String
        /// `connected`, `local`, `static`, ...
        var source: String
        /// `paths`, `local`, `glean`, `drop`, `unreachable`, `prohibit`
        var action: String
        var paths: [Path]
    }

    /// A way that packets take.
    struct Path: Encodable, Sendable {
        /// Nil: the destination itself.
        var nextHop: String?
        var interface: String?
        var weight: Int
        /// The next hop's Ethernet address; nil: not known, packets wait for it.
        var mac: String?
    }

    /// The prefixes in all, and those listed.
    var total: Int
    var prefixes: [Prefix]

    var text: String {
        var text = "ipv4-VRF:0, fib_index:0, prefixes:\(total)\n"
        for prefix in prefixes { text += prefix.text }
        if prefixes.count < total, prefixes.count > 1 {
            text += "\(total - prefixes.count) more; say max 0 to see all\n"
        }
        return text
    }
}

extension FibReport.Prefix {
    fileprivate var text: String {
        var text = "\(prefix)\n"
        if paths.isEmpty { return text + "  \(source): \(action)\n" }
        text += "  \(source): \(action)\n"
        for (index, path) in paths.enumerated() {
            let target = path.nextHop.map { "via \($0)" } ?? "attached"
            let exit = path.interface.map { " \($0)" } ?? ""
            let rewrite = path.mac.map { " rewrite \($0)" } ?? ""
            text += "    [\(index)] \(target)\(exit) weight \(path.weight)\(rewrite)\n"
        }
        return text
    }
}

/// `show ip fib summary`: how many prefixes of each length there are.
struct FibSummaryReport: CommandResult {
    /// Prefixes of one length.
    struct Length: Encodable, Sendable {
        var length: Int
        var count: Int
    }

    var total: Int
    /// Lengths without prefixes are left out.
    var lengths: [Length]

    var text: String {
        var table = TextTable([.init("Prefix length", 20), .init("Count", 16)])
        for length in lengths { table.add([String(length.length), String(length.count)]) }
        return "ipv4-VRF:0, fib_index:0, prefixes:\(total)\n" + table.text
    }
}

/// `show ip neighbors`
struct NeighboursReport: CommandResult {
    /// Who has an address.
    struct Neighbour: Encodable, Sendable {
        var address: String
        var mac: String
        var interface: String
        var isStatic: Bool
    }

    var neighbours: [Neighbour]

    var text: String {
        var table = TextTable([
            .init("IP", 24, .middle), .init("Flags", 6, .middle), .init("Ethernet", 20, .middle),
            .init("Interface", 24, .middle),
        ])
        for neighbour in neighbours {
            table.add([
                neighbour.address, neighbour.isStatic ? "S" : "D", neighbour.mac,
                neighbour.interface,
            ])
        }
        return table.text
    }
}
