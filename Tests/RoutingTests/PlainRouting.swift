import ControlProtocol
import Routing

/// Interfaces, routes and neighbours in dictionaries, and what follows from them worked out anew
/// for each question.
struct PlainRouting {
    var interfaces: [UInt16: InterfaceRecord] = [:]
    var statics: [IPv4Prefix: RouteTarget] = [:]
    var neighbours: [Neighbour] = []

    /// The adjacencies that a packet to an address may take; empty: no route.
    func forwarding(_ address: UInt32) -> Set<AdjacencyRecord> {
        for length in (0...32).reversed() {
            let prefix = IPv4Prefix(address: IPv4Address(bits: address), length: length)
            if let own = own(prefix) { return [own] }
            if let target = statics[prefix] {
                let records = resolve(target, [])
                if !records.isEmpty { return records }
            }
            if length == 32, let host = host(address) { return [host] }
        }
        return []
    }

    /// What an interface that is up says of a prefix.
    private func own(_ prefix: IPv4Prefix) -> AdjacencyRecord? {
        let bits = prefix.address.bits
        let addresses = interfaces.values.filter(\.isUp).flatMap { record in
            record.addresses.map { (record.index, $0, subnet($0)) }
        }
        if prefix.length == 32 {
            if addresses.contains(where: { $0.1.address == bits }) {
                return AdjacencyRecord(kind: .local)
            }
            let ends = addresses.contains { _, _, subnet in
                subnet.length < 31
                    && (bits == subnet.address.bits
                        || bits == subnet.address.bits | ~IPv4Address.mask(length: subnet.length))
            }
            if ends { return AdjacencyRecord(kind: .drop) }
        }
        return addresses.first { $0.2 == prefix && prefix.length < 32 }.map {
            AdjacencyRecord(kind: .glean, interface: $0.0)
        }
    }

    private func host(_ address: UInt32) -> AdjacencyRecord? {
        for record in interfaces.values where record.isUp {
            let isNear = record.addresses.contains {
                $0.prefixLength < 32 && subnet($0).contains(IPv4Address(bits: address))
            }
            let hop = nextHop(address, record.index)
            if isNear, hop.kind == .rewrite { return hop }
        }
        return nil
    }

    private func nextHop(_ address: UInt32, _ interface: UInt16) -> AdjacencyRecord {
        guard
            let entry = neighbours.first(where: {
                $0.interface == interface && $0.address.bits == address
            })
        else { return AdjacencyRecord(kind: .arp, interface: interface, nextHop: address) }
        return AdjacencyRecord(
            kind: .rewrite,
            interface: interface,
            nextHop: address,
            destination: entry.mac
        )
    }

    private func resolve(_ target: RouteTarget, _ before: [RouteTarget]) -> Set<AdjacencyRecord> {
        guard !before.contains(target), before.count < 8 else { return [] }
        switch target {
        case .drop: return [AdjacencyRecord(kind: .drop)]
        case .unreachable: return [AdjacencyRecord(kind: .unreachable)]
        case .prohibited: return [AdjacencyRecord(kind: .prohibited)]
        case .local: return [AdjacencyRecord(kind: .local)]
        case .paths(let paths):
            return Set(paths.flatMap { resolve($0, before + [target]) })
        }
    }

    private func resolve(_ path: RoutePath, _ before: [RouteTarget]) -> Set<AdjacencyRecord> {
        if let name = path.interface {
            guard let record = interfaces.values.first(where: { $0.name == name }), record.isUp,
                !record.addresses.isEmpty
            else { return [] }
            guard let hop = path.nextHop else {
                return [AdjacencyRecord(kind: .glean, interface: record.index)]
            }
            return [nextHop(hop.bits, record.index)]
        }
        guard let hop = path.nextHop else { return [] }
        for length in (0...32).reversed() {
            let prefix = IPv4Prefix(address: hop, length: length)
            if let own = own(prefix) {
                return own.kind == .glean ? [nextHop(hop.bits, own.interface)] : []
            }
            if let target = statics[prefix] { return resolve(target, before) }
            if length == 32, let host = host(hop.bits) { return [host] }
        }
        return []
    }

    private func subnet(_ address: InterfaceAddress) -> IPv4Prefix {
        IPv4Prefix(
            address: IPv4Address(bits: address.address),
            length: Int(address.prefixLength)
        )
    }
}
