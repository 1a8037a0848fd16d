internal import ControlProtocol

/// What an adjacency is for; two users with one key share it.
struct AdjacencyKey: Hashable, Comparable, Sendable {
    enum Kind: UInt8, Sendable {
        case drop, local, unreachable, prohibited
        /// The network of an interface.
        case glean
        /// A next hop on the network of an interface.
        case nextHop
    }

    var kind: Kind
    var interface: UInt16 = 0
    var nextHop: UInt32 = 0

    static func < (left: AdjacencyKey, right: AdjacencyKey) -> Bool {
        (left.kind.rawValue, left.interface, left.nextHop)
            < (right.kind.rawValue, right.interface, right.nextHop)
    }
}

/// The adjacencies that workers have, counted by their users.
struct AdjacencyTable: Sendable {
    struct Entry: Sendable {
        var key: AdjacencyKey
        var record: AdjacencyRecord
        var users = 0
        /// Whether workers have it.
        var isKnown = false
        /// Whether the change that is being made touches it.
        var isTouched = false
    }

    private(set) var entries: [Entry] = [
        Entry(key: AdjacencyKey(kind: .drop), record: AdjacencyRecord(kind: .drop))
    ]
    private var indices: [AdjacencyKey: UInt32] = [:]
    private var pool: IndexPool
    private var touched: [UInt32] = []

    init(avoiding indices: Set<UInt32> = []) { pool = IndexPool(avoiding: indices) }

    /// Gives out indices that were avoided so far.
    mutating func adoptForeign() { pool.adoptForeign() }

    /// Adds a user to the adjacency of a key, and makes it if it is the first.
    mutating func acquire(_ key: AdjacencyKey, _ record: AdjacencyRecord) -> UInt32 {
        if let index = indices[key] {
            entries[Int(index)].users += 1
            return index
        }
        let index = pool.take()
        let entry = Entry(key: key, record: record, users: 1)
        while entries.count <= Int(index) { entries.append(entries[0]) }
        entries[Int(index)] = entry
        indices[key] = index
        touch(index)
        return index
    }

    /// Takes a user away; without users the adjacency goes when the change is finished.
    mutating func release(_ index: UInt32) {
        entries[Int(index)].users -= 1
        if entries[Int(index)].users == 0 { touch(index) }
    }

    /// Changes the record of a key's adjacency where it stands, if there is one.
    mutating func update(_ key: AdjacencyKey, to record: AdjacencyRecord) {
        guard let index = indices[key], entries[Int(index)].record != record else { return }
        entries[Int(index)].record = record
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
            if entry.users > 0 {
                before.append(.adjacency(index: index, entry.record))
                entries[Int(index)].isKnown = true
                continue
            }
            if entry.isKnown { after.append(.adjacencyRemoved(index: index)) }
            entries[Int(index)].isKnown = false
            indices[entry.key] = nil
            pool.give(index)
        }
        touched.removeAll(keepingCapacity: true)
        return (before, after)
    }

    /// All that have users, by index.
    var live: [ForwardingChange] {
        entries.indices.dropFirst().compactMap { index in
            entries[index].users == 0
                ? nil : .adjacency(index: UInt32(index), entries[index].record)
        }
    }
}
