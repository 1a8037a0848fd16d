internal import ControlProtocol
internal import Routing

/// `show ip fib`: prefixes and where they lead.
struct FibReport: CommandResult {
    /// A prefix.
    struct Prefix: Encodable, Sendable {
        var prefix: String
        /// The source that is followed; nil: the prefix is not forwarded.
        var activeSource: String?
        /// What each source says of the prefix, the one that is followed first.
        var sources: [Source]
        /// Where packets go, a line for each way; empty: the prefix is not forwarded.
        var forwarding: [String]
    }

    /// What a source says of a prefix.
    struct Source: Encodable, Sendable {
        /// Its name: `interface`, `static` or `neighbour`.
        var source: String
        /// As it was configured.
        var text: String
        /// Whether that leads anywhere at present.
        var isResolved: Bool
    }

    /// The prefixes that are forwarded.
    var total: Int
    var prefixes: [Prefix]
    /// Whether there are more than those listed.
    var isCut: Bool

    var text: String {
        var text = "ipv4-VRF:0, fib_index:0, prefixes:\(total)\n"
        for prefix in prefixes { text += prefix.text }
        if isCut { text += "and more; add max 0 to see all\n" }
        return text
    }
}

extension FibReport {
    /// Lists the prefixes within one, or all.
    init(_ view: DataplaneView, within: IPv4Prefix?, limit: Int) {
        let first = within ?? IPv4Prefix(address: IPv4Address(bits: 0), length: 0)
        let ceiling = limit == .max ? limit : limit + 1
        let entries = view.routing.entries(from: first, limit: ceiling).prefix {
            $0.prefix.length >= first.length && first.contains($0.prefix.address)
        }
        total = view.routing.routeCounts.reduce(0, +)
        prefixes = entries.prefix(limit).map { Prefix($0) }
        isCut = entries.count > limit
    }

    /// Finds the prefix that an address takes; none if there is no route.
    init(_ view: DataplaneView, address: IPv4Address) {
        total = view.routing.routeCounts.reduce(0, +)
        prefixes = view.routing.route(to: address).map { [Prefix($0)] } ?? []
        isCut = false
    }
}

extension FibReport.Prefix {
    fileprivate init(_ entry: RouteEntry) {
        prefix = entry.prefix.description
        activeSource = entry.activeSource?.name
        sources = entry.claims.map {
            FibReport.Source(source: $0.source.name, text: $0.text, isResolved: $0.isResolved)
        }
        forwarding = entry.forwarding
    }

    fileprivate var text: String {
        var text = "\(prefix)\n"
        for source in sources {
            text +=
                "  \(source.source): \(source.text)\(source.isResolved ? "" : " (unresolved)")\n"
        }
        for line in forwarding { text += "    \(line)\n" }
        return forwarding.isEmpty ? text + "    not forwarded\n" : text
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

extension FibSummaryReport {
    init(_ view: DataplaneView) {
        let counts = view.routing.routeCounts
        total = counts.reduce(0, +)
        lengths = counts.enumerated().filter { $0.element > 0 }.map {
            Length(length: $0.offset, count: $0.element)
        }
    }
}

/// `show ip neighbors`: who has which address.
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

extension NeighboursReport {
    init(_ view: DataplaneView, only: String?) {
        let names = Dictionary(
            view.interfaces.map { ($0.index, $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
        neighbours = view.routing.neighbourList.compactMap { neighbour in
            let name = names[neighbour.interface] ?? "interface \(neighbour.interface)"
            guard only == nil || only == name else { return nil }
            return Neighbour(
                address: neighbour.address.description,
                mac: neighbour.mac.description,
                interface: name,
                isStatic: neighbour.isStatic
            )
        }
    }
}
