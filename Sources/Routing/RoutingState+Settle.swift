internal import ControlProtocol

extension RoutingState {
    /// Works out what a change of the tables means for forwarding, and ends the change.
    ///
    /// - Parameters:
    ///   - touched: the prefixes that were changed, with their leaves before.
    ///   - interfaces: the interfaces that were changed.
    ///   - first: changes that workers are told before all others.
    /// - Returns: what workers must be told, in order.
    mutating func settle(
        _ touched: [TouchedPrefix],
        interfaces: Set<UInt16> = [],
        first: [ForwardingChange] = []
    ) -> [ForwardingChange] {
        let dirty = dirtyPathSets(touched, interfaces: interfaces)
        for id in dirty {
            paths.sets[id].previousLeaf = paths.sets[id].leaf
            refresh(id)
        }
        let moved = dirty.filter {
            !paths.sets[$0].isNew && paths.sets[$0].leaf != paths.sets[$0].previousLeaf
        }
        var log = RouteLog()
        note(touched, in: &log)
        note(prefixes(of: moved, except: touched), in: &log)
        finishPaths()
        let lists = pathLists.finish()
        let records = adjacencies.finish()
        return first + records.before + lists.before + log.finish() + lists.after + records.after
    }

    private mutating func note(_ touched: [TouchedPrefix], in log: inout RouteLog) {
        for (index, prefix) in touched.enumerated() {
            warm(at: index, of: touched.count) {
                (touched[$0].prefix, Int(touched[$0].length))
            }
            note(prefix, in: &log)
        }
    }

    private func note(_ touched: TouchedPrefix, in log: inout RouteLog) {
        let length = Int(touched.length)
        let new = leaf(touched.prefix, length)
        guard new != touched.old else { return }
        if let new {
            log.add(Route(prefix: touched.prefix, length: touched.length, leaf: new))
            return
        }
        let cover = cover(of: touched.prefix, below: length)
        log.remove(
            RemovedRoute(
                prefix: touched.prefix,
                length: touched.length,
                coverLength: UInt8(cover?.length ?? 0),
                coverLeaf: cover?.leaf ?? .noRoute
            )
        )
    }

    /// The path sets whose leaves may move: those of next hops that lead elsewhere now, and those that lead
    /// through such a set.
    private mutating func dirtyPathSets(
        _ touched: [TouchedPrefix],
        interfaces: Set<UInt16>
    ) -> [Int] {
        var dirty = Set(paths.newSets)
        for hop in hopsToResolve(touched, interfaces: interfaces) {
            let resolution = resolve(paths.hops[hop].key)
            guard resolution != paths.hops[hop].resolution else { continue }
            paths.hops[hop].resolution = resolution
            if case .recursive = resolution {
                recursiveHops.insert(hop)
            } else {
                recursiveHops.remove(hop)
            }
            dirty.formUnion(paths.hops[hop].users)
        }
        var frontier = dirty
        while !frontier.isEmpty, !recursiveHops.isEmpty {
            var next: Set<Int> = []
            for hop in recursiveHops {
                guard case .recursive(let via) = paths.hops[hop].resolution,
                    frontier.contains(via)
                else { continue }
                next.formUnion(paths.hops[hop].users)
            }
            frontier = next.subtracting(dirty)
            dirty.formUnion(frontier)
        }
        return dirty.sorted()
    }

    private func hopsToResolve(
        _ touched: [TouchedPrefix],
        interfaces: Set<UInt16>
    ) -> Set<Int> {
        var found = Set(paths.newHops)
        if touched.count > paths.searched.count {
            for entry in paths.searched { found.insert(entry.hop) }
        } else {
            for prefix in touched {
                let last = prefix.prefix | ~IPv4Address.mask(length: Int(prefix.length))
                for entry in paths.searchedHops(in: prefix.prefix...last) {
                    found.insert(entry.hop)
                }
            }
        }
        guard !interfaces.isEmpty else { return found }
        for (index, hop) in paths.hops.enumerated() where interfaces.contains(hop.key.interface) {
            found.insert(index)
        }
        return found
    }

    /// The prefixes that lead to path sets whose leaves moved, in ascending order, without those whose leaves
    /// before are known already.
    private func prefixes(of moved: [Int], except touched: [TouchedPrefix]) -> [TouchedPrefix] {
        guard moved.contains(where: { paths.sets[$0].routeCount > 0 }) else { return [] }
        var isMoved = [Bool](repeating: false, count: paths.sets.count)
        for id in moved { isMoved[id] = true }
        var known = PrefixTable()
        for prefix in touched { known.set(prefix.prefix, Int(prefix.length), to: 1) }
        // Prefix, length, leaf before and whether there was one: words sort ten times as fast as structs.
        var found: [UInt64] = []
        statics.forEach { prefix, length, set in
            guard isMoved[Int(set) - 1], connected.value(prefix, length) == 0,
                known.value(prefix, length) == 0
            else { return }
            let host = length == 32 ? hosts.value(prefix, 32) : 0
            let old =
                paths.sets[Int(set) - 1].previousLeaf
                ?? (host == 0 ? nil : Leaf(adjacency: host))
            let target = old.map { 1 << 24 | UInt64($0.rawValue) } ?? 0
            found.append(UInt64(prefix) << 32 | UInt64(length) << 25 | target)
        }
        found.sort()
        return found.map { word in
            TouchedPrefix(
                prefix: UInt32(truncatingIfNeeded: word >> 32),
                length: UInt8(truncatingIfNeeded: word >> 25 & 63),
                old: word >> 24 & 1 == 0
                    ? nil : Leaf(rawValue: UInt32(truncatingIfNeeded: word & 0xFF_FFFF))
            )
        }
    }
}

/// Routes added and removed, in order, in as few pieces as possible.
private struct RouteLog {
    private var changes: [ForwardingChange] = []
    private var added: [Route] = []
    private var removed: [RemovedRoute] = []
    /// A prefix can be touched twice, by its own change and by that of its path set.
    private var seen = PrefixTable()

    mutating func add(_ route: Route) {
        if !removed.isEmpty {
            changes.append(.routesRemoved(removed))
            removed = []
        }
        added.append(route)
    }

    mutating func remove(_ route: RemovedRoute) {
        guard seen.set(route.prefix, Int(route.length), to: 1) == 0 else { return }
        if !added.isEmpty {
            changes.append(.routes(added))
            added = []
        }
        removed.append(route)
    }

    mutating func finish() -> [ForwardingChange] {
        if !added.isEmpty { changes.append(.routes(added)) }
        if !removed.isEmpty { changes.append(.routesRemoved(removed)) }
        return changes
    }
}
