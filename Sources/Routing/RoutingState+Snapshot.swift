public import ControlProtocol

extension RoutingState {
    /// Everything that a worker with empty tables must be told, in order.
    ///
    /// It ends where all the changes before it would have ended. Routes come in ascending order.
    public func snapshot() -> [ForwardingChange] {
        var changes: [ForwardingChange] = interfaceRecords.map { .interface($0) }
        changes += adjacencies.live
        changes += pathLists.live
        let routes = forwardedRoutes()
        if !routes.isEmpty { changes.append(.routes(routes)) }
        return changes
    }

    /// What takes a host route from a worker that this table does not have.
    ///
    /// - Parameter address: a host.
    /// - Returns: the removal; nil: the table has a route of the host's own.
    public func absence(of address: IPv4Address) -> RemovedRoute? {
        guard leaf(address.bits, 32) == nil else { return nil }
        let cover = cover(of: address.bits, below: 32)
        return RemovedRoute(
            prefix: address.bits,
            length: 32,
            coverLength: UInt8(cover?.length ?? 0),
            coverLeaf: cover?.leaf ?? .noRoute
        )
    }

    /// All routes that workers have, in ascending order.
    private func forwardedRoutes() -> [Route] {
        // Prefix, length and leaf fit one word, which sorts ten times as fast as three.
        let leafBits = UInt64(Leaf.bitCount)
        var words: [UInt64] = []
        words.reserveCapacity(statics.count + connected.count + hosts.count)
        func take(_ prefix: UInt32, _ length: Int, _ leaf: Leaf) {
            words.append(
                (UInt64(prefix) << 6 | UInt64(length)) << leafBits | UInt64(leaf.rawValue)
            )
        }
        let leaves = paths.sets.map(\.leaf)
        statics.forEach { prefix, length, set in
            if let leaf = leaves[Int(set) - 1], connected.value(prefix, length) == 0 {
                take(prefix, length, leaf)
            }
        }
        connected.forEach { prefix, length, index in
            take(prefix, length, Leaf(adjacency: index))
        }
        hosts.forEach { prefix, length, index in
            if connected.value(prefix, 32) == 0, !isForwardedStatic(prefix, 32) {
                take(prefix, length, Leaf(adjacency: index))
            }
        }
        words.sort()
        return words.map { word in
            Route(
                prefix: UInt32(truncatingIfNeeded: word >> (leafBits + 6)),
                length: UInt8(truncatingIfNeeded: word >> leafBits & 63),
                leaf: Leaf(rawValue: UInt32(truncatingIfNeeded: word & (1 << leafBits - 1)))
            )
        }
    }

    func isForwardedStatic(_ prefix: UInt32, _ length: Int) -> Bool {
        let set = statics.value(prefix, length)
        return set != 0 && paths.sets[Int(set) - 1].leaf != nil
    }
}
