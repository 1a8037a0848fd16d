internal import ControlProtocol
internal import Synchronization

/// A request that asked for a change, as `api trace` keeps and repeats it.
struct TracedRequest: Codable, Sendable {
    var unixSeconds: Double
    var requestId: String
    var uid: UInt32
    var method: String
    /// The path, its segments encoded.
    var path: String
    var body: String
    /// The status of its answer.
    var status: Int

    /// What a file of requests begins with: keys stand in their order.
    static let beginning = #"{"body":"#
}

/// The last requests that asked for changes, the oldest first.
final class ApiTrace: Sendable {
    private struct State {
        var isOn = false
        var requests: [TracedRequest] = []
        var start = 0
        var total = 0
        var bytes = 0
    }

    private let state = Mutex(State())

    /// Requests that are kept; VPP's number.
    static let capacity = 262_144
    /// Bytes of their bodies; the oldest give way.
    static let maximumBytes = 256 << 20

    var isOn: Bool { state.withLock { $0.isOn } }

    /// Begins with an empty trace, or keeps what there is and takes no more.
    func turn(on isOn: Bool) {
        state.withLock { state in
            if isOn, !state.isOn { state = State() }
            state.isOn = isOn
        }
    }

    /// Forgets what is kept.
    func clear() {
        state.withLock { state in
            let isOn = state.isOn
            state = State()
            state.isOn = isOn
        }
    }

    func add(_ request: TracedRequest) {
        state.withLock { state in
            guard state.isOn else { return }
            state.total += 1
            state.bytes += request.body.utf8.count
            state.requests.append(request)
            while state.requests.count - state.start > Self.capacity
                || state.bytes > Self.maximumBytes
            {
                state.bytes -= state.requests[state.start].body.utf8.count
                state.requests[state.start].body = ""
                state.start += 1
            }
            if state.start > Self.capacity {
                state.requests.removeFirst(state.start)
                state.start = 0
            }
        }
    }

    /// What is kept, how many there were, and whether more are taken.
    var content: (requests: [TracedRequest], total: Int, isOn: Bool) {
        state.withLock { (Array($0.requests[$0.start...]), $0.total, $0.isOn) }
    }
}
