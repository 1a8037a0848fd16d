internal import CLinux
internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import LinuxSystem
internal import MainLoop
internal import PacketBuffers
internal import PacketGraph
internal import PacketNodes
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a worker cannot start.
struct StartError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A worker's forwarding plane: heap, tables, rings, lanes.
final class Forwarder {
    let segment: WorkerSegment
    private let configuration: WorkerConfiguration
    private let heap: NodeHeap
    private let fib: Fib
    private let pool: MbufPool
    private let forwarding: ForwardingState
    private var lanes: [UnsafeMutablePointer<LaneState>] = []
    private var mailboxes: [ControlMailbox] = []
    private var nextMailbox = 0
    /// The worker's time.
    let clock: WorkerClock
    private let wiring: HandoffWiring
    private let wakers: [LaneWaker]
    private let generator: PacketGenerator
    private let feeds: [GeneratorFeed]

    /// Attaches and makes everything; nothing is allocated for packets afterwards.
    ///
    /// - Parameters:
    ///   - configuration: what the supervisor told this life of the worker.
    ///   - environment: EAL's arguments.
    ///   - wakeup: wakes the control lane when lanes have something for it.
    ///   - laneWakeups: the eventfds that lanes sleep on, of all lanes of the placement.
    ///   - attached: called when EAL is up.
    /// - Throws: what is missing, in words for the operator; the process cannot try again.
    init(
        configuration: WorkerConfiguration,
        environment: [String],
        wakeup: LaneWaker,
        laneWakeups: [Int32],
        attached: () -> Void
    ) throws(StartError) {
        self.configuration = configuration
        do {
            // Before anything big is allocated: all that this process touches lies on its node.
            if configuration.hardwareNode >= 0 {
                try NodeBinding.bind(to: Int(configuration.hardwareNode))
            }
            try EAL.start(environment)
            let segment = try WorkerSegment.open(path: configuration.segmentFile, writable: true)
            self.segment = segment
            clock = WorkerClock(segment: segment, fallbackHertz: EAL.hertz)
            attached()
            guard let pool = MbufPool.find(name: Keeper.poolName) else {
                throw DPDKError.poolMissing(name: Keeper.poolName)
            }
            self.pool = pool
            heap = try NodeHeap(
                byteCount: Int(configuration.heapBytes),
                hugepageBytes: Int(configuration.hugepageBytes),
                numaNode: configuration.hardwareNode < 0 ? nil : Int(configuration.hardwareNode)
            )
            fib = try Fib(heap: heap)
            let wiring = try HandoffWiring(
                configuration: configuration,
                segment: segment,
                wakeups: laneWakeups
            )
            self.wiring = wiring
            wakers = configuration.laneCPUs.indices.map { wiring.waker(of: $0) }
            forwarding = try ForwardingState(
                heap: heap,
                fib: fib,
                lanes: (0..<configuration.laneCPUs.count).map { segment.lane($0) },
                wakers: wakers,
                lanesOfNode: wiring.lanesOfNode
            )
            feeds = configuration.laneCPUs.map { _ in GeneratorFeed() }
            generator = PacketGenerator(feeds: feeds, bufferBytes: pool.dataBytes)
        } catch {
            throw StartError("\(error)")
        }
        segment.store(.pid, UInt64(getpid()))
        segment.store(.tscHertz, EAL.hertz)
        segment.store(.startTSC, timestamp())
        segment.store(.poolTotal, UInt64(pool.size))
        segment.store(.heapTotalBytes, UInt64(heap.totalBytes))
        // Lanes must not pay for the kernel's clearing of hugepages.
        fib.populate()
        try makeLanes(wakeup: wakeup)
        LaneCrashes.watch(segment)
        publishGauges()
    }

