public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// The directory in which a supervisor finds what an earlier one left: sockets, and who runs.
///
/// `supervisor.lock` is held by the running supervisor; `node<N>/` has the sockets `keeper.sock`
/// and `worker.<incarnation>.sock` and a file for each process, `keeper.pid` and
/// `worker.<incarnation>.pid`, with the line of its `ProcessStamp`.
public struct RuntimeDirectory: Hashable, Sendable {
    /// The directory's path, without a slash at its end.
    public let path: String

    /// The longest path of a unix socket in bytes (`sun_path` without its final zero).
    public static let maximumSocketPathBytes = 107

    /// Names a directory; nothing is made or looked at yet.
    public init(path: String) { self.path = path }

    /// Where a dataplane of a name has its directory unless its startup file says otherwise.
    public static func usual(instance: String = "causeway") -> RuntimeDirectory {
        RuntimeDirectory(path: "/run/\(instance)")
    }

    /// Where the supervisor listens for clients unless its startup file says otherwise.
    public var controlSocket: String { path + "/api.sock" }

    /// The file that the running supervisor locks.
    public var lockFile: String { path + "/supervisor.lock" }

    /// What belongs to one NUMA node.
    public func directory(node: Int) -> String { "\(path)/node\(node)" }

    /// The socket that a node's keeper listens on; stable over its lives.
    public func keeperSocket(node: Int) -> String { directory(node: node) + "/keeper.sock" }

    /// The socket that a life of a node's worker listens on.
    public func workerSocket(node: Int, incarnation: UInt32) -> String {
        directory(node: node) + "/worker.\(incarnation).sock"
    }

    /// What a node's directory leads to of a life of its worker or keeper: files in shared memory,
    /// readable during the life and, for the last one of a worker that is over, after it.
    public enum Link: Sendable {
        /// A worker's counters, a `WorkerSegment`.
        case segment
        /// A worker's event log.
        case events
        /// A keeper's counters, a `PortSegment`.
        case ports

        /// What stands before and behind the life's number in the link's name.
        var name: (role: String, suffix: String) {
            switch self {
            case .segment: ("worker", "segment")
            case .events: ("worker", "events")
            case .ports: ("keeper", "segment")
            }
        }
    }

    /// A symbolic link to a file of a life of a node's worker or keeper.
    public func link(_ link: Link, node: Int, incarnation: UInt32) -> String {
        let (role, suffix) = link.name
        return directory(node: node) + "/\(role).\(incarnation).\(suffix)"
    }

    /// Makes a link, in place of one that is there.
    public func makeLink(
        _ link: Link,
        node: Int,
        incarnation: UInt32,
        to path: String
    ) throws(Errno) {
        let place = self.link(link, node: node, incarnation: incarnation)
        SmallFile.remove(place)
        try SmallFile.link(place, to: path)
    }

    /// Removes the links to the files of a worker's life.
    public func removeLinks(node: Int, incarnation: UInt32) {
        for link in [Link.segment, .events] {
            SmallFile.remove(self.link(link, node: node, incarnation: incarnation))
        }
    }

    /// The lives of a node's worker or keeper that a link leads to, in ascending order.
    public func lives(_ link: Link, node: Int) -> [UInt32] {
        let (role, suffix) = link.name
        return SmallFile.names(in: directory(node: node)).compactMap { name in
            let parts = name.split(separator: ".")
            guard parts.count == 3, parts[0] == role, parts[2] == suffix else { return nil }
            return UInt32(parts[1])
        }.sorted()
    }

    /// The report of a process's crash, as the process itself writes it; `name` as in its record.
    public func crashFile(node: Int, name: String) -> String {
        "\(directory(node: node))/\(name).crash"
    }

    /// Where the report of a crash is kept; the names sort by time.
    public func keptCrashFile(node: Int, name: String) -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, "%Y%m%dT%H%M%SZ", &parts)
        let time = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        return "\(directory(node: node))/crash.\(time).\(name).txt"
    }

    /// Whether a file of a node's directory is a report that is kept.
    public static func isKeptCrashFile(_ name: String) -> Bool {
        name.hasPrefix("crash.") && name.hasSuffix(".txt")
    }

    /// A process that this directory knows of.
    public struct Record: Hashable, Sendable {
        /// The number of the NUMA node that it belongs to.
        public var node: Int
        /// `keeper`, or `worker.` and its incarnation.
        public var name: String
        /// What tells it from a later process with the same number.
        public var stamp: ProcessStamp

        /// Makes a record, as `write` and `records` exchange it.
        public init(node: Int, name: String, stamp: ProcessStamp) {
            self.node = node
            self.name = name
            self.stamp = stamp
        }
    }

    /// Makes a node's directory.
    public func makeDirectory(node: Int) throws(Errno) {
        try SmallFile.makeDirectory(directory(node: node))
    }

    /// Writes down who runs.
    public func write(_ record: Record) throws(Errno) {
        try SmallFile.write(pidFile(node: record.node, name: record.name), record.stamp.line + "\n")
    }

    /// Takes out what belongs to a process that has ended: its record and its socket.
    public func remove(node: Int, name: String) {
        SmallFile.remove(pidFile(node: node, name: name))
        SmallFile.remove("\(directory(node: node))/\(name).sock")
    }

    /// Everyone who is written down, whether they still run or not.
    public var records: [Record] {
        nodeNumbers.flatMap { node in
            SmallFile.names(in: directory(node: node)).compactMap { file -> Record? in
                guard file.hasSuffix(".pid") else { return nil }
                let text = SmallFile.read("\(directory(node: node))/\(file)") ?? ""
                guard let stamp = ProcessStamp(line: text) else { return nil }
                return Record(node: node, name: String(file.dropLast(4)), stamp: stamp)
            }
        }
    }

    /// The nodes that have a directory, in ascending order.
    public var nodeNumbers: [Int] {
        SmallFile.names(in: path).compactMap { name in
            name.hasPrefix("node") ? Int(name.dropFirst(4)) : nil
        }.sorted()
    }

    private func pidFile(node: Int, name: String) -> String {
        "\(directory(node: node))/\(name).pid"
    }
}
