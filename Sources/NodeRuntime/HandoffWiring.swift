internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import PacketBuffers
internal import PacketNodes
internal import SystemPackage

/// A worker's ends of the handoff rings, its own node's and its peers', repaired before use.
final class HandoffWiring {
    private let configuration: WorkerConfiguration
    private let numbering: LaneNumbering
    /// This node's place among the peers.
    private let position: Int
    /// By place; nil where there is nothing to map.
    private var files: [SharedMapping?] = []
    private var layouts: [HandoffLayout] = []
    /// Pointer rings between lanes of this worker: `local[from][to]`.
    private var local: [[LaneRing?]] = []
    /// A word a lane, each on a cache line of its own.
    private let bells: UnsafeMutablePointer<UInt64>
    /// Cells thrown away because they were meant for this worker's predecessor, by lane.
    private(set) var staleCells: [Int]
    /// The eventfds of all lanes by global number; short, where they were not given.
    private let wakeups: [Int32]

    /// Buffers that fit between two lanes of one worker.
    private static let laneRingCapacity = 1024

    init(
        configuration: WorkerConfiguration,
        wakeups: [Int32]
    ) throws(StartError) {
        self.configuration = configuration
        self.wakeups = wakeups
        numbering = LaneNumbering(
            nodes: configuration.peers.map { Int($0.node) },
            laneCounts: configuration.peers.map { Int($0.lanes) }
        )
        guard
            let position = configuration.peers.firstIndex(where: { $0.node == configuration.node })
        else {
            throw StartError("node \(configuration.node) is not among the nodes it was told of")
        }
        self.position = position
        let lanes = configuration.laneCPUs.count
        staleCells = Array(repeating: 0, count: lanes)
        // A line a lane for its doorbell, and one for its signals.
        bells = UnsafeMutableRawPointer.allocate(byteCount: 128 * max(1, lanes), alignment: 64)
            .bindMemory(to: UInt64.self, capacity: 16 * max(1, lanes))
        bells.initialize(repeating: 0, count: 16 * max(1, lanes))
        try mapFiles()
        makeLaneRings(lanes)
    }

    private func mapFiles() throws(StartError) {
        for (place, peer) in configuration.peers.enumerated() {
            let layout = numbering.layout(destination: place, cells: Int(peer.ringCells))
            layouts.append(layout)
            guard layout.ringCount > 0, !peer.ringFile.isEmpty else {
                files.append(nil)
                continue
            }
            do throws(Errno) {
                let file = try SharedMapping.open(path: peer.ringFile, writable: true)
                guard file.byteCount >= layout.byteCount else { throw .invalidArgument }
                files.append(file)
            } catch {
                throw StartError("handoff rings \(peer.ringFile) of node \(peer.node): \(error)")
            }
        }
    }

    private func makeLaneRings(_ lanes: Int) {
        for from in 0..<lanes {
            local.append(
                (0..<lanes).map { to in
                    from == to ? nil : LaneRing(capacity: Self.laneRingCapacity)
                }
            )
        }
    }

    /// Buffers on their way from one lane of this worker to another.
    var buffersBetweenLanes: Int {
        local.reduce(0) { $0 + $1.reduce(0) { $0 + ($1?.count ?? 0) } }
    }

    /// Takes back what a dead predecessor left half done, at both ends.
    ///
    /// - Parameter keepsPublished: whether packets that were handed to the predecessor are still wanted.
    /// - Precondition: the predecessor has ended.
    func repair(keepsPublished: Bool) {
        for lane in 0..<configuration.laneCPUs.count {
            for source in sources(of: lane) {
                staleCells[lane] += source.consumer.repair(keepsPublished: keepsPublished)
            }
            for place in configuration.peers.indices {
                for destination in 0..<numbering.laneCounts[place] {
                    producer(from: lane, place: place, lane: destination)?.repair()
                }
            }
        }
    }

    /// The lane's number among all lanes of the placement.
    func globalLane(_ lane: Int) -> Int { numbering.global(nodePosition: position, lane: lane) }

