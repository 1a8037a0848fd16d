public import ControlProtocol

extension RoutingState {
    /// Adds static routes that all lead to one target.
    ///
    /// - Parameters:
    ///   - prefixes: any number; in ascending order workers take them fastest.
    ///   - target: where they lead; a next hop need not be reachable yet.
    ///   - replacing: whether a prefix that is there already leads only there afterwards; else paths are added to
    ///     those that it has. A target that is not a path always replaces and is replaced.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func addRoutes(
        _ prefixes: [IPv4Prefix],
        _ target: RouteTarget,
        replacing: Bool = true
    ) throws(RoutingError) -> [ForwardingChange] {
        if statics.count + prefixes.count > limits.routes {
            let new = prefixes.count { statics.value($0.address.bits, $0.length) == 0 }
            guard statics.count + new <= limits.routes else {
                throw .tooManyRoutes(limit: limits.routes)
            }
        }
        begin()
        do throws(RoutingError) {
            let set = UInt32(try pathSet(for: target)) + 1
            var merged: [UInt32: UInt32] = [:]
            var edits: [RouteEdit] = []
            edits.reserveCapacity(prefixes.count)
            for (index, prefix) in prefixes.enumerated() {
                warm(at: index, of: prefixes.count) {
                    (prefixes[$0].address.bits, prefixes[$0].length)
                }
                let bits = prefix.address.bits
                let old = replacing ? 0 : statics.value(bits, prefix.length)
                if old != 0, merged[old] == nil {
                    merged[old] = UInt32(try pathSet(Int(old) - 1, adding: target)) + 1
                }
                edits.append(
                    RouteEdit(bits, prefix.length, set: old == 0 ? set : merged[old] ?? set)
                )
            }
            return settle(assign(edits))
        } catch {
            abandon()
            throw error
        }
    }

    /// Adds static routes, each with its own target.
    ///
    /// - Parameters:
    ///   - routes: any number.
    ///   - replacing: as for routes of one target.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func addRoutes(
        _ routes: [(prefix: IPv4Prefix, target: RouteTarget)],
        replacing: Bool = true
    ) throws(RoutingError) -> [ForwardingChange] {
        guard statics.count + routes.count <= limits.routes else {
            throw .tooManyRoutes(limit: limits.routes)
        }
        begin()
        do throws(RoutingError) {
            var pending: [IPv4Prefix: Int] = [:]
            var edits: [RouteEdit] = []
            for route in routes {
                let (bits, length) = (route.prefix.address.bits, route.prefix.length)
                let before = pending[route.prefix] ?? Int(statics.value(bits, length)) - 1
                let set =
                    replacing || before < 0
                    ? try pathSet(for: route.target)
                    : try pathSet(before, adding: route.target)
                if !replacing { pending[route.prefix] = set }
                edits.append(RouteEdit(bits, length, set: UInt32(set) + 1))
            }
            return settle(assign(edits))
        } catch {
            abandon()
            throw error
        }
    }

    /// Takes static routes out, or some of their paths.
    ///
    /// - Parameters:
    ///   - prefixes: any number; each must be there.
    ///   - target: the paths to take out, whatever their weights; the route goes with its last one. nil: all.
    /// - Returns: what workers must be told.
    /// - Throws: why nothing was changed.
    public mutating func removeRoutes(
        _ prefixes: [IPv4Prefix],
        _ target: RouteTarget? = nil
    ) throws(RoutingError) -> [ForwardingChange] {
        begin()
        do throws(RoutingError) {
            var remaining: [UInt32: UInt32] = [:]
            var edits: [RouteEdit] = []
            edits.reserveCapacity(prefixes.count)
            for (index, prefix) in prefixes.enumerated() {
                warm(at: index, of: prefixes.count) {
                    (prefixes[$0].address.bits, prefixes[$0].length)
                }
                let bits = prefix.address.bits
                let old = statics.value(bits, prefix.length)
                guard old != 0 else { throw .noSuchRoute(prefix) }
                if let target, remaining[old] == nil {
                    let rest = try pathSet(Int(old) - 1, removing: target, of: prefix)
                    remaining[old] = rest.map { UInt32($0) + 1 } ?? 0
                }
                edits.append(RouteEdit(bits, prefix.length, set: remaining[old] ?? 0))
            }
            return settle(assign(edits))
        } catch {
            abandon()
            throw error
        }
    }

    /// Points static routes at path sets (plus one; 0: takes them out) and notes how they were.
    mutating func assign(_ edits: [RouteEdit]) -> [TouchedPrefix] {
        var touched: [TouchedPrefix] = []
        touched.reserveCapacity(edits.count)
        undo.routes.reserveCapacity(edits.count)
        var targets: [UInt32: UInt32] = [:]
        reserve(edits)
        for (index, edit) in edits.enumerated() {
            warm(at: index, of: edits.count) { (edits[$0].prefix, Int(edits[$0].length)) }
            let length = Int(edit.length)
            touched.append(touch(edit.prefix, length))
            let old = statics.set(edit.prefix, length, to: edit.set)
            if edit.set != 0 { paths.addRoute(to: Int(edit.set) - 1) }
            if old != 0 { paths.removeRoute(from: Int(old) - 1) }
            let target = targets[old] ?? UInt32(undo.targets.count)
            if target == undo.targets.count {
                undo.targets.append(old == 0 ? nil : paths.recipe(of: Int(old) - 1))
                targets[old] = target
            }
            undo.routes.append(
                RoutingUndo.Route(prefix: edit.prefix, target: target, length: edit.length)
            )
        }
        // The first state of a prefix that came twice is what counts, so it is put back last.
        undo.routes.reverse()
        return touched
    }

    /// Every 32 prefixes, has the slots of the next 32 read at once: a search costs a cache miss.
    @inline(__always)
    mutating func warm(at index: Int, of count: Int, _ prefix: (Int) -> (UInt32, Int)) {
        guard index & 31 == 0 else { return }
        var sum: UInt64 = 0
        for ahead in index..<min(index + 32, count) {
            let (bits, length) = prefix(ahead)
            sum &+= statics.peek(bits, length)
        }
        warmth = sum
    }

    private mutating func reserve(_ edits: [RouteEdit]) {
        guard edits.count > 1024, let first = edits.first, first.set != 0,
            edits.allSatisfy({ $0.length == first.length })
        else { return }
        // Replacements need no room: only what doubles the table anyway is taken at once.
        if statics.count < edits.count { statics.reserve(edits.count, length: Int(first.length)) }
    }
}

/// A static route to be, or to be gone.
struct RouteEdit {
    var prefix: UInt32
    /// The number of the path set, plus one; 0: the route goes.
    var set: UInt32
    var length: UInt8

    init(_ prefix: UInt32, _ length: Int, set: UInt32) {
        self.prefix = prefix
        self.set = set
        self.length = UInt8(length)
    }
}
