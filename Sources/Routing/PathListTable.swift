internal import ControlProtocol

/// The ECMP groups that workers have.
struct PathListTable: Sendable {
    private struct Entry: Sendable {
        var buckets: [UInt32] = []
        var isKnown = false
        var isTouched = false
    }

    private var entries: [Entry] = [Entry()]
    private var pool: IndexPool
    private var touched: [UInt32] = []

    init(avoiding indices: Set<UInt32> = []) { pool = IndexPool(avoiding: indices) }

    /// Gives out indices that were avoided so far.
    mutating func adoptForeign() { pool.adoptForeign() }

    func buckets(_ index: UInt32) -> [UInt32] { entries[Int(index)].buckets }

    mutating func make() -> UInt32 {
        let index = pool.take()
        while entries.count <= Int(index) { entries.append(Entry()) }
        entries[Int(index)] = Entry()
        return index
    }

    /// Sets the buckets of a group where it stands, so that no route that leads there changes.
    mutating func set(_ index: UInt32, to buckets: [UInt32]) {
        guard entries[Int(index)].buckets != buckets else { return }
        entries[Int(index)].buckets = buckets
        touch(index)
    }

    /// Gives a group up; it goes when the change is finished.
    mutating func release(_ index: UInt32) {
        entries[Int(index)].buckets = []
        touch(index)
    }

    private mutating func touch(_ index: UInt32) {
        guard !entries[Int(index)].isTouched else { return }
        entries[Int(index)].isTouched = true
        touched.append(index)
    }

    /// Ends a change.
    ///
    /// - Returns: what workers must be told before and after the routes.
    mutating func finish() -> (before: [ForwardingChange], after: [ForwardingChange]) {
        var before: [ForwardingChange] = []
        var after: [ForwardingChange] = []
        for index in touched {
            let entry = entries[Int(index)]
            entries[Int(index)].isTouched = false
            if !entry.buckets.isEmpty {
                before.append(.pathList(index: index, buckets: entry.buckets))
                entries[Int(index)].isKnown = true
                continue
            }
            if entry.isKnown { after.append(.pathListRemoved(index: index)) }
            entries[Int(index)].isKnown = false
            pool.give(index)
        }
        touched.removeAll(keepingCapacity: true)
        return (before, after)
    }

    /// All groups, by index.
    var live: [ForwardingChange] {
        entries.indices.compactMap { index in
            entries[index].buckets.isEmpty
                ? nil : .pathList(index: UInt32(index), buckets: entries[index].buckets)
        }
    }
}

/// Shares out the buckets of an ECMP group by weight.
enum PathBuckets {
    /// The share of buckets that may be in the wrong place before the group is doubled, as in VPP.
    static let tolerance = 0.1

    /// Finds how many buckets each path gets.
    ///
    /// - Parameter weights: 1...64 of them, greater than 0.
    /// - Returns: a count of 1 or more each; their sum is a power of two, 2...64, the least that meets the weights.
    static func counts(weights: [Double]) -> [Int] {
        var size = 2
        while size < weights.count { size *= 2 }
        while true {
            let (counts, error) = share(size, among: weights)
            if error <= tolerance || size == PathList.maximumBuckets { return counts }
            size *= 2
        }
    }

    /// Whole parts first, at least one each, then the greatest remainders.
    private static func share(_ size: Int, among weights: [Double]) -> ([Int], error: Double) {
        let total = weights.reduce(0, +)
        let ideal = weights.map { $0 / total * Double(size) }
        var counts = ideal.map { max(Int($0), 1) }
        var sum = counts.reduce(0, +)
        while sum != size {
            let isShort = sum < size
            let candidates = counts.indices.filter { isShort || counts[$0] > 1 }
            let neediest = candidates.max { left, right in
                let leftNeed = ideal[left] - Double(counts[left])
                let rightNeed = ideal[right] - Double(counts[right])
                return isShort ? leftNeed < rightNeed : leftNeed > rightNeed
            }
            guard let neediest else { break }
            counts[neediest] += isShort ? 1 : -1
            sum += isShort ? 1 : -1
        }
        let misplaced = zip(ideal, counts).map { abs($0 - Double($1)) }.reduce(0, +)
        return (counts, misplaced / Double(size))
    }
}
