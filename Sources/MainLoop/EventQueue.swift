/// The events of all processes of a loop, in lists by process and type.
///
/// Entries come from one pool, which grows when it is empty; up to its capacity at the start nothing
/// is allocated.
struct EventPool {
    struct Entry {
        var payload = EventPayload()
        var next: Int32 = -1
        /// For a timed event: whom it is for, and what.
        var process: Int32 = -1
        var type: UInt64 = 0
    }

    private(set) var entries: [Entry]
    private var free: Int32

    init(capacity: Int) {
        entries = Array(repeating: Entry(), count: capacity)
        for index in entries.indices.dropLast() { entries[index].next = Int32(index + 1) }
        free = capacity > 0 ? 0 : -1
    }

    mutating func take(_ payload: EventPayload, type: UInt64, process: Int32) -> Int32 {
        if free < 0 {
            entries.append(Entry())
            free = Int32(entries.count - 1)
        }
        let index = free
        free = entries[Int(index)].next
        entries[Int(index)] = Entry(payload: payload, next: -1, process: process, type: type)
        return index
    }

    mutating func give(_ index: Int32) {
        entries[Int(index)] = Entry(next: free)
        free = index
    }

    mutating func link(_ index: Int32, to next: Int32) { entries[Int(index)].next = next }
}

/// A process's events that it has not taken yet: a list for each type.
///
/// Types are numbered in the order in which they first came; the lowest number that has events is
/// taken first, and with it all its events, oldest first.
struct EventQueue {
    private struct List {
        var type: UInt64
        var first: Int32 = -1
        var last: Int32 = -1
    }

    private var lists: [List] = []

    init() { lists.reserveCapacity(16) }

    /// Whether there is none but one-time events, which only those who wait for them take.
    var isEmpty: Bool { !lists.contains { $0.first >= 0 && $0.type & OneTimeEvent.mark == 0 } }

    func has(_ type: UInt64) -> Bool { lists.contains { $0.type == type && $0.first >= 0 } }

    mutating func append(_ index: Int32, type: UInt64, in pool: inout EventPool) {
        let known = lists.firstIndex { $0.type == type }
        if known == nil { lists.append(List(type: type)) }
        let list = known ?? lists.count - 1
        if lists[list].first < 0 {
            lists[list].first = index
        } else {
            pool.link(lists[list].last, to: index)
        }
        lists[list].last = index
    }

    /// Takes all events of the lowest type that has some, or of a given one.
    ///
    /// - Returns: the type and its first event; the others are linked from there.
    mutating func takeList(of type: UInt64? = nil) -> (type: UInt64, first: Int32)? {
        guard
            let list = lists.firstIndex(where: {
                $0.first >= 0 && (type ?? $0.type & ~OneTimeEvent.mark) == $0.type
            })
        else { return nil }
        let found = (lists[list].type, lists[list].first)
        lists[list].first = -1
        lists[list].last = -1
        return found
    }

    /// Forgets a type that will not come again.
    mutating func forget(_ type: UInt64) { lists.removeAll { $0.type == type } }
}
