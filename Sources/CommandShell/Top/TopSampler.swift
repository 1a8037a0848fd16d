public import ControlClient
internal import Coordination
internal import FoundationEssentials
internal import StatisticsReader
internal import Synchronization

/// Why there is nothing to show.
public struct TopFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// For the operator.
    public var description: String
}

/// Reads what workers count, from shared memory, and asks the supervisor for what only it knows.
///
/// The supervisor is asked by a task of its own, and never waited for.
public final class TopSampler: Sendable {
    private let runtimeDirectory: String
    private let client: ControlClient?
    private let state = Mutex(State())

    private struct State {
        var before: TopReading?
        var supervisor = Supervisor()
        var isAsking = false
    }

    /// What the supervisor said last.
    private struct Supervisor {
        var fault: String? = "it has not answered yet"
        var nodes: [NodeAnswer] = []
        var restarts: [TopSample.Restart] = []
    }

    /// Of `show nodes`.
    struct NodeAnswer: Codable, Sendable {
        var numaNode: Int
        var restarts: Int
        var lanes: Int
        var reason: String
        var workerState: String
    }

    private struct NodesAnswer: Codable, Sendable { var nodes: [NodeAnswer] }

    private struct RestartsAnswer: Codable, Sendable {
        struct Death: Codable, Sendable {
            var numaNode: Int
            var incarnation: UInt32
            var cause: String
            var unixSeconds: Int
            var forwardingMicroseconds: Int?
        }

        var restarts: [Death]
    }

    /// How long the supervisor may take.
    static let askMilliseconds = 1500

    /// Makes a sampler.
    ///
    /// - Parameters:
    ///   - runtimeDirectory: the supervisor's.
    ///   - client: whom to ask for restarts; nil: nobody.
    public init(runtimeDirectory: String, client: ControlClient?) {
        self.runtimeDirectory = runtimeDirectory
        self.client = client
    }

    /// Reads once; rates are those since the last time.
    public func sample() throws(TopFault) -> TopSample {
        let lives: [StatisticsReader.WorkerLife]
        do throws(StatisticsError) {
            lives = try StatisticsReader(runtimeDirectory: runtimeDirectory).workers
        } catch { throw TopFault(description: "\(error)") }
        let supervisor = state.withLock { $0.supervisor }
        var laneCounts = supervisor.nodes.map { (node: $0.numaNode, lanes: $0.lanes) }
        if laneCounts.isEmpty { laneCounts = lives.map { ($0.node, $0.segment.laneCount) } }
        let now = TopReading(lives, peers: laneCounts.reduce(0) { $0 + $1.lanes })
        let before = state.withLock { state in
            defer { state.before = now }
            return state.before
        }
        var sample = TopSample(now, since: before, laneCounts: laneCounts)
        sample.supervisorFault = supervisor.fault
        sample.restarts = supervisor.restarts
        for index in sample.nodes.indices {
            let node = supervisor.nodes.first { $0.numaNode == sample.nodes[index].numaNode }
            sample.nodes[index].restarts = node?.restarts
            sample.nodes[index].reason = node?.reason ?? ""
        }
        return sample
    }

    /// Asks the supervisor; the next sample has the answer.
    public func askSupervisor() async {
        guard let client else { return }
        let isFree = state.withLock { state in
            defer { state.isAsking = true }
            return !state.isAsking
        }
        guard isFree else { return }
        let asking = Task { await Self.ask(client) }
        let limit = Task {
            // Cancelled when the answer was there first.
            try? await Task.sleep(for: .milliseconds(Self.askMilliseconds))
            asking.cancel()
        }
        let answer = await asking.value
        limit.cancel()
        state.withLock { state in
            state.isAsking = false
            if answer.fault == nil {
                state.supervisor = answer
            } else {
                state.supervisor.fault = answer.fault
            }
        }
    }

    private static func ask(_ client: ControlClient) async -> Supervisor {
        do throws(ControlClientError) {
            let nodes = try await client.result(of: "show nodes", as: NodesAnswer.self)
            let restarts = try await client.result(of: "show restarts", as: RestartsAnswer.self)
            return Supervisor(
                fault: nil,
                nodes: nodes.nodes,
                restarts: restarts.restarts.map { death in
                    TopSample.Restart(
                        numaNode: death.numaNode,
                        incarnation: death.incarnation,
                        unixSeconds: death.unixSeconds,
                        cause: death.cause,
                        forwardingMilliseconds: death.forwardingMicroseconds.map {
                            Double($0) / 1000
                        }
                    )
                }
            )
        } catch { return Supervisor(fault: error.reason) }
    }
}
