public import Coordination
internal import LinuxSystem
internal import SystemPackage

/// A worker's life that is over, and what is kept of it: its counters and its event log as they were when it
/// ended, beside a few words of how that was.
public struct DeadLife: Sendable {
    /// The NUMA node's number.
    public var node: Int
    /// The number of the life.
    public var incarnation: UInt32
    /// Why it ended.
    public var cause: String
    /// Seconds since 1970 when the supervisor knew.
    public var unixSeconds: Int
    /// Its counters; nil: they cannot be read.
    public var segment: WorkerSegment?
    /// Its event log; nil: there was none, or it cannot be read.
    public var eventLog: EventLog?
    /// Its events as a trace file, which is written a moment after the end.
    public var traceFile: String

    /// Names a life.
    public init(
        node: Int,
        incarnation: UInt32,
        cause: String,
        unixSeconds: Int,
        segment: WorkerSegment?,
        eventLog: EventLog?,
        traceFile: String
    ) {
        self.node = node
        self.incarnation = incarnation
        self.cause = cause
        self.unixSeconds = unixSeconds
        self.segment = segment
        self.eventLog = eventLog
        self.traceFile = traceFile
    }
}

/// The words about a life that is over, in the node's directory, for the next supervisor.
struct DeadLifeRecord: Hashable, Sendable {
    var unixSeconds: Int
    var cause: String

    /// The file's text: the time, and the cause on the line after it.
    var text: String {
        let line = cause.map { $0.isNewline ? " " : $0 }
        return "\(unixSeconds)\n\(String(line))\n"
    }

    init(unixSeconds: Int, cause: String) {
        self.unixSeconds = unixSeconds
        self.cause = cause
    }

    /// Reads a file's text; nil: it is none of these.
    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, let seconds = Int(lines[0]) else { return nil }
        self.init(unixSeconds: seconds, cause: String(lines[1]))
    }
}

extension RuntimeDirectory {
    /// The words about a worker's life that is over.
    func lifeFile(node: Int, incarnation: UInt32) -> String {
        "\(directory(node: node))/worker.\(incarnation).life"
    }

    /// The events of a worker's life that is over, as a trace file.
    func traceFile(node: Int, incarnation: UInt32) -> String {
        "\(directory(node: node))/worker.\(incarnation).events.json"
    }
}
