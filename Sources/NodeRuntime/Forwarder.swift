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
    /// The control lane's ring of the event log.
    let events: EventWriter
    private let eventLog: EventLog
    /// Where lanes write what they see of single packets; kept mapped for them.
    private let traces: TraceBuffer?
    private var rates: RateMeter
    /// Where the pool's buffers were, and how many were missing at the last look that was worth something.
    var accounts = BufferAccounts()
    var lastMissing: Int?
    private let configuration: WorkerConfiguration
    private let heap: NodeHeap
    private let fib: Fib
    let pool: MbufPool
    let forwarding: ForwardingState
    let lanes: [UnsafeMutablePointer<LaneState>]
    private let mailboxes: [ControlMailbox]
    private var nextMailbox = 0
    /// The worker's time.
    let clock: WorkerClock
    let wiring: HandoffWiring
    let wakers: [LaneWaker]
    let generator: PacketGenerator

    /// What ran once at each point of the worker's life.
    let registry: InitRegistry
    let plugins: PluginSet
    /// The lanes' graph as the supervisor reads it.
    private let graphText: String

    /// Takes over what the init functions have made; nothing is allocated for packets afterwards.
    ///
    /// - Throws: which of them is missing.
    init(_ start: WorkerStart) throws(StartError) {
        configuration = start.configuration
        registry = start.registry
        segment = try start.made(start.segment, "worker-segment")
        eventLog = try start.made(start.eventLog, "event-log")
        events = eventLog.writer(0)
        traces = start.traces
        clock = try start.made(start.clock, "clock")
        rates = RateMeter(segment, at: timestamp())
        pool = try start.made(start.pool, "packet-pool")
        heap = try start.made(start.heap, "node-heap")
        fib = try start.made(start.fib, "fib")
        wiring = try start.made(start.wiring, "handoff")
        forwarding = try start.made(start.forwarding, "tables")
        generator = try start.made(start.generator, "packet-generator")
        plugins = try start.made(start.plugins, "plugins")
        lanes = start.lanes
        graphText = start.graphText
        mailboxes = start.mailboxes
        let wiring = wiring
        wakers = configuration.laneCPUs.indices.map { wiring.waker(of: $0) }
        LaneCrashes.watch(segment)
        publishGauges()
    }

    /// Applies a part of an entry.
    ///
    /// - Returns: empty, or why it was refused.
    func apply(_ body: [UInt8]) -> String {
        do {
            let changes = try ChangeCoding.decode(body)
            try forwarding.apply(changes)
            for case .interface(let record) in changes {
                segment.writeInterfaceName(record.name, at: Int(record.index))
            }
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// What the journal gave an index.
    var indexedTables: [ForwardingChange] { forwarding.indexed }

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

    /// Lets the lanes poll.
    ///
    /// - Parameter keepsHandoffs: whether packets that were handed to a predecessor are still wanted.
    /// - Throws: which step of the start failed.
    func startLanes(keepsHandoffs: Bool) throws(StartError) {
        // Not before: a worker that waits for its turn shares the rings with the one that forwards.
        registry.add(OrderedStep("handoff-repair", runsBefore: ["start-lanes"]), .enter) {
            [self] _ throws(StartError) in
            wiring.repair(keepsPublished: keepsHandoffs)
            for (lane, cells) in wiring.staleCells.enumerated() where cells > 0 {
                segment.lane(lane).pointer(.staleHandoffs).pointee &+= UInt64(cells)
            }
            for lane in lanes { lane.pointee.handoff.lookAtAll() }
        }
        registry.add(OrderedStep("lane-scheduling", runsBefore: ["start-lanes"]), .enter) {
            [configuration] _ throws(StartError) in try LaneScheduling(configuration).apply()
        }
        registry.add(OrderedStep("start-lanes"), .enter) { [self] _ throws(StartError) in
            try launchLanes()
        }
        registry.add(OrderedStep("stop-lanes"), .exit) { [self] _ throws(StartError) in endLanes() }
        try registry.run(.enter)
    }

    private func launchLanes() throws(StartError) {
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

    /// Ends the lanes' loops and whatever else is to end in order.
    func stopLanes() throws(StartError) { try registry.run(.exit) }

    /// Waits a second at most for each lane.
    private func endLanes() {
        do throws(StartError) { try order(LaneOrder.end) } catch { return }
        forwarding.lanesRun = false
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
        let free = pool.available
        segment.store(.heapUsedBytes, UInt64(heap.usedBytes))
        segment.store(.heapFreeBytes, UInt64(max(0, heap.totalBytes - heap.usedBytes)))
        segment.store(.poolAvailable, UInt64(free))
        segment.store(.poolUsed, UInt64(max(0, pool.size - free)))
        segment.store(.poolCached, UInt64(pool.cached))
        segment.store(.generation, forwarding.generation)
        segment.store(.controlLoops, segment.load(.controlLoops) + 1)
        segment.store(.lastUpdate, UInt64(time(nil)))
        rates.update(segment, at: timestamp(), hertz: EAL.hertz)
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

    /// Answers a question: `graph`, `init-function` with a phase and perhaps `verbose`, or a command of plugin
    /// `plugin NAME`.
    ///
    /// - Returns: text for the operator, and what is to be set on every worker.
    func answer(
        _ topic: String,
        _ line: String
    ) throws(StartError) -> (text: String, settings: [PluginSetting]) {
        if topic == "init-function" {
            let words = line.split(separator: " ").map(String.init)
            let phase = words.first { $0 != "verbose" } ?? ""
            return (registry.report(phase, isVerbose: words.contains("verbose")), [])
        }
        if topic == "graph" { return (graphText, []) }
        guard topic.hasPrefix("plugin ") else { throw StartError("unknown topic \(topic)") }
        return try plugins.run(line, of: String(topic.dropFirst(7)))
    }
}
