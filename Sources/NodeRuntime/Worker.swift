internal import CLinux
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
public import Logging
internal import MainLoop
internal import PacketBuffers
internal import PacketNodes
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A NUMA node's packet process: attaches to the keeper's DPDK domain, runs one polling lane a
/// core, and on its main thread the control lane, which applies changes and reports.
///
/// It leaves by `_exit`: an orderly DPDK cleanup in a secondary process would take the primary's
/// devices down.
public final class Worker {
    private let arguments: NodeArguments
    let log: Logger
    let server: NodeServer
    let loop: ProcessLoop
    private(set) var state = ProcessState.starting
    private(set) var forwarder: Forwarder?
    /// What this worker has been told to take over.
    var inheritance: (record: HandoverRecord, segment: WorkerSegment)?
    private var change: (number: UInt64, nextPart: UInt32, error: String)?
    private var isStopping = false
    /// What ends the control lane's sleep, and the line that says whether it sleeps.
    private let wakeup: EventDescriptor
    private let waker: LaneWaker
    /// Answers the calls of lanes.
    var callProcess: GraphProcess?
    /// The eventfds of all lanes of the placement; they stay open as long as the process.
    private var laneWakeups: [Int32] = []
    var recentNeighbours = RecentNeighbours()

    /// Makes a worker that waits for its configuration.
    ///
    /// - Parameters:
    ///   - arguments: from the command line.
    ///   - log: tagged with the NUMA node.
    /// - Throws: when the kernel gives no descriptor to wait for.
    public init(arguments: NodeArguments, log: Logger) throws(Errno) {
        self.arguments = arguments
        self.log = log
        let wakeup = try EventDescriptor()
        self.wakeup = wakeup
        let line = UnsafeMutableRawPointer.allocate(
            byteCount: LaneSignals.byteCount,
            alignment: LaneSignals.byteCount
        )
        line.initializeMemory(as: UInt8.self, repeating: 0, count: LaneSignals.byteCount)
        waker = LaneWaker(signals: LaneSignals(line), descriptor: wakeup.descriptor)
        loop = ProcessLoop(
            clock: { ClockSample.monotonicNanoseconds() },
            wakeUp: { wakeup.signal() }
        )
        server = NodeServer(listener: arguments.listener) { log.warning("\($0)") }
    }

    /// Runs until told to stop; does not return to the caller.
    public func run() -> Never {
        Signals.catchTermination()
        arguments.reportCrashes(of: "worker")
        server.forwardLog()
        while !isStopping && !Signals.terminationAsked {
            loop.turn()
            if let forwarder { publishProcesses(forwarder.segment) }
            let patience = min(loop.nanosecondsToNextStop ?? .max, Self.longestWaitNanoseconds)
            server.serve(
                // A wait that ends early would only be followed by another.
                microseconds: (patience + 999) / 1000,
                wakeup: wakeup.descriptor,
                signals: waker.signals,
                unless: { hasCalls },
                { received, channel in handle(received, channel) }
            )
            wakeup.clear()
            // A supervisor that died before it wrote down whom it had started: no other finds this.
            if state == .starting, server.isAbandoned {
                log.warning("not configured, and nobody is there who would do it")
                break
            }
            if hasCalls, let callProcess, !callProcess.hasEvents {
                loop.signal(callProcess, type: 0)
            }
        }
        stop()
    }

    /// How long the control lane waits at most before it looks whether it was told to end.
    private static let longestWaitNanoseconds: UInt64 = 1_000_000_000

    private var hasCalls: Bool { forwarder?.hasCalls ?? false }

