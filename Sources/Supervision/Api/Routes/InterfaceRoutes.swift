internal import CausewayConfiguration
internal import ControlProtocol

/// An interface's configuration.
struct ApiInterface: Encodable, Sendable {
    struct Handoff: Encodable, Sendable {
        var nodes: [Int]
        var isSymmetric: Bool
    }

    var name: String
    var index: Int
    var numaNode: Int
    var isUp: Bool
    var mtu: Int
    var mac: String
    var isPromiscuous: Bool
    var rxMode: String
    var addresses: [String]
    var handoff: Handoff

    init(_ record: InterfaceRecord) {
        name = record.name
        index = Int(record.index)
        numaNode = Int(record.node)
        isUp = record.isUp
        mtu = Int(record.mtu)
        mac = record.mac.description
        isPromiscuous = record.isPromiscuous
        rxMode = "\(record.rxMode)"
        addresses = record.addresses.map(\.text)
        handoff = Handoff(
            nodes: record.handoff.nodes.map { Int($0) },
            isSymmetric: record.handoff.isSymmetric
        )
    }

    private static let settings = [
        ApiField("isUp", .boolean, "whether it takes and sends packets"),
        ApiField("mtu", .integer(68...9216), "bytes of the largest IP packet"),
        ApiField("mac", .format(.mac), "its Ethernet address"),
        ApiField("isPromiscuous", .boolean, "whether it takes frames to foreign addresses"),
    ]
    private static let handoff = ApiSchema.object(
        [
            ApiField(
                "nodes",
                .list(.integer(0...63), 0...64),
                required: true,
                "NUMA nodes; none: they stay"
            ),
            ApiField("isSymmetric", .boolean, "whether both directions of a flow go to one lane"),
        ],
        isOpen: false
    )

    static let changes = ApiSchema.object(
        settings + [
            ApiField(
                "rxMode",
                .choice(["polling", "interrupt", "adaptive", "default"]),
                "how lanes look after its receive queues"
            ),
            ApiField("handoff", handoff, "over whose lanes received packets are spread"),
        ],
        isOpen: false
    )

    static let schema = ApiSchema.object(
        [
            ApiField("name", .text(1...64), required: true, "what commands call it"),
            ApiField(
                "index",
                .integer(0...255),
                required: true,
                "its number, the same on every NUMA node"
            ),
            ApiField("numaNode", .integer(0...63), required: true, "the NUMA node of its port"),
        ]
            + settings.map { ApiField($0.name, $0.schema, required: true, $0.summary) } + [
                ApiField("rxMode", .text(1...16), required: true, "of its receive queues"),
                ApiField("addresses", .list(.format(.prefix), 0...1024), required: true, "IPv4"),
                ApiField("handoff", .record, required: true, "how received packets are spread"),
            ],
        isOpen: true
    )

    static let list = ApiSchema.object(
        [
            ApiField(
                "interfaces",
                .list(.named("Interface"), 0...256),
                required: true,
                "all of them"
            )
        ],
        isOpen: true
    )
}

/// What every change is answered with.
let changeSchema = ApiSchema.object(
    [ApiField("change", .integer(0...Int.max), required: true, "its number in the journal")],
    isOpen: true
)

extension ApiCall {
    /// The interface that the path names.
    fileprivate func interface() async throws(ApiFault) -> InterfaceRecord {
        let name = value("name")
        let all = await dataplane.view().interfaces
        guard let record = all.first(where: { $0.name == name }) else {
            throw .noInterface(name, all.map(\.name))
        }
        return record
    }

    fileprivate func address() throws(ApiFault) -> InterfaceAddress {
        let text = value("address")
        guard let prefix = IPv4Prefix(text),
            let address = IPv4Address(text.prefix { $0 != "/" })
        else { throw ApiFault(400, "\(text) is no address") }
        return InterfaceAddress(address: address.bits, prefixLength: UInt8(prefix.length))
    }

    /// Makes the changes that the body names, one after the other.
    fileprivate func setInterface() async throws(ApiFault) -> ApiReply {
        let record = try await interface()
        let changes = try await settings(of: record.name)
        guard !changes.isEmpty else { return ApiReply(change: await dataplane.view().changeNumber) }
        let request = ChangeRequest.current ?? ChangeRequest()
        var reply = ApiReply(change: 0)
        for (index, (_, change)) in changes.enumerated() {
            let part = request.part(index, of: changes.count)
            let outcome = await ChangeRequest.$current.withValue(part) {
                await made(change)
            }
            switch outcome {
            case .success(let made): reply = made
            case .failure(var fault):
                let done = changes[..<index].map(\.name).joined(separator: ", ")
                if !done.isEmpty { fault.message += "; set already: \(done)" }
                throw fault
            }
        }
        return reply
    }

    private func made(_ change: ConfigurationChange) async -> Result<ApiReply, ApiFault> {
        do throws(ApiFault) {
            return .success(try await self.change(change))
        } catch { return .failure(error) }
    }

