internal import CausewayConfiguration
public import Coordination
internal import Logging
internal import SystemPackage

/// A worker's life whose lanes can trace, or have traced, packets.
public struct TracedLife: Sendable {
    /// What the lanes saw.
    public var buffer: TraceBuffer
    /// Its file.
    public var path: String
    /// Names of graph nodes and drop reasons; nil: they are lost.
    public var segment: WorkerSegment?
    /// Whether the worker has ended.
    public var isOver: Bool

    /// Names a life.
    public init(buffer: TraceBuffer, path: String, segment: WorkerSegment?, isOver: Bool) {
        self.buffer = buffer
        self.path = path
        self.segment = segment
        self.isOver = isOver
    }
}

extension Dataplane {
    /// None, for a dataplane without workers.
    public func tracedLives() async -> [TracedLife] { [] }
}

extension Supervisor {
    /// The lives of workers whose traces can be read, node after node, oldest first.
    public func tracedLives() async -> [TracedLife] {
        var lives: [TracedLife] = []
        for number in order {
            guard let state = nodes[number] else { continue }
            for life in state.deadLives {
                lives += tracedLife(number, life.incarnation, life.segment, isOver: true)
            }
            guard state.deadLives.last?.incarnation != state.incarnation else { continue }
            lives += tracedLife(number, state.incarnation, state.segment, isOver: false)
        }
        return lives
    }

    private func tracedLife(
        _ number: Int,
        _ incarnation: UInt32,
        _ segment: WorkerSegment?,
        isOver: Bool
    ) -> [TracedLife] {
        let path = files.traceFile(node: number, incarnation: incarnation)
        // A life that an earlier supervisor began without tracing has no such file.
        guard let buffer = try? TraceBuffer.open(path: path, writable: true) else { return [] }
        return [TracedLife(buffer: buffer, path: path, segment: segment, isOver: isOver)]
    }

    /// Makes the buffer in which a worker's new life traces; without one it forwards all the same.
    func makeTraceBuffer(_ placement: NodePlacement, incarnation: UInt32) {
        let path = files.traceFile(node: placement.number, incarnation: incarnation)
        do throws(Errno) {
            _ = try TraceBuffer.create(
                path: path,
                node: placement.number,
                incarnation: incarnation,
                lanes: placement.lanes.count,
                hardwareNode: placement.hardwareNode
            )
        } catch {
            log(
                .warning,
                "no-trace-buffer",
                node: placement.number,
                ["file": "\(path)", "reason": "\(error)"]
            )
        }
    }
}
