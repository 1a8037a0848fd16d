public import ControlProtocol

extension RoutingState {
    /// The interfaces by index.
    public var interfaceRecords: [InterfaceRecord] {
        interfaces.values.sorted { $0.index < $1.index }
    }

    /// The interface with an index.
    public func interface(_ index: UInt16) -> InterfaceRecord? { interfaces[index] }

    /// The index of the interface with a name.
    ///
    /// - Parameter name: as in commands.
    /// - Returns: its index.
    /// - Throws: `noSuchInterface`.
    public func interfaceIndex(named name: String) throws(RoutingError) -> UInt16 {
        guard let record = interfaces.values.first(where: { $0.name == name }) else {
            throw .noSuchInterface(name: name)
        }
        return record.index
    }

    /// Sets an interface whole, new or known.
    ///
    /// - Parameter record: as it is to be, with its state and addresses.
    /// - Returns: what workers must be told; nothing if it is so already.
    /// - Throws: why nothing was changed.
    public mutating func setInterface(
        _ record: InterfaceRecord
    ) throws(RoutingError) -> [ForwardingChange] {
        guard interfaces[record.index] != record else {
            begin()
            return []
        }
        try check(record)
        if interfaces[record.index] == nil { try checkAdjacencies(adding: 1) }
        begin()
        let step = replaceInterface(record.index, with: record)
        return settle(step.touched, interfaces: [record.index], first: step.changes)
    }

    /// Sets an interface up or down; its routes and those that lead over it follow.
    ///
    /// - Parameters:
    ///   - index: the interface.
    ///   - isUp: up, or down.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func setAdmin(
        _ index: UInt16,
        isUp: Bool
    ) throws(RoutingError) -> [ForwardingChange] {
        var record = try knownInterface(index)
        record.isUp = isUp
        return try setInterface(record)
    }

    /// Gives an interface one more address.
    ///
    /// - Parameters:
    ///   - address: the router's address and the length of its subnet.
    ///   - index: the interface.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func addAddress(
        _ address: InterfaceAddress,
        to index: UInt16
    ) throws(RoutingError) -> [ForwardingChange] {
        var record = try knownInterface(index)
        guard !record.addresses.contains(address) else {
            throw .addressExists(address, interface: record.name)
        }
        record.addresses.append(address)
        return try setInterface(record)
    }

    /// Takes an address from an interface.
    ///
    /// - Parameters:
    ///   - address: the address and the length of its subnet.
    ///   - index: the interface.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func removeAddress(
        _ address: InterfaceAddress,
        from index: UInt16
    ) throws(RoutingError) -> [ForwardingChange] {
        var record = try knownInterface(index)
        guard let position = record.addresses.firstIndex(of: address) else {
            throw .noSuchAddress(address, interface: record.name)
        }
        record.addresses.remove(at: position)
        return try setInterface(record)
    }

    func knownInterface(_ index: UInt16) throws(RoutingError) -> InterfaceRecord {
        guard let record = interfaces[index] else { throw .noSuchInterfaceIndex(index) }
        return record
    }

    /// Makes sure that a record can stand beside the other interfaces.
    func check(_ record: InterfaceRecord) throws(RoutingError) {
        guard (1...InterfaceRecord.maximumIndex).contains(record.index) else {
            throw .invalidInterface(
                name: record.name,
                reason: "the index must be 1 to \(InterfaceRecord.maximumIndex)"
            )
        }
        guard (1...ChangeCoding.maximumNameBytes).contains(record.name.utf8.count) else {
            throw .invalidInterface(
                name: record.name,
                reason: "the name must have 1 to \(ChangeCoding.maximumNameBytes) bytes"
            )
        }
        for other in interfaces.values where other.index != record.index {
            guard other.name != record.name else {
                throw .invalidInterface(name: record.name, reason: "the name is taken")
            }
        }
        guard record.addresses.count <= ChangeCoding.maximumAddresses else {
            throw .tooManyAddresses(
                interface: record.name,
                limit: ChangeCoding.maximumAddresses
            )
        }
        for (position, address) in record.addresses.enumerated() {
            try check(address, at: position, of: record)
        }
    }

    private func check(
        _ address: InterfaceAddress,
        at position: Int,
        of record: InterfaceRecord
    ) throws(RoutingError) {
        guard (1...32).contains(address.prefixLength) else {
            throw .invalidAddress(address, reason: "the subnet's length must be 1 to 32")
        }
        if let reason = IPv4Address(bits: address.address).reasonAgainstUse {
            throw .invalidAddress(address, reason: reason)
        }
        for other in record.addresses[..<position] {
            // Several addresses may share a subnet; subnets may not nest.
            let isSame = other.prefixLength == address.prefixLength
            guard !other.overlaps(address) || (isSame && other.address != address.address) else {
                throw .addressOverlaps(address, with: other, interface: record.name)
            }
        }
        for interface in interfaces.values where interface.index != record.index {
            for other in interface.addresses where other.overlaps(address) {
                throw .addressOverlaps(address, with: other, interface: interface.name)
            }
        }
    }
}

