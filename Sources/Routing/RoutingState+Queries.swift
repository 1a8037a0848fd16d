public import ControlProtocol

/// A prefix as `show ip fib` shows it.
public struct RouteEntry: Hashable, Sendable {
    /// What one source says of the prefix.
    public struct Claim: Hashable, Sendable {
        /// Who says it.
        public var source: RouteSource
        /// Where it leads, as configured: `via 10.0.0.2 tap0`, `drop`, `connected tap0`.
        public var text: String
        /// Whether it leads anywhere at present.
        public var isResolved: Bool
    }

    /// The prefix.
    public var prefix: IPv4Prefix
    /// All sources, the one that is followed first.
    public var claims: [Claim]
    /// What workers forward by; nil: the prefix is not forwarded.
    public var leaf: Leaf?
    /// The adjacencies that the leaf leads to, with the buckets of each: `[2] ipv4 via 10.0.0.2 tap0: ...`.
    public var forwarding: [String]
    /// The source that is followed; nil: none resolves.
    public var activeSource: RouteSource?
}

extension RoutingState {
    /// The route that an address takes.
    ///
    /// - Parameter address: a destination.
    /// - Returns: the longest forwarded prefix that covers it; nil: there is none, the packet is dropped.
    public func route(to address: IPv4Address) -> RouteEntry? {
        if let entry = entry(IPv4Prefix(address: address, length: 32)), entry.leaf != nil {
            return entry
        }
        guard let cover = cover(of: address.bits, below: 32) else { return nil }
        return entry(IPv4Prefix(address: address, length: cover.length))
    }

    /// What is known of a prefix, forwarded or not.
    ///
    /// - Parameter prefix: the exact prefix.
    /// - Returns: nil if no source has it.
    public func entry(_ prefix: IPv4Prefix) -> RouteEntry? {
        let (bits, length) = (prefix.address.bits, prefix.length)
        var claims: [RouteEntry.Claim] = []
        let own = connected.value(bits, length)
        if own != 0 {
            claims.append(
                RouteEntry.Claim(
                    source: .interface,
                    text: ownText(adjacencies.entries[Int(own)].key),
                    isResolved: true
                )
            )
        }
        let set = statics.value(bits, length)
        if set != 0 {
            claims.append(
                RouteEntry.Claim(
                    source: .staticRoute,
                    text: target(of: Int(set) - 1).description,
                    isResolved: paths.sets[Int(set) - 1].leaf != nil
                )
            )
        }
        let host = length == 32 ? hosts.value(bits, 32) : 0
        if host != 0 {
            claims.append(
                RouteEntry.Claim(
                    source: .neighbour,
                    text: text(ofAdjacency: host),
                    isResolved: true
                )
            )
        }
        guard !claims.isEmpty else { return nil }
        let leaf = leaf(bits, length)
        return RouteEntry(
            prefix: prefix,
            claims: claims,
            leaf: leaf,
            forwarding: leaf.map { text(of: $0) } ?? [],
            activeSource: claims.first { $0.isResolved }?.source
        )
    }

    /// The prefixes of the table in ascending order.
    ///
    /// - Parameters:
    ///   - first: where to begin.
    ///   - limit: how many at most.
    /// - Returns: entries, forwarded or not.
    public func entries(
        from first: IPv4Prefix = IPv4Prefix(address: IPv4Address(bits: 0), length: 0),
        limit: Int
    ) -> [RouteEntry] {
        let start = UInt64(first.address.bits) << 6 | UInt64(first.length)
        var keys: [UInt64] = []
        for table in [statics, connected, hosts] {
            table.forEach { prefix, length, _ in
                let key = UInt64(prefix) << 6 | UInt64(length)
                if key >= start { keys.append(key) }
            }
        }
        keys.sort()
        var found: [RouteEntry] = []
        var previous: UInt64?
        for key in keys where key != previous {
            guard found.count < limit else { break }
            previous = key
            let address = IPv4Address(bits: UInt32(truncatingIfNeeded: key >> 6))
            if let entry = entry(IPv4Prefix(address: address, length: Int(key & 63))) {
                found.append(entry)
            }
        }
        return found
    }

    /// The number of forwarded prefixes of each length, 0...32.
    public var routeCounts: [Int] {
        var counts = [Int](repeating: 0, count: 33)
        let leaves = paths.sets.map(\.leaf)
        statics.forEach { prefix, length, set in
            if leaves[Int(set) - 1] != nil, connected.value(prefix, length) == 0 {
                counts[length] += 1
            }
        }
        connected.forEach { _, length, _ in counts[length] += 1 }
        hosts.forEach { prefix, _, _ in
            if connected.value(prefix, 32) == 0, !isForwardedStatic(prefix, 32) { counts[32] += 1 }
        }
        return counts
    }

