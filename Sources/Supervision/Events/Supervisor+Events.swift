internal import CausewayConfiguration
internal import ControlProtocol
public import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor {
    /// The event logs: the supervisor's first, then each node's last life that is over, and its
    /// present one.
    public func eventLogs(node: Int?) async -> [EventLog] {
        let own = node == nil ? [events.log] : []
        let workers = order.filter { node == nil || $0 == node }.flatMap { number in
            [nodes[number]?.deadEventLog, nodes[number]?.eventLog]
        }
        return (own + workers).compactMap { $0 }
    }

    /// Changes what event logs take, those of later lives too.
    ///
    /// - Parameters:
    ///   - change: what to do.
    ///   - node: only this NUMA node's; nil: all, the supervisor's included.
    /// - Throws: `ChangeError` if there is no memory for it.
    public func changeEventLogs(
        _ change: EventLogChange,
        node: Int?
    ) async throws(ChangeError) {
        if node == nil, let own = events.log { try change.apply(to: own, path: files.eventLogFile) }
        for number in order where node == nil || number == node {
            guard let state = nodes[number] else { continue }
            if case .clear = change { nodes[number]?.deadEventLog = nil }
            if let log = state.eventLog {
                let path = files.eventLogFile(node: number, incarnation: log.incarnation)
                try change.apply(to: log, path: path)
            }
            nodes[number]?.eventSettings.traces = change.applied(to: state.eventSettings.traces)
            if case .resize(let count) = change { nodes[number]?.eventSettings.events = count }
        }
    }

    /// Writes a trace file into the runtime directory.
    ///
    /// - Parameters:
    ///   - name: the file's, without a folder; a trace file that is there is replaced.
    ///   - bytes: its content.
    /// - Returns: its path.
    /// - Throws: `ChangeError` for a name that is no plain one or is taken, and what the file system
    ///   says.
    public func save(_ name: String, _ bytes: [UInt8]) async throws(ChangeError) -> String {
        guard TraceFileName.isPlain(name) else {
            throw ChangeError(TraceFileName.refusal(of: name))
        }
        let path = "\(runtime.path)/\(name)"
        if SmallFile.isDirectory(path)
            || SmallFile.exists(path) && !TraceFileName.isTraceFile(path)
        {
            throw ChangeError("\(path) is something else; choose another name")
        }
        do throws(Errno) {
            try SmallFile.write(path, bytes: bytes)
        } catch { throw ChangeError("\(path) cannot be written: \(error)") }
        return path
    }

    /// Makes this process's own log.
    func makeEventLog() throws(SupervisionError) {
        let settings = EventLogSettings(events: options.eventLogEvents)
        events.record(in: try files.createEventLog(settings), pid: Int(getpid()))
    }

    /// Leads readers of statistics and events to a life's files; they are no use to anyone who
    /// forwards, so that one which cannot be made is only logged.
    func linkFiles(of name: ProcessName) {
        let (node, life) = (name.node, name.incarnation)
        do throws(Errno) {
            try runtime.makeDirectory(node: node)
            let segment = files.segmentFile(node: node, incarnation: life)
            try runtime.makeLink(.segment, node: node, incarnation: life, to: segment)
            let log = files.eventLogFile(node: node, incarnation: life)
            try runtime.makeLink(.events, node: node, incarnation: life, to: log)
        } catch {
            log(.warning, "files-not-linked", node: node, ["reason": "\(error)"])
        }
    }

    /// Saves the event log of a life that is over, for whoever looks into its death.
    ///
    /// Reading and writing take a moment, and the node is to be replaced in that moment: they run
    /// beside it.
    func keepEvents(of node: NodeState) {
        guard let dead = node.eventLog, let own = events.log else { return }
        let number = node.placement.number
        let path = runtime.traceFile(node: number, incarnation: dead.incarnation)
        let logger = logger
        let before = keeping
        keeping = Task.detached(executorPreference: QuietExecutor.shared) {
            await before?.value
            let reading = dead.read()
            var file = TraceFile([reading], clock: own.clock)
            var fields: Logger.Metadata = [
                "node": "\(number)", "incarnation": "\(dead.incarnation)", "file": "\(path)",
                "events": "\(reading.events.count)",
            ]
            do throws(Errno) {
                try SmallFile.write(path, bytes: file.encoded())
                logger.notice("events-kept", metadata: fields)
            } catch {
                fields["reason"] = "\(error)"
                logger.warning("events-not-kept", metadata: fields)
            }
        }
    }
}

/// The names that `event-logger save` takes.
enum TraceFileName {
    /// Whether it is a name in a folder, and nothing else.
    static func isPlain(_ name: String) -> Bool {
        name.utf8.count <= 100 && name.utf8.first != UInt8(ascii: ".") && !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte.isLetterOrDigit || "._-".utf8.contains(byte)
            }
    }

    static func refusal(of name: String) -> String {
        "\"\(name.prefix(64))\" is no file name: write letters, digits, \".\", \"_\" and \"-\", at "
            + "most 100, no folder; the file goes to the runtime directory"
    }

    /// Whether a file begins as the files do that commands save: events, captured packets.
    static func isTraceFile(_ path: String) -> Bool {
        guard let text = SmallFile.read(path) else { return false }
        return text.hasPrefix(TraceFile.beginning) || text.hasPrefix(TracedRequest.beginning)
            || text.utf8.starts(with: PcapngFile.beginning)
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
