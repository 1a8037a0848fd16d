internal import Synchronization

/// The replies to requests with an Idempotency-Key: a request that comes again gets the reply of the first.
///
/// Those of a former supervisor are known by what the journal has of them, which is the change's number.
final class ReplyStore: Sendable {
    /// What to do with a request.
    enum Finding: Sendable {
        /// It has not been here; its reply is to be that of the task.
        case new
        /// It is here, or was.
        case known(Task<ApiReply, Never>)
        /// A former supervisor has made its change.
        case done(change: UInt64)
        /// Its key is that of another request.
        case taken
    }

    private struct Entry {
        var request: UInt64
        var task: Task<ApiReply, Never>?
        var change: UInt64 = 0
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// The keys, oldest first from `start` on.
        var order: [UInt64] = []
        var start = 0
    }

    private let state = Mutex(State())

    /// Keys that are remembered; the oldest is forgotten for the next one.
    static let capacity = 4096
    /// A longer reply is not kept: its request is done again.
    static let maximumReplyBytes = 4096

    /// Finds the reply to a request, or begins it.
    ///
    /// - Parameters:
    ///   - mark: the request.
    ///   - begin: begins a new one; called at most once.
    /// - Returns: what it is, and what its reply comes from; nil: from nothing that runs here.
    func find(
        _ mark: RequestMark,
        begin: () -> Task<ApiReply, Never>
    ) -> (finding: Finding, task: Task<ApiReply, Never>?) {
        state.withLock { state in
            if let entry = state.entries[mark.key] {
                guard entry.request == mark.request else { return (.taken, nil) }
                if let task = entry.task { return (.known(task), task) }
                return (.done(change: entry.change), nil)
            }
            let task = begin()
            Self.add(Entry(request: mark.request, task: task), mark.key, &state)
            return (.new, task)
        }
    }

    /// Notes what the journal knows of a request to a former supervisor.
    func restore(_ mark: RequestMark, change: UInt64) {
        state.withLock {
            Self.add(Entry(request: mark.request, change: change), mark.key, &$0)
        }
    }

    /// Forgets a request, which may then be done again.
    func forget(_ mark: RequestMark) {
        state.withLock { state in
            if state.entries[mark.key]?.request == mark.request { state.entries[mark.key] = nil }
        }
    }

    private static func add(_ entry: Entry, _ key: UInt64, _ state: inout State) {
        state.entries[key] = entry
        if state.order.count < capacity {
            state.order.append(key)
            return
        }
        let oldest = state.order[state.start]
        if oldest != key { state.entries[oldest] = nil }
        state.order[state.start] = key
        state.start = (state.start + 1) % capacity
    }
}
