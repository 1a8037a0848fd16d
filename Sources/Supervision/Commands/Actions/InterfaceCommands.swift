internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

extension CommandTable {
    private static let set =
        Syntax.word("set", "change a setting")
        + .word("interface", "an interface")
    private static let name = Syntax.value("interface", .interface, "the interface")

    /// The commands `set interface ...`.
    static let interfaceCommands = [
        Command(
            set + .word("state", "up or down") + name
                + .choice([.word("up", "take and send packets"), .word("down", "be silent")]),
            "Sets an interface up or down."
        ) { input, session throws(CommandFailure) in
            let name = try input.required(input.text("interface"), "INTERFACE")
            return try await session.dataplane.change(
                .interfaceState(name: name, isUp: input.has("up"))
            )
        },
        Command(
            set + .word("ip", "IPv4") + .word("address", "an address with its subnet")
                + .optional(.word("del", "take the address away")) + name
                + .value("address", .interfaceAddress, "the address and the length of its subnet"),
            "Gives an interface an address, or takes it away.",
            run: changeAddress
        ),
        Command(
            set + .word("mtu", "the largest packet") + .optional(.word("packet", "of layer 3"))
                + .value("bytes", .integer(68...9216), "bytes") + name,
            "Sets the largest IP packet that leaves in one frame."
        ) { input, session throws(CommandFailure) in
            let name = try input.required(input.text("interface"), "INTERFACE")
            let bytes = try input.required(input.integer("bytes"), "MTU")
            return try await session.dataplane.change(.mtu(interface: name, bytes: bytes))
        },
        Command(
            set + .words("mac address", help: "the Ethernet address") + name
                + .value("mac", .mac, "the address"),
            "Sets an interface's Ethernet address.",
            run: changeMAC
        ),
        Command(
            set + .word("promiscuous", "take frames to foreign addresses")
                + .choice([.word("on", "take them"), .word("off", "drop them")]) + name,
            "Takes or drops frames to foreign Ethernet addresses."
        ) { input, session throws(CommandFailure) in
            let name = try input.required(input.text("interface"), "INTERFACE")
            return try await session.dataplane.change(
                .promiscuous(interface: name, isOn: input.has("on"))
            )
        },
        Command(
            set + .word("rx-mode", "how lanes look after the receive queues") + name
                + .optional(.option("queue", .integer(0...65_535), "one receive queue alone"))
                + .choice([
                    .word("polling", "in every turn of the loop"),
                    .word("interrupt", "when the device calls"),
                    .word("adaptive", "polled while there is much to do, else by interrupt"),
                    .word("default", "polling; of one queue: as the interface's others"),
                ]),
            "Says how lanes look after an interface's receive queues.",
            run: changeRxMode
        ),
        Command(
            set + .word("handoff", "spread received packets by flow") + name
                + .choice([
                    .word("disable", "keep them on the lane that received them"),
                    .word("nodes", "over the lanes of these NUMA nodes")
                        + .value("nodes", .integers(0...63), "numbers of NUMA nodes")
                        + .optional(.word("symmetrical", "both directions of a flow to one lane")),
                ]),
            "Spreads what an interface receives over the lanes of NUMA nodes, by flow hash.",
            run: changeHandoff
        ),
    ]

    private static let changeAddress: Command.Action = { input, session throws(CommandFailure) in
        let name = try input.required(input.text("interface"), "INTERFACE")
        guard case .interfaceAddress(let address) = input.value("address") else {
            throw .refused("the command lacks its argument A.B.C.D/L")
        }
        return try await session.dataplane.change(
            input.has("del")
                ? .removeAddress(interface: name, address)
                : .addAddress(interface: name, address)
        )
    }

    private static let changeMAC: Command.Action = { input, session throws(CommandFailure) in
        let name = try input.required(input.text("interface"), "INTERFACE")
        let mac = try input.required(input.mac("mac"), "MAC")
        guard mac.bits != 0, !mac.isMulticast else {
            throw .refused("\(mac) cannot be an interface's address: it is zero or names a group")
        }
        return try await session.dataplane.change(.mac(interface: name, mac))
    }

    private static let changeRxMode: Command.Action = { input, session throws(CommandFailure) in
        let name = try input.required(input.text("interface"), "INTERFACE")
        let modes = [
            ("polling", RxMode.polling), ("interrupt", .interrupt), ("adaptive", .adaptive),
        ]
        let queue = input.integer("queue")
        if let queue {
            let placement = await session.dataplane.view().placement
            let count = placement.ports.first { $0.name == name }?.receivingQueues ?? 0
            guard queue < count else {
                let there = count == 1 ? "queue 0 alone" : "queues 0 to \(count - 1)"
                throw .refused("\(name) has \(count > 0 ? there : "no receive queues")")
            }
        }
        return try await session.dataplane.change(
            .rxMode(interface: name, queue: queue, modes.first { input.has($0.0) }?.1)
        )
    }

    private static let changeHandoff: Command.Action = { input, session throws(CommandFailure) in
        let name = try input.required(input.text("interface"), "INTERFACE")
        var target = HandoffTarget()
        if case .integers(let nodes) = input.value("nodes") {
            let known = Set(await session.dataplane.view().placement.nodes.map(\.number))
            if let unknown = nodes.first(where: { !known.contains($0) }) {
                let names = known.sorted().map(String.init).joined(separator: ", ")
                throw .refused("no NUMA node \(unknown) runs a worker; there are: \(names)")
            }
            target = HandoffTarget(
                nodes: nodes.map { UInt8($0) },
                isSymmetric: input.has("symmetrical")
            )
        }
        return try await session.dataplane.change(.handoff(interface: name, target))
    }
}

extension Dataplane {
    /// What arguments can be now.
    func grammarContext() async -> GrammarContext {
        let view = await view()
        return GrammarContext(
            interfaces: view.interfaces.map(\.name),
            numaNodes: view.placement.nodes.map(\.number)
        )
    }

    /// What arguments can be now, names that no line needs to be understood included.
    func completionContext() async -> GrammarContext {
        let view = await view()
        var context = await grammarContext()
        let graphNodes = Set(view.nodes.compactMap(\.segment).flatMap { $0.nodeNames.map(\.name) })
        context.names["GRAPH-NODE"] = graphNodes.sorted()
        context.names["PLUGIN"] = Set(await plugins().values.joined().map(\.name)).sorted()
        context.names["CLASS"] = LogPolicy.names
        context.names["INPUT-NODE"] = ["ethernet-input", "ip4-input"]
        return context
    }
}
