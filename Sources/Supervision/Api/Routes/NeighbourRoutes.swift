internal import ControlProtocol

extension ApiCall {
    /// The interface and the address that the path names.
    fileprivate func place() async throws(ApiFault) -> (interface: String, address: IPv4Address) {
        let name = value("interface")
        let names = await dataplane.view().interfaces.map(\.name)
        guard names.contains(name) else { throw .noInterface(name, names) }
        guard let address = IPv4Address(value("address")) else {
            throw ApiFault(400, "\(value("address")) is no address")
        }
        return (name, address)
    }

    fileprivate func neighbour() async throws(ApiFault) -> NeighboursReport.Neighbour {
        let (name, address) = try await place()
        let all = NeighboursReport(await dataplane.view(), only: name).neighbours
        guard let found = all.first(where: { $0.address == address.description }) else {
            throw ApiFault(404, "nobody is known to have \(address) on \(name)")
        }
        return found
    }
}

extension ApiTable {
    private static let place = [
        ApiParameter.path("interface", .text(1...64), "the interface's name"),
        ApiParameter.path("address", .format(.address), "the neighbour's IPv4 address"),
    ]
    private static let samePlace = [
        "interface": "$request.path.interface", "address": "$request.path.address",
    ]
    private static let schema = ApiSchema.object(
        [
            ApiField("address", .format(.address), required: true, "its IPv4 address"),
            ApiField("mac", .format(.mac), required: true, "its Ethernet address"),
            ApiField("interface", .text(1...64), required: true, "where it is"),
            ApiField("isStatic", .boolean, required: true, "whether it was configured, not learnt"),
        ],
        isOpen: true
    )
    private static let list = ApiSchema.object(
        [ApiField("neighbours", .list(schema, 0...100_000), required: true, "all of them")],
        isOpen: true
    )

    static let neighbourRoutes: [ApiRoute] = [
        ApiRoute(
            "GET",
            "/v1/ip/neighbors",
            "listNeighbors",
            .read,
            "Lists who has which address on connected subnets.",
            result: list
        ) {
            call throws(ApiFault) in
            ApiReply(encoding: NeighboursReport(await call.dataplane.view(), only: nil))
        },
        ApiRoute(
            "GET",
            "/v1/ip/neighbors/{interface}/{address}",
            "getNeighbor",
            .read,
            "Says who has an address.",
            result: schema
        ) {
            call throws(ApiFault) in ApiReply(encoding: try await call.neighbour())
        }.with { $0.parameters = place },
        ApiRoute(
            "PUT",
            "/v1/ip/neighbors/{interface}/{address}",
            "putNeighbor",
            .change,
            "Says who has an address on a connected subnet, for good.",
            result: changeSchema
        ) {
            call throws(ApiFault) in
            let (name, address) = try await call.place()
            guard let mac = call.json["mac"].string.flatMap({ MACAddress($0) }), mac.bits != 0,
                !mac.isMulticast
            else {
                throw ApiFault(
                    409,
                    "refused",
                    "mac cannot be a neighbour's: it is zero or names a group"
                )
            }
            return try await call.change(.neighbour(interface: name, address, mac))
        }.with {
            $0.parameters = place
            $0.body = .object(
                [ApiField("mac", .format(.mac), required: true, "its Ethernet address")],
                isOpen: false
            )
            $0.links = [
                ApiLink(name: "read", operation: "getNeighbor", parameters: samePlace),
                ApiLink(name: "remove", operation: "deleteNeighbor", parameters: samePlace),
            ]
        },
        ApiRoute(
            "DELETE",
            "/v1/ip/neighbors/{interface}/{address}",
            "deleteNeighbor",
            .change,
            "Forgets who has an address.",
            result: changeSchema
        ) {
            call throws(ApiFault) in
            _ = try await call.neighbour()
            let (name, address) = try await call.place()
            return try await call.change(.removeNeighbour(interface: name, address))
        }.with {
            $0.parameters = place
            $0.links = [ApiLink(name: "read", operation: "getNeighbor", parameters: samePlace)]
        },
    ]
}