    /// What the body asks for, in an order in which each can be done.
    private func settings(
        of name: String
    ) async throws(ApiFault) -> [(name: String, change: ConfigurationChange)] {
        var changes: [(String, ConfigurationChange)] = []
        if let bytes = json["mtu"].wholeNumber {
            changes.append(("mtu", .mtu(interface: name, bytes: bytes)))
        }
        if let text = json["mac"].string, let mac = MACAddress(text) {
            guard mac.bits != 0, !mac.isMulticast else {
                throw ApiFault(
                    409,
                    "refused",
                    "\(mac) cannot be an interface's address: it is zero or names a group"
                )
            }
            changes.append(("mac", .mac(interface: name, mac)))
        }
        if let isOn = json["isPromiscuous"].boolean {
            changes.append(("isPromiscuous", .promiscuous(interface: name, isOn: isOn)))
        }
        if let mode = json["rxMode"].string {
            let modes: [String: RxMode] = [
                "polling": .polling, "interrupt": .interrupt, "adaptive": .adaptive,
            ]
            changes.append(("rxMode", .rxMode(interface: name, queue: nil, modes[mode])))
        }
        if case .object = json["handoff"] {
            let nodes = json["handoff"]["nodes"].elements.compactMap(\.wholeNumber)
            let known = await dataplane.view().placement.nodes.map(\.number)
            if let unknown = nodes.first(where: { !known.contains($0) }) {
                throw ApiFault(409, "refused", "no NUMA node \(unknown) runs a worker")
            }
            guard Set(nodes).count == nodes.count else {
                throw ApiFault(409, "refused", "a NUMA node is named twice")
            }
            let target = HandoffTarget(
                nodes: nodes.map { UInt8($0) },
                isSymmetric: json["handoff"]["isSymmetric"].boolean ?? false
            )
            changes.append(("handoff", .handoff(interface: name, target)))
        }
        if let isUp = json["isUp"].boolean {
            changes.append(("isUp", .interfaceState(name: name, isUp: isUp)))
        }
        return changes
    }
}

extension ApiFault {
    static func noInterface(_ name: String, _ names: [String]) -> ApiFault {
        var fault = ApiFault(404, "there is no interface \(name.prefix(64))")
        fault.expected = names
        return fault
    }
}

extension ApiTable {
    private static let name = ApiParameter.path("name", .text(1...64), "the interface's name")
    private static let address = ApiParameter.path(
        "address",
        .format(.prefix),
        "address and length of its subnet; the slash is %2F"
    )
    private static let sameInterface = ["name": "$request.path.name"]
    private static let firstInterface = ["name": "$response.body#/interfaces/0/name"]
    private static let firstAsPlace = ["interface": "$response.body#/interfaces/0/name"]

    static let interfaceRoutes: [ApiRoute] = [
        ApiRoute(
            "GET",
            "/v1/interfaces",
            "listInterfaces",
            .read,
            "Lists the interfaces' configuration.",
            result: ApiInterface.list
        ) {
            call throws(ApiFault) in
            ApiReply(encoding: [
                "interfaces": await call.dataplane.view().interfaces.map { ApiInterface($0) }
            ])
        }.with {
            $0.isTagged = true
            $0.links = [
                ApiLink(name: "first", operation: "getInterface", parameters: firstInterface),
                ApiLink(name: "set", operation: "setInterface", parameters: firstInterface),
                ApiLink(
                    name: "addAddress",
                    operation: "addInterfaceAddress",
                    parameters: firstInterface
                ),
                ApiLink(name: "putNeighbor", operation: "putNeighbor", parameters: firstAsPlace),
                ApiLink(
                    name: "counters",
                    operation: "showInterfaceByInterface",
                    parameters: firstAsPlace
                ),
                ApiLink(
                    name: "hardware",
                    operation: "showHardwareInterfacesByInterface",
                    parameters: firstAsPlace
                ),
                ApiLink(
                    name: "neighbors",
                    operation: "showIpNeighborsByInterface",
                    parameters: firstAsPlace
                ),
            ]
        },
        ApiRoute(
            "GET",
            "/v1/interfaces/{name}",
            "getInterface",
            .read,
            "Gives an interface's configuration.",
            result: .named("Interface")
        ) {
            call throws(ApiFault) in
            ApiReply(encoding: ApiInterface(try await call.interface()))
        }.with {
            $0.parameters = [name]
            $0.isTagged = true
        },
        ApiRoute(
            "PATCH",
            "/v1/interfaces/{name}",
            "setInterface",
            .change,
            "Sets what the body names; the rest stays.",
            result: changeSchema
        ) {
            call throws(ApiFault) in try await call.setInterface()
        }.with {
            $0.parameters = [name]
            $0.body = ApiInterface.changes
            $0.links = [ApiLink(name: "read", operation: "getInterface", parameters: sameInterface)]
        },
        ApiRoute(
            "PUT",
            "/v1/interfaces/{name}/addresses/{address}",
            "addInterfaceAddress",
            .change,
            "Gives an interface an address; its subnet becomes connected.",
            result: changeSchema
        ) {
            call throws(ApiFault) in
            let record = try await call.interface()
            return try await call.change(.addAddress(interface: record.name, try call.address()))
        }.with {
            $0.parameters = [name, address]
            $0.links = [
                ApiLink(name: "read", operation: "getInterface", parameters: sameInterface),
                ApiLink(
                    name: "remove",
                    operation: "removeInterfaceAddress",
                    parameters: ["name": "$request.path.name", "address": "$request.path.address"]
                ),
            ]
        },
        ApiRoute(
            "DELETE",
            "/v1/interfaces/{name}/addresses/{address}",
            "removeInterfaceAddress",
            .change,
            "Takes an address away, and its connected subnet.",
            result: changeSchema
        ) {
            call throws(ApiFault) in
            let record = try await call.interface()
            let address = try call.address()
            guard record.addresses.contains(address) else {
                throw ApiFault(404, "\(record.name) has no address \(address.text)")
            }
            return try await call.change(.removeAddress(interface: record.name, address))
        }.with { $0.parameters = [name, address] },
    ]
}
