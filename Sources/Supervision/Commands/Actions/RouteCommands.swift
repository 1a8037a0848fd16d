internal import ControlProtocol
internal import Routing

extension CommandTable {
    /// The most prefixes of one command with `count`.
    static let maximumRouteCount = 4_194_304

    private static let count = Syntax.option(
        "count",
        .integer(1...maximumRouteCount),
        "so many prefixes of this length, one after another"
    )

    private static let special = Syntax.choice([
        .word("drop", "drop silently"), .word("unreachable", "answer: network unreachable"),
        .word("prohibit", "answer: administratively prohibited"),
        .word("local", "for the router itself"),
    ])

    private static let weight = Syntax.optional(
        .option("weight", .integer(1...255), "the share of this path")
    )

    private static let path = Syntax.choice([
        .value("next-hop", .address, "the next router")
            + .optional(.value("interface", .interface, "the interface to leave by")) + weight,
        .value("interface", .interface, "a connected subnet") + weight,
    ])

    private static let target = Syntax.choice([
        special, .word("via", "where to") + special,
        .repeated(.word("via", "where to") + path),
    ])

    /// The commands `ip route ...`.
    static let routeCommands = [
        Command(
            .words("ip route", help: "routes") + .word("add", "paths to prefixes")
                + .optional(count)
                + .value("prefix", .prefix, "the destination") + .optional(count) + target,
            "Adds paths to prefixes.",
            run: addRoutes
        ),
        Command(
            .words("ip route", help: "routes") + .word("del", "paths from prefixes")
                + .optional(count) + .value("prefix", .prefix, "the destination")
                + .optional(count) + .optional(target),
            "Takes paths of prefixes away; without a path, all that were added."
        ) { input, session throws(CommandFailure) in
            let prefixes = try input.prefixes()
            return try await session.dataplane.change(
                .removeRoutes(prefixes, try input.routeTarget())
            )
        },
    ]

    private static let addRoutes: Command.Action = { input, session throws(CommandFailure) in
        let target = try input.required(try input.routeTarget(), "path")
        return try await session.dataplane.change(
            .addRoutes(try input.prefixes(), target, replace: false)
        )
    }

    private static let neighbour = Syntax.words("set ip neighbor", help: "who has an address")

    /// The commands `set ip neighbor ...`.
    static let neighbourCommands = [
        Command(
            neighbour + .value("interface", .interface, "where it is")
                + .value("address", .address, "its IPv4 address")
                + .value("mac", .mac, "its Ethernet address")
                + .optional(.word("static", "for good")),
            "Says who has an address on a connected subnet."
        ) { input, session throws(CommandFailure) in
            let mac = try input.required(input.mac("mac"), "MAC")
            guard mac.bits != 0, !mac.isMulticast else {
                throw .refused(
                    "\(mac) cannot be a neighbour's address: it is zero or names a group"
                )
            }
            return try await session.dataplane.change(
                .neighbour(
                    interface: try input.required(input.text("interface"), "INTERFACE"),
                    try input.required(input.address("address"), "A.B.C.D"),
                    mac
                )
            )
        },
        Command(
            neighbour + .word("del", "forget it") + .value("interface", .interface, "where it is")
                + .value("address", .address, "its IPv4 address")
                + .optional(.value("mac", .mac, "its Ethernet address")),
            "Forgets who has an address."
        ) { input, session throws(CommandFailure) in
            try await session.dataplane.change(
                .removeNeighbour(
                    interface: try input.required(input.text("interface"), "INTERFACE"),
                    try input.required(input.address("address"), "A.B.C.D")
                )
            )
        },
    ]
}

extension CommandInput {
    /// The prefix, or as many as `count` says, each following the one before.
    func prefixes() throws(CommandFailure) -> [IPv4Prefix] {
        let first = try required(prefix("prefix"), "A.B.C.D/L")
        guard let count = integer("count"), count > 1 else { return [first] }
        let step = UInt64(1) << UInt64(32 - first.length)
        let last = UInt64(first.address.bits) + UInt64(count - 1) * step
        guard last <= UInt64(UInt32.max) else {
            let room = (UInt64(UInt32.max) - UInt64(first.address.bits)) / step + 1
            throw .refused(
                "from \(first) on there are \(room) prefixes of that length, not \(count)"
            )
        }
        return (0..<UInt64(count)).map { index in
            let bits = UInt32(UInt64(first.address.bits) + index * step)
            return IPv4Prefix(address: IPv4Address(bits: bits), length: first.length)
        }
    }

    /// Where the routes lead; nil: the line does not say.
    func routeTarget() throws(CommandFailure) -> RouteTarget? {
        if has("drop") { return .drop }
        if has("unreachable") { return .unreachable }
        if has("prohibit") { return .prohibited }
        if has("local") { return .local }
        var paths: [RoutePath] = []
        for capture in captures {
            switch (capture.key, capture.value) {
            case ("via", .keyword): paths.append(RoutePath(nextHop: nil, interface: nil))
            case ("next-hop", .address(let address)) where !paths.isEmpty:
                paths[paths.count - 1].nextHop = address
            case ("interface", .text(let name)) where !paths.isEmpty:
                paths[paths.count - 1].interface = name
            case ("weight", .integer(let weight)) where !paths.isEmpty:
                paths[paths.count - 1].weight = weight
            default: break
            }
        }
        return paths.isEmpty ? nil : .paths(paths)
    }
}