    private func handle(_ received: ReceivedMessage, _ channel: MessageChannel) {
        if case .laneWakeups(let first) = received.message {
            return keep(received.descriptors, first: Int(first))
        }
        for descriptor in received.descriptors { close(descriptor) }
        let request = received.request
        switch received.message {
        case .connect:
            server.subscribe(channel)
            server.answer(channel, .hello(identity), request: request)
            server.answer(
                channel,
                .state(ProcessStateReport(state: state.rawValue, detail: ""))
            )
        case .configureWorker(let configuration):
            configure(configuration, channel, request)
        case .change(let number, let part, let isLast, let body):
            apply(number, part, isLast, body, channel)
        case .forward(let keepsHandoffs):
            forward(channel, request, keepsHandoffs: keepsHandoffs)
        case .prepareTakeOver(let record, let segment):
            answer(channel, request) { () throws(StartError) in
                try prepareTakeOver(record: record, segment: segment)
            }
        case .handOver(let record):
            answer(channel, request) { () throws(StartError) in try handOver(record) }
        case .takeOver:
            answer(channel, request) { () throws(StartError) in try takeOver() }
        case .drain:
            isStopping = true
        case .packetGenerator(let command):
            let (error, text) =
                forwarder?.packetGenerator(command) ?? ("the worker is not configured", "")
            server.answer(channel, .result(error: error, text: text), request: request)
        case .logLevels(let least, let standardError):
            NodeLog.setLevels(least: least, standardError: standardError)
        case .ask(let topic, let line): ask(topic, line, channel, request)
        case .queryTables: describe(to: channel, request)
        default:
            server.answer(
                channel,
                .result(error: "a worker does not take this message", text: ""),
                request: request
            )
        }
    }

    /// Takes eventfds of lanes; those that cannot be placed, or come too late, are closed.
    private func keep(_ descriptors: [Int32], first: Int) {
        guard first == laneWakeups.count, state == .starting else {
            for descriptor in descriptors { close(descriptor) }
            return log.warning("wake-ups of lanes out of order", metadata: ["first": "\(first)"])
        }
        laneWakeups += descriptors
    }

    /// Answers a question of the operator's.
    private func ask(
        _ topic: String,
        _ line: String,
        _ channel: MessageChannel,
        _ request: UInt32
    ) {
        guard let forwarder else {
            let error = "the worker is not configured"
            return server.answer(channel, .result(error: error, text: ""), request: request)
        }
        do throws(StartError) {
            let answer = try forwarder.answer(topic, line)
            if !answer.settings.isEmpty {
                server.answer(channel, .settings(answer.settings), request: request)
            }
            server.answer(channel, .result(error: "", text: answer.text), request: request)
        } catch {
            let reason = error.description.isEmpty ? "no reason given" : error.description
            server.answer(channel, .result(error: reason, text: ""), request: request)
        }
    }

    /// Tells a new supervisor what the last one knew of this worker.
    ///
    /// Whatever that one still had on its way is dropped first, so that the answer stays true.
    private func describe(to channel: MessageChannel, _ request: UInt32) {
        server.drop(subscribersBut: channel)
        guard let forwarder else {
            let error = "the worker is not configured"
            return server.answer(channel, .result(error: error, text: ""), request: request)
        }
        for first in stride(from: 0, to: laneWakeups.count, by: 64) {
            server.answer(
                channel,
                .laneWakeups(first: UInt16(first)),
                request: request,
                descriptors: Array(laneWakeups[first...].prefix(64))
            )
        }
        for body in ChangeCoding.encodeChunks(forwarder.indexedTables) {
            server.answer(channel, .tables(body), request: request)
        }
        server.answer(channel, .plugins(forwarder.plugins.reports))
        let number = forwarder.segment.load(.changeNumber)
        server.answer(channel, .result(error: "", text: "\(number)"), request: request)
    }

    private var identity: ProcessIdentity {
        ProcessIdentity(
            role: .worker,
            node: UInt8(arguments.node),
            incarnation: arguments.incarnation,
            pid: UInt32(getpid()),
            versions: .ofThisNode
        )
    }

