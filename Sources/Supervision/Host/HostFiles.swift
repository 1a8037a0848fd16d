internal import CausewayConfiguration
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// The files of one dataplane outside its runtime directory: segments, rings, and what DPDK leaves.
///
/// All their names begin with the instance's, and the lock file beside the segments is held by the
/// supervisor that uses the name: who holds it may remove everything of that name which is not in
/// use by itself.
struct HostFiles: Sendable {
    let instance: String
    let host: HostPaths
    let placement: Placement
    let lanes: LaneNumbering

    init(options: SupervisorOptions) {
        self.init(instance: options.instance, host: options.host, placement: options.placement)
    }

    private init(instance: String, host: HostPaths, placement: Placement) {
        self.instance = instance
        self.host = host
        self.placement = placement
        lanes = LaneNumbering(
            nodes: placement.nodes.map(\.number),
            laneCounts: placement.nodes.map(\.lanes.count)
        )
    }

    /// The files of the same dataplane with another placement.
    func with(_ placement: Placement) -> HostFiles {
        HostFiles(instance: instance, host: host, placement: placement)
    }

    /// Locked by the supervisor of this name; says on which CPUs it polls.
    var lockFile: String { "\(host.sharedMemory)/\(instance).causeway" }
    var segmentDirectory: String { "\(host.sharedMemory)/\(instance)" }

    func segmentFile(node: Int, incarnation: UInt32) -> String {
        "\(segmentDirectory)/node\(node).\(incarnation)"
    }

    /// What the hardware of a node's ports counts in a life of its keeper.
    func portSegmentFile(node: Int, incarnation: UInt32) -> String {
        "\(segmentDirectory)/node\(node).keeper.\(incarnation)"
    }

    func eventLogFile(node: Int, incarnation: UInt32) -> String {
        segmentFile(node: node, incarnation: incarnation) + ".events"
    }

    func traceFile(node: Int, incarnation: UInt32) -> String {
        TraceBuffer.path(besideSegment: segmentFile(node: node, incarnation: incarnation))
    }

    /// The supervisor's own.
    var eventLogFile: String { "\(segmentDirectory)/supervisor.events" }

    /// Makes the event log of a worker's new life.
    func createEventLog(
        node: NodePlacement,
        incarnation: UInt32,
        _ settings: EventLogSettings
    ) throws(SupervisionError) -> EventLog {
        try createEventLog(
            path: eventLogFile(node: node.number, incarnation: incarnation),
            node: node.number,
            incarnation: incarnation,
            writers: 1 + node.lanes.count,
            settings,
            hardwareNode: node.hardwareNode
        )
    }

    /// Makes the supervisor's own event log.
    func createEventLog(_ settings: EventLogSettings) throws(SupervisionError) -> EventLog {
        try createEventLog(
            path: eventLogFile,
            node: EventLog.supervisorNode,
            incarnation: 1,
            writers: 1,
            settings,
            hardwareNode: nil
        )
    }

    private func createEventLog(
        path: String,
        node: Int,
        incarnation: UInt32,
        writers: Int,
        _ settings: EventLogSettings,
        hardwareNode: Int?
    ) throws(SupervisionError) -> EventLog {
        do throws(Errno) {
            try SmallFile.makeDirectory(segmentDirectory)
            return try EventLog.create(
                path: path,
                node: node,
                incarnation: incarnation,
                writers: writers,
                events: settings.events,
                traces: settings.traces,
                hardwareNode: hardwareNode
            )
        } catch { throw .file(path: path, error) }
    }

    /// The file with the handoff rings into a node; empty if there is no other node to hand
    /// anything over.
    func ringFile(_ node: NodePlacement) -> String {
        guard placement.nodes.count > 1, let directory = hugepageDirectory(node.hugepageBytes)
        else { return "" }
        return "\(directory)/\(instance)-handoff-n\(node.number)"
    }

    func hugepageDirectory(_ pageBytes: Int) -> String? {
        host.hugepageDirectories[pageBytes]
    }

    func layout(at position: Int) -> HandoffLayout {
        lanes.layout(destination: position, cells: placement.nodes[position].handoffRingCells)
    }

    /// Bytes of the ring file into a node, whole pages; 0 if there is none.
    func ringBytes(at position: Int) -> Int {
        guard placement.nodes.count > 1 else { return 0 }
        let page = placement.nodes[position].hugepageBytes
        return (layout(at: position).byteCount + page - 1) / page * page
    }

