public import ControlProtocol

/// A neighbour as `show ip neighbors` lists it.
public struct Neighbour: Hashable, Sendable {
    /// The interface that it is on.
    public var interface: UInt16
    /// Its IPv4 address.
    public var address: IPv4Address
    /// Its Ethernet address.
    public var mac: MACAddress
    /// Whether the operator entered it; else it was learned.
    public var isStatic: Bool

    /// Makes an entry of its parts.
    public init(interface: UInt16, address: IPv4Address, mac: MACAddress, isStatic: Bool) {
        self.interface = interface
        self.address = address
        self.mac = mac
        self.isStatic = isStatic
    }
}

struct NeighbourKey: Hashable, Comparable, Sendable {
    var interface: UInt16
    var address: UInt32

    static func < (left: NeighbourKey, right: NeighbourKey) -> Bool {
        (left.interface, left.address) < (right.interface, right.address)
    }
}

struct NeighbourEntry: Hashable, Sendable {
    var mac: MACAddress
    var isStatic: Bool
}

extension RoutingState {
    /// All neighbours, by interface and address.
    public var neighbourList: [Neighbour] {
        neighbours.sorted { $0.key < $1.key }.map { key, entry in
            Neighbour(
                interface: key.interface,
                address: IPv4Address(bits: key.address),
                mac: entry.mac,
                isStatic: entry.isStatic
            )
        }
    }

    /// Enters or learns who owns an address on an interface's network.
    ///
    /// What was learned does not displace what the operator entered: then nothing is changed.
    ///
    /// - Parameter neighbour: the entry.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func setNeighbour(
        _ neighbour: Neighbour
    ) throws(RoutingError) -> [ForwardingChange] {
        let record = try knownInterface(neighbour.interface)
        let key = NeighbourKey(
            interface: neighbour.interface,
            address: neighbour.address.bits
        )
        let entry = NeighbourEntry(mac: neighbour.mac, isStatic: neighbour.isStatic)
        let old = neighbours[key]
        if old == entry || (old?.isStatic == true && !entry.isStatic) {
            begin()
            return []
        }
        if let reason = neighbour.address.reasonAgainstUse {
            throw .invalidNeighbour(neighbour.address, reason: reason)
        }
        if neighbour.mac.isMulticast || neighbour.mac.bits == 0 {
            throw .invalidNeighbour(
                neighbour.address,
                reason: "\(neighbour.mac) is the address of no single host"
            )
        }
        if record.addresses.contains(where: { $0.address == key.address }) {
            throw .invalidNeighbour(
                neighbour.address,
                reason: "this is \(record.name)'s own address"
            )
        }
        if old == nil {
            guard neighbours.count < limits.neighbours else {
                throw .tooManyNeighbours(limit: limits.neighbours)
            }
            try checkAdjacencies(adding: 1)
        }
        begin()
        return settle(replaceNeighbour(key, with: entry))
    }

    /// Forgets a neighbour; packets to it ask for its Ethernet address again.
    ///
    /// - Parameters:
    ///   - address: the neighbour's.
    ///   - interface: the index of the interface that it is on.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func removeNeighbour(
        _ address: IPv4Address,
        interface: UInt16
    ) throws(RoutingError) -> [ForwardingChange] {
        let record = try knownInterface(interface)
        let key = NeighbourKey(interface: interface, address: address.bits)
        guard neighbours[key] != nil else {
            throw .noSuchNeighbour(address, interface: record.name)
        }
        begin()
        return settle(replaceNeighbour(key, with: nil))
    }

    /// Puts an entry in the place of another: the adjacency changes where it stands, the host route follows.
    mutating func replaceNeighbour(
        _ key: NeighbourKey,
        with entry: NeighbourEntry?
    ) -> [TouchedPrefix] {
        undo.neighbours.updateValue(neighbours[key], forKey: key)
        neighbours[key] = entry
        let adjacency = AdjacencyKey(
            kind: .nextHop,
            interface: key.interface,
            nextHop: key.address
        )
        adjacencies.update(adjacency, to: record(for: adjacency))
        return moveHost(key).map { [$0] } ?? []
    }

    /// Adds or takes out a neighbour's host route: it is there while the address is on a connected subnet.
    ///
    /// - Returns: the host's prefix and its leaf before, if the route came or went.
    mutating func moveHost(_ key: NeighbourKey) -> TouchedPrefix? {
        let held = hosts.value(key.address, 32)
        let isHeld =
            held != 0 && adjacencies.entries[Int(held)].key.interface == key.interface
        let isWanted = neighbours[key] != nil && isConnected(key)
        guard isHeld != isWanted else { return nil }
        let touched = touch(key.address, 32)
        if isWanted {
            let adjacency = AdjacencyKey(
                kind: .nextHop,
                interface: key.interface,
                nextHop: key.address
            )
            let record = record(for: adjacency)
            let index = adjacencies.acquire(adjacency, record)
            let displaced = hosts.set(key.address, 32, to: index)
            if displaced != 0 { adjacencies.release(displaced) }
        } else {
            hosts.set(key.address, 32, to: 0)
            adjacencies.release(held)
        }
        return touched
    }

    private func isConnected(_ key: NeighbourKey) -> Bool {
        guard let record = interfaces[key.interface], record.isUp else { return false }
        return record.addresses.contains { address in
            address.prefixLength < 32
                && address.subnet.contains(IPv4Address(bits: key.address))
        }
    }
}