    /// The global lane numbers of each node, by node number.
    var lanesOfNode: [UInt8: [UInt16]] {
        var result: [UInt8: [UInt16]] = [:]
        for (place, peer) in configuration.peers.enumerated() {
            result[peer.node] = (0..<Int(peer.lanes)).map {
                UInt16(numbering.global(nodePosition: place, lane: $0))
            }
        }
        return result
    }

    /// The rings that lead to a lane, by their source's number.
    func sources(of lane: Int) -> [HandoffSource] {
        guard let file = files[position] else { return [] }
        var result: [HandoffSource] = []
        for place in configuration.peers.indices where place != position {
            for peerLane in 0..<numbering.laneCounts[place] {
                let source = numbering.source(
                    nodePosition: place,
                    lane: peerLane,
                    destination: position
                )
                let ring =
                    file.base + layouts[position].ringOffset(source: source, destination: lane)
                result.append(
                    HandoffSource(
                        consumer: HandoffConsumer(ring: ring),
                        peer: numbering.global(nodePosition: place, lane: peerLane)
                    )
                )
            }
        }
        return result
    }

    /// A lane's doorbell line for handoffs from other nodes; nil: there are none.
    func doorbells(of lane: Int) -> UnsafeMutableRawPointer? {
        files[position].map { $0.base + layouts[position].doorbellOffset(destination: lane) }
    }

    /// A lane's doorbell word for handoffs from lanes of this worker.
    func bell(of lane: Int) -> UnsafeMutablePointer<UInt64> { bells + lane * 16 }

    /// What wakes a lane, at the node of that place among the peers.
    private func waker(place: Int, lane: Int) -> LaneWaker {
        let line: UnsafeMutableRawPointer
        if let file = files[place] {
            line = file.base + layouts[place].signalsOffset(destination: lane)
        } else {
            // There is no other process that it could be shared with.
            line = UnsafeMutableRawPointer(bells + lane * 16 + 8)
        }
        let global = numbering.global(nodePosition: place, lane: lane)
        return LaneWaker(
            signals: LaneSignals(line),
            descriptor: wakeups.indices.contains(global) ? wakeups[global] : -1
        )
    }

    /// What wakes a lane of this worker.
    func waker(of lane: Int) -> LaneWaker { waker(place: position, lane: lane) }

    /// The rings from the lanes of this worker to `lane`.
    func localRings(to lane: Int) -> [LaneRing?] { local.map { $0[lane] } }

    /// Where a lane can hand packets to, by global lane number.
    func destinations(from lane: Int) -> [HandoffDestination] {
        var result: [HandoffDestination] = []
        for (place, peer) in configuration.peers.enumerated() {
            for destination in 0..<numbering.laneCounts[place] {
                if place != position {
                    result.append(
                        producer(from: lane, place: place, lane: destination)
                            .map {
                                .remote(
                                    $0,
                                    node: peer.node,
                                    waker(place: place, lane: destination)
                                )
                            } ?? .none
                    )
                } else if destination == lane {
                    result.append(.here)
                } else if let ring = local[lane][destination] {
                    result.append(
                        .lane(
                            ring,
                            bell: SendablePointer(bell(of: destination)),
                            bit: 1 << UInt64(lane),
                            waker(of: destination)
                        )
                    )
                } else {
                    result.append(.none)
                }
            }
        }
        return result
    }

    /// The lane of each node (32 numbers) that a lane's packets for that node's ports go to: its
    /// namesake, so that the lanes of a node are used evenly and a flow keeps its order.
    func laneOfNode(from lane: Int) -> [UInt16] {
        var result = [UInt16](repeating: .max, count: 32)
        for (place, peer) in configuration.peers.enumerated() where peer.lanes > 0 {
            result[Int(peer.node & 31)] = UInt16(
                numbering.global(nodePosition: place, lane: lane % Int(peer.lanes))
            )
        }
        return result
    }

    private func producer(from lane: Int, place: Int, lane destination: Int) -> HandoffProducer? {
        guard place != position, let file = files[place] else { return nil }
        let source = numbering.source(nodePosition: position, lane: lane, destination: place)
        let layout = layouts[place]
        return HandoffProducer(
            ring: file.base + layout.ringOffset(source: source, destination: destination),
            doorbellLine: file.base + layout.doorbellOffset(destination: destination),
            source: source,
            incarnation: configuration.incarnation
        )
    }
}
