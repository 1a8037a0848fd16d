internal import CLinux

extension Fib {
    /// Adds many routes, or gives them other leaves.
    ///
    /// Routes that lie next to each other in one /24 are put in together, so ascending order is fastest.
    ///
    /// - Parameter routes: applied in order.
    /// - Throws: `heapFull` with the number of routes taken before, `invalidRoute`; the rest is not taken.
    @inlinable
    public func insert(contentsOf routes: some Sequence<FibRoute>) throws(ForwardingError) {
        var applied = 0
        var count = 0
        for route in routes {
            staged[count] = route
            count &+= 1
            guard count == Self.stagedCapacity else { continue }
            try insertStaged(count: count, applied: applied)
            applied &+= count
            count = 0
        }
        try insertStaged(count: count, applied: applied)
    }

    @usableFromInline
    func insertStaged(count: Int, applied: Int) throws(ForwardingError) {
        // How many routes ahead the table word is asked for: a miss is 100 ns, a route is 50.
        let distance = 8
        var index = 0
        do throws(ForwardingError) {
            while index < count {
                if index + distance < count {
                    CLinux_prefetch_write(table + Int(staged[index + distance].prefix >> 8))
                }
                let route = staged[index]
                let length = groupLength(from: index, count: count)
                if length > 1 {
                    try insertGroup(from: index, count: length)
                } else {
                    try insert(prefix: route.prefix, length: Int(route.length), leaf: route.leaf)
                }
                index += length
            }
        } catch {
            guard case .heapFull(let needed, let free, _) = error else { throw error }
            throw .heapFull(neededBytes: needed, freeBytes: free, applied: applied + index)
        }
    }

    /// The number of routes from `first` on that are longer than 24 and of one /24; at least 1.
    private func groupLength(from first: Int, count: Int) -> Int {
        let slot = staged[first].prefix >> 8
        var end = first
        while end < count, staged[end].prefix >> 8 == slot, staged[end].length > 24,
            staged[end].isValid
        {
            end += 1
        }
        return max(end - first, 1)
    }

    private func insertGroup(from first: Int, count: Int) throws(ForwardingError) {
        let slot = Int(staged[first].prefix >> 8)
        let old = table[slot]
        if FibEntry.isExtension(old) {
            block(at: old).expand(into: scratch)
        } else {
            scratch.update(repeating: old, count: 256)
        }
        for route in UnsafeBufferPointer(start: staged + first, count: count) {
            let length = Int(route.length)
            write(
                FibEntry.make(leaf: route.leaf, length: length),
                prefix: route.prefix,
                length: length
            )
        }
        try rebuild(slot: slot)
    }
}