    private func makeLanes(wakeup: LaneWaker) throws(StartError) {
        let ports = try PortWiring(configuration: configuration)
        for lane in 0..<configuration.laneCPUs.count {
            let mailbox = ControlMailbox(waker: wakeup, block: segment.lane(lane))
            mailboxes.append(mailbox)
            let context = UnsafeMutablePointer<LaneContext>.allocate(capacity: 1)
            context.initialize(
                to: LaneContext(
                    tables: forwarding.tables,
                    published: forwarding.published,
                    fib: fib.reader,
                    block: segment.lane(lane),
                    pool: pool,
                    node: configuration.node,
                    lane: UInt16(lane),
                    globalLane: UInt16(wiring.globalLane(lane)),
                    hertz: EAL.hertz,
                    seed: seed(lane),
                    neighbours: NeighbourMailbox(mailbox)
                )
            )
            let builder = LaneBuilder(
                configuration: configuration,
                segment: segment,
                context: context,
                ports: ports,
                handoff: wiring,
                lane: lane,
                generator: feeds[lane],
                mailbox: mailbox
            )
            do throws(GraphError) {
                lanes.append(try builder.build())
            } catch { throw StartError("\(error)") }
        }
    }

    /// What a lane's random numbers start from: the clock, or the configured number, mixed with node
    /// and lane so that no two lanes draw the same ones.
    private func seed(_ lane: Int) -> UInt64 {
        let place = UInt64(configuration.node) << 32 | UInt64(lane) + 1
        guard configuration.lanes.seed != 0 else { return timestamp() ^ place << 32 }
        return configuration.lanes.seed ^ place &* 0x9E37_79B9_7F4A_7C15
    }

    /// Applies a part of an entry.
    ///
    /// - Returns: empty, or why it was refused.
    func apply(_ body: [UInt8]) -> String {
        do {
            try forwarding.apply(try ChangeCoding.decode(body))
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// Ends an entry, whose number the segment then says.
    ///
    /// - Parameter number: the journal's number of the entry.
    /// - Returns: empty, or why it is not in force.
    func finishEntry(number: UInt64) -> String {
        do throws(ApplyError) {
            try forwarding.finishEntry()
            segment.store(.changeNumber, number)
            publishGauges()
            return ""
        } catch {
            return "\(error)"
        }
    }

    func startLanes() throws(StartError) {
        try LaneScheduling(configuration).apply()
        forwarding.lanesRun = true
        for (index, lane) in lanes.enumerated() {
            do throws(DPDKError) {
                try EAL.launch(
                    lcore: Int(configuration.firstLaneLcore) + index,
                    argument: lane,
                    body: { LaneLoop.run($0) }
                )
            } catch { throw StartError("\(error)") }
        }
    }

    /// Ends the lanes' loops; waits a second at most for each.
    func stopLanes() {
        guard forwarding.lanesRun else { return }
        for lane in lanes { CLinux_store_release64(lane.pointee.stopAsked, 1) }
        for waker in wakers { waker.wake() }
        for lane in lanes {
            var waited = 0
            while CLinux_load_acquire64(lane.pointee.stopped) == 0 && waited < 10_000 {
                usleep(100)
                waited += 1
            }
        }
    }

    /// Whether a lane has called the control lane.
    var hasCalls: Bool { mailboxes.contains { !$0.isEmpty } }

    /// The oldest call of a lane, lanes taken in turn; nil: there is none.
    func nextCall() -> (lane: Int, call: ControlCall)? {
        for _ in mailboxes.indices {
            let lane = nextMailbox
            nextMailbox = (nextMailbox + 1) % mailboxes.count
            if let call = mailboxes[lane].take() {
                segment.store(.controlCallsTaken, segment.load(.controlCallsTaken) &+ 1)
                return (lane, call)
            }
        }
        return nil
    }

    /// What the graph node of an index is called.
    func nodeName(_ index: Int) -> String {
        let names = segment.nodeNames
        return names.indices.contains(index) ? names[index].name : "node-\(index)"
    }

    /// Writes the control lane's gauges to the segment.
    func publishGauges() {
        segment.store(.heapUsedBytes, UInt64(heap.usedBytes))
        segment.store(.poolAvailable, UInt64(pool.available))
        segment.store(.generation, forwarding.generation)
        segment.store(.controlLoops, segment.load(.controlLoops) + 1)
    }

    /// Carries a packet-generator command out.
    ///
    /// - Returns: an error, or text for the operator.
    func packetGenerator(_ command: PacketGeneratorCommand) -> (error: String, text: String) {
        // A lane may have a stream to run now, or none any more.
        defer {
            for (lane, waker) in zip(lanes, wakers) {
                waker.interrupt(lane.pointee.nodes.generator)
            }
        }
        do throws(PacketGeneratorError) {
            return ("", try generator.apply(command))
        } catch {
            return ("\(error)", "")
        }
    }
}