    func enter(_ next: ProcessState, _ detail: String = "") {
        state = next
        forwarder?.segment.store(.state, UInt64(next.rawValue))
        forwarder?.events.record(
            .workerState,
            at: CLinux_tsc(),
            small: UInt16(next.rawValue)
        )
        log.info("state", metadata: ["state": "\(next)", "detail": "\(detail)"])
        server.report(.state(ProcessStateReport(state: next.rawValue, detail: detail)))
    }

    private func configure(
        _ configuration: WorkerConfiguration,
        _ channel: MessageChannel,
        _ request: UInt32
    ) {
        guard state == .starting else {
            let error = "the worker is configured already"
            return server.answer(channel, .result(error: error, text: ""), request: request)
        }
        do throws(StartError) {
            let start = WorkerStart(
                configuration: configuration,
                environment: arguments.environment,
                wakeup: waker,
                laneWakeups: laneWakeups,
                log: log,
                attached: { [unowned self] in enter(.attached) }
            )
            let forwarder = try start.run()
            self.forwarder = forwarder
            server.report(.plugins(forwarder.plugins.reports))
            startProcesses(forwarder)
            enter(.ready)
            server.answer(channel, .result(error: "", text: ""), request: request)
        } catch {
            fail("\(error)")
        }
    }

    /// Ends a worker that cannot start; the reason goes to whoever listens, as the detail of the
    /// state it is in.
    private func fail(_ reason: String) -> Never {
        log.error("cannot start", metadata: ["reason": "\(reason)"])
        server.report(.state(ProcessStateReport(state: state.rawValue, detail: reason)))
        _exit(EX_UNAVAILABLE)
    }

    /// Applies a part of an entry; a part out of order, or one after a failure, is not applied.
    private func apply(
        _ number: UInt64,
        _ part: UInt32,
        _ isLast: Bool,
        _ body: [UInt8],
        _ channel: MessageChannel
    ) {
        guard let forwarder else {
            return server.answer(
                channel,
                .acknowledged(number: number, error: "the worker is not configured")
            )
        }
        var entry = change?.number == number && part > 0 ? change : nil
        if part == 0 {
            entry = (number, 0, "")
            // Who dies of it has it on record.
            forwarder.segment.store(.changeBegun, number)
        }
        guard var entry, entry.nextPart == part else {
            return server.answer(
                channel,
                .acknowledged(number: number, error: "part \(part) came out of order")
            )
        }
        entry.nextPart += 1
        let start = CLinux_tsc()
        if entry.error.isEmpty { entry.error = forwarder.apply(body) }
        if isLast {
            if entry.error.isEmpty { entry.error = forwarder.finishEntry(number: number) }
            forwarder.events.record(
                .change,
                at: start,
                small: entry.error.isEmpty ? 0 : 1,
                middle: UInt32(truncatingIfNeeded: number),
                value: CLinux_tsc() &- start
            )
            server.answer(channel, .acknowledged(number: number, error: entry.error))
            change = nil
        } else {
            change = entry
        }
    }

    private func forward(_ channel: MessageChannel, _ request: UInt32, keepsHandoffs: Bool) {
        answer(channel, request) { () throws(StartError) in
            guard let forwarder, state == .ready else {
                throw StartError("the worker is \(state), not ready")
            }
            try forwarder.startLanes(keepsHandoffs: keepsHandoffs)
            enter(.forwarding)
            return ""
        }
    }

    /// Does what was asked and answers, with a text or the error.
    private func answer(
        _ channel: MessageChannel,
        _ request: UInt32,
        _ work: () throws(StartError) -> String
    ) {
        do throws(StartError) {
            server.answer(channel, .result(error: "", text: try work()), request: request)
        } catch {
            log.error("\(error)")
            server.answer(channel, .result(error: "\(error)", text: ""), request: request)
        }
    }

    private func stop() -> Never {
        enter(.draining)
        do throws(StartError) { try forwarder?.stopLanes() } catch { log.error("\(error)") }
        enter(.stopped)
        _exit(0)
    }
}