    /// What a leaf leads to, a line an adjacency; in front the number of buckets in a group.
    public func text(of leaf: Leaf) -> [String] {
        guard leaf.rawValue & Leaf.isPathListBit != 0 else {
            return [text(ofAdjacency: leaf.rawValue)]
        }
        let buckets = pathLists.buckets(leaf.rawValue & ~Leaf.isPathListBit)
        var counts: [UInt32: Int] = [:]
        for bucket in buckets { counts[bucket, default: 0] += 1 }
        return counts.sorted { $0.key < $1.key }.map { index, count in
            "[\(count)/\(buckets.count)] \(text(ofAdjacency: index))"
        }
    }

    private func text(ofAdjacency index: UInt32) -> String {
        guard Int(index) < adjacencies.entries.count else { return "adjacency \(index)" }
        let record = adjacencies.entries[Int(index)].record
        let name = interfaces[record.interface]?.name ?? "interface \(record.interface)"
        let address = IPv4Address(bits: record.nextHop)
        return switch record.kind {
        case .drop: "drop"
        case .local: "receive"
        case .glean: "glean \(name)"
        case .arp: "arp \(address) \(name)"
        case .rewrite: "via \(address) \(name) \(record.destination)"
        case .unreachable: "unreachable"
        case .prohibited: "prohibited"
        }
    }

    private func ownText(_ key: AdjacencyKey) -> String {
        switch key.kind {
        case .glean: "connected \(interfaces[key.interface]?.name ?? "")"
        case .local: "receive"
        default: "drop"
        }
    }
}

extension RoutingState {
    /// The static routes in ascending order, forwarded or not.
    public var staticRoutes: [(prefix: IPv4Prefix, target: RouteTarget)] {
        var keys: [(UInt64, Int)] = []
        statics.forEach { prefix, length, set in
            keys.append((UInt64(prefix) << 6 | UInt64(length), Int(set) - 1))
        }
        let targets = paths.sets.indices.map { paths.sets[$0].isLive ? target(of: $0) : .drop }
        return keys.sorted { $0.0 < $1.0 }.map { key, set in
            let address = IPv4Address(bits: UInt32(truncatingIfNeeded: key >> 6))
            return (IPv4Prefix(address: address, length: Int(key & 63)), targets[set])
        }
    }

    /// Where the operator says that a prefix leads.
    ///
    /// - Parameter prefix: the exact prefix.
    /// - Returns: nil if it has no static route.
    public func staticRoute(_ prefix: IPv4Prefix) -> RouteTarget? {
        let set = statics.value(prefix.address.bits, prefix.length)
        return set == 0 ? nil : target(of: Int(set) - 1)
    }

    /// The prefixes of all static routes in ascending order, the shorter of two with one address first.
    ///
    /// - Parameter after: only those behind this one; nil: all.
    /// - Returns: exact prefixes, for `staticRoute`.
    public func staticPrefixes(after: IPv4Prefix? = nil) -> [IPv4Prefix] {
        let start = after.map { UInt64($0.address.bits) << 6 | UInt64($0.length) + 1 } ?? 0
        var keys: [UInt64] = []
        statics.forEach { prefix, length, _ in
            let key = UInt64(prefix) << 6 | UInt64(length)
            if key >= start { keys.append(key) }
        }
        keys.sort()
        return keys.map { key in
            IPv4Prefix(
                address: IPv4Address(bits: UInt32(truncatingIfNeeded: key >> 6)),
                length: Int(key & 63)
            )
        }
    }

    /// The static routes by where they lead, the prefixes of each group in ascending order within their lengths.
    public var staticRouteGroups: [(target: RouteTarget, prefixes: [IPv4Prefix])] {
        var groups = [[UInt64]](repeating: [], count: paths.sets.count)
        statics.forEach { prefix, length, set in
            groups[Int(set) - 1].append(UInt64(length) << 32 | UInt64(prefix))
        }
        return groups.indices.filter { !groups[$0].isEmpty }.map { index in
            groups[index].sort()
            let prefixes = groups[index].map { key in
                IPv4Prefix(
                    address: IPv4Address(bits: UInt32(truncatingIfNeeded: key)),
                    length: Int(key >> 32)
                )
            }
            groups[index] = []
            return (target(of: index), prefixes)
        }
    }
}