    /// Makes the ring files of all nodes.
    func createRings() throws(SupervisionError) {
        guard placement.nodes.count > 1 else { return }
        for (position, node) in placement.nodes.enumerated() {
            guard hugepageDirectory(node.hugepageBytes) != nil else {
                throw .hugepageMountMissing(pageBytes: node.hugepageBytes)
            }
            let path = ringFile(node)
            let bytes = ringBytes(at: position)
            do throws(Errno) {
                let mapping = try SharedMapping.create(
                    path: path,
                    byteCount: bytes,
                    numaNode: node.hardwareNode
                )
                try populate(path, mapping)
            } catch {
                SmallFile.remove(path)
                throw .ringFile(node: node.number, path: path, bytes: bytes, error)
            }
        }
    }

    /// Takes the pages now: one that is missing on the node is an error here, and a SIGBUS later.
    private func populate(_ path: String, _ mapping: SharedMapping) throws(Errno) {
        let descriptor = try systemCall { open(path, O_RDWR | O_CLOEXEC) }
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, mapping.byteCount)
        guard code == 0 else { throw Errno(rawValue: code) }
    }

    func createSegment(
        node: NodePlacement,
        incarnation: UInt32
    ) throws(SupervisionError) -> WorkerSegment {
        let path = segmentFile(node: node.number, incarnation: incarnation)
        do throws(Errno) {
            try SmallFile.makeDirectory(segmentDirectory)
            return try WorkerSegment.create(
                path: path,
                node: node.number,
                incarnation: incarnation,
                lanes: node.lanes.count
            )
        } catch { throw .file(path: path, error) }
    }

    /// Makes the file of what the ports' hardware counts, and removes that of the keeper's life before.
    func createPortSegment(node: Int, incarnation: UInt32) throws(SupervisionError) -> PortSegment {
        let path = portSegmentFile(node: node, incarnation: incarnation)
        do throws(Errno) {
            try SmallFile.makeDirectory(segmentDirectory)
            SmallFile.remove(portSegmentFile(node: node, incarnation: incarnation - 1))
            return try PortSegment.create(path: path, node: node, incarnation: incarnation)
        } catch { throw .file(path: path, error) }
    }

    func handoverFile(node: Int, incarnation: UInt32) -> String {
        segmentFile(node: node, incarnation: incarnation) + ".handover"
    }

    func removeSegment(node: Int, incarnation: UInt32) {
        SmallFile.remove(segmentFile(node: node, incarnation: incarnation))
        SmallFile.remove(eventLogFile(node: node, incarnation: incarnation))
        SmallFile.remove(traceFile(node: node, incarnation: incarnation))
    }

    /// Removes what DPDK has of a node whose keeper is gone.
    func removeMemory(node: Int) {
        for path in memoryFiles(prefix: "\(instance)-n\(node)map_") { SmallFile.remove(path) }
        SmallFile.removeTree("\(host.dpdkRuntime)/\(instance)-n\(node)")
    }

    /// Everything of this instance's name that is there, whoever left it.
    func present() -> [String] {
        var paths: [String] = []
        if SmallFile.isDirectory(segmentDirectory) { paths.append(segmentDirectory) }
        paths += memoryFiles(prefix: "\(instance)-handoff-n")
        paths += memoryFiles(prefix: "\(instance)-n").filter { $0.contains("map_") }
        for name in SmallFile.names(in: host.dpdkRuntime) where isOurs(name) {
            paths.append("\(host.dpdkRuntime)/\(name)")
        }
        return paths
    }

    /// Removes everything of this instance.
    func removeAll() {
        for path in present() { SmallFile.removeTree(path) }
    }

    /// Whether a DPDK prefix is this instance's name, `-n` and a number.
    private func isOurs(_ prefix: String) -> Bool {
        prefix.hasPrefix("\(instance)-n") && Int(prefix.dropFirst(instance.utf8.count + 2)) != nil
    }

    private func memoryFiles(prefix: String) -> [String] {
        Set(host.hugepageDirectories.values).sorted().flatMap { directory in
            SmallFile.names(in: directory).filter { $0.hasPrefix(prefix) }
                .map { "\(directory)/\($0)" }
        }
    }
}