extension RoutingState {
    /// Puts a record in the place of another and moves the routes that follow from it.
    mutating func replaceInterface(
        _ index: UInt16,
        with record: InterfaceRecord?
    ) -> (touched: [TouchedPrefix], changes: [ForwardingChange]) {
        let old = interfaces[index]
        undo.interfaceIndices.append(index)
        undo.interfaces.append(old)
        let before = old.map(ownRoutes) ?? [:]
        let after = record.map(ownRoutes) ?? [:]
        var touched: [TouchedPrefix] = []
        let changed = Set(before.keys).union(after.keys)
            .filter { before[$0] != after[$0] }.sorted()
        for prefix in changed {
            touched.append(touch(prefix.prefix, prefix.length))
        }
        for prefix in changed {
            var adjacency: UInt32 = 0
            if let key = after[prefix] {
                let record = self.record(for: key)
                adjacency = adjacencies.acquire(key, record)
            }
            let previous = connected.set(prefix.prefix, prefix.length, to: adjacency)
            if previous != 0 { adjacencies.release(previous) }
        }
        interfaces[index] = record
        for key in neighbours.keys.filter({ $0.interface == index }).sorted() {
            if let host = moveHost(key) { touched.append(host) }
        }
        if let record { return (touched, [.interface(record)]) }
        // Workers know no interface that is gone; a last record takes what it had.
        guard var gone = old else { return (touched, []) }
        gone.isUp = false
        gone.addresses = []
        return (touched, [.interface(gone)])
    }

    func touch(_ prefix: UInt32, _ length: Int) -> TouchedPrefix {
        TouchedPrefix(prefix: prefix, length: UInt8(length), old: leaf(prefix, length))
    }

    /// The routes that follow from an interface's addresses while it is up.
    private func ownRoutes(_ record: InterfaceRecord) -> [OwnPrefix: AdjacencyKey] {
        guard record.isUp else { return [:] }
        var routes: [OwnPrefix: AdjacencyKey] = [:]
        for address in record.addresses where address.prefixLength < 32 {
            let subnet = address.subnet
            let first = subnet.address.bits
            routes[OwnPrefix(prefix: first, length: subnet.length)] = AdjacencyKey(
                kind: .glean,
                interface: record.index
            )
            guard subnet.length < 31 else { continue }
            // Network and broadcast address name no host (RFC 1812, 5.3.5).
            let last = first | ~IPv4Address.mask(length: subnet.length)
            routes[OwnPrefix(prefix: first, length: 32)] = AdjacencyKey(kind: .drop)
            routes[OwnPrefix(prefix: last, length: 32)] = AdjacencyKey(kind: .drop)
        }
        for address in record.addresses {
            routes[OwnPrefix(prefix: address.address, length: 32)] = AdjacencyKey(kind: .local)
        }
        return routes
    }
}

private struct OwnPrefix: Hashable, Comparable {
    var prefix: UInt32
    var length: Int

    static func < (left: OwnPrefix, right: OwnPrefix) -> Bool {
        (left.prefix, left.length) < (right.prefix, right.length)
    }
}

extension InterfaceAddress {
    fileprivate func overlaps(_ other: InterfaceAddress) -> Bool {
        let length = Int(min(prefixLength, other.prefixLength))
        return (address ^ other.address) & IPv4Address.mask(length: length) == 0
    }
}
