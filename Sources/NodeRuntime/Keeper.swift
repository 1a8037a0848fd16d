internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
public import Logging
internal import PacketBuffers
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A NUMA node's DPDK primary: it makes the pool, starts the ports, and then sleeps until told
/// something.
///
/// It runs no packet. While it lives the links stay up and the receive rings go on filling,
/// whatever happens to the worker.
public final class Keeper {
    private let arguments: NodeArguments
    private let log: Logger
    private let server: NodeServer
    private var state = ProcessState.starting
    private var pool: MbufPool?
    private var ports: [KeptPort] = []
    private var ringFile: SharedMapping?
    private var counters: PortSegment?
    private var isStopping = false

    /// The pool's name in the node's DPDK domain.
    static let poolName = "causeway"

    /// Makes a keeper that waits for its configuration.
    ///
    /// - Parameters:
    ///   - arguments: from the command line.
    ///   - log: tagged with the NUMA node.
    public init(arguments: NodeArguments, log: Logger) {
        self.arguments = arguments
        self.log = log
        server = NodeServer(listener: arguments.listener) { log.warning("\($0)") }
    }

    /// Runs until told to stop.
    ///
    /// - Returns: the process's exit status.
    public func run() -> Int32 {
        Signals.catchTermination()
        arguments.reportCrashes(of: "keeper")
        server.forwardLog()
        while !isStopping && !Signals.terminationAsked {
            server.serve(milliseconds: 1000) { received, channel in handle(received, channel) }
            if state == .forwarding { watchPorts() }
            // A supervisor that died before it wrote down whom it had started: no other finds this.
            if state == .starting, server.isAbandoned {
                log.warning("not configured, and nobody is there who would do it")
                break
            }
        }
        stop()
        return 0
    }

    private func handle(_ received: ReceivedMessage, _ channel: MessageChannel) {
        for descriptor in received.descriptors { close(descriptor) }
        let request = received.request
        switch received.message {
        case .connect:
            server.subscribe(channel)
            server.answer(channel, .hello(identity), request: request)
            server.answer(channel, .state(report()))
        case .configureKeeper(let configuration):
            configure(configuration, channel, request)
        case .recoverPorts:
            answer(channel, request) { () throws(DPDKError) in try recover(channel, request) }
        case .workerLeft:
            restoreDevices()
            server.answer(channel, .result(error: "", text: ""), request: request)
        case .setPort(let interface, let setting):
            answer(channel, request) { () throws(DPDKError) in try apply(setting, to: interface) }
        case .queryPorts:
            for port in ports {
                let status = port.status
                publish(status)
                server.answer(channel, .portStatus(status), request: request)
            }
            server.answer(channel, .result(error: "", text: ""), request: request)
        case .logLevels(let least, let standardError):
            NodeLog.setLevels(least: least, standardError: standardError)
        case .tapDescriptors(let interface):
            giveTap(interface, channel, request)
        case .drain:
            isStopping = true
            server.answer(channel, .result(error: "", text: ""), request: request)
        default:
            server.answer(
                channel,
                .result(error: "a keeper does not take this message", text: ""),
                request: request
            )
        }
    }

    private var identity: ProcessIdentity {
        ProcessIdentity(
            role: .keeper,
            node: UInt8(arguments.node),
            incarnation: arguments.incarnation,
            pid: UInt32(getpid()),
            versions: .ofThisNode
        )
    }

    private func report(_ detail: String = "") -> ProcessStateReport {
        ProcessStateReport(state: state.rawValue, detail: detail)
    }

    private func enter(_ next: ProcessState, _ detail: String = "") {
        state = next
        log.info("state", metadata: ["state": "\(next)", "detail": "\(detail)"])
        server.report(.state(report(detail)))
    }

    private func answer(
        _ channel: MessageChannel,
        _ request: UInt32,
        _ work: () throws(DPDKError) -> String
    ) {
        do throws(DPDKError) {
            server.answer(channel, .result(error: "", text: try work()), request: request)
        } catch {
            log.error("\(error)")
            server.answer(channel, .result(error: "\(error)", text: ""), request: request)
        }
    }

    private func configure(
        _ configuration: KeeperConfiguration,
        _ channel: MessageChannel,
        _ request: UInt32
    ) {
        guard state == .starting else {
            let error = "the keeper is configured already"
            return server.answer(channel, .result(error: error, text: ""), request: request)
        }
        do throws(DPDKError) {
            try bind(to: configuration)
            try EAL.start(arguments.environment)
            enter(.attached, "DPDK \(EAL.version)")
            let pool = try makePool(configuration)
            self.pool = pool
            for port in configuration.ports {
                ports.append(
                    try KeptPort.start(
                        port,
                        node: arguments.node,
                        socket: Int(configuration.socket),
                        pool: pool
                    )
                )
            }
            try makeRings(configuration)
            try openCounters(configuration)
            enter(.ready, "\(ports.count) ports, \(pool.size) buffers")
            state = .forwarding
            server.answer(channel, .result(error: "", text: ""), request: request)
        } catch {
            // The reason goes to whoever listens, as the detail of the state that was reached.
            log.error("cannot start", metadata: ["reason": "\(error)"])
            server.report(.state(report("\(error)")))
            _exit(EX_UNAVAILABLE)
        }
    }

    /// Keeps the process and its helper threads on the node, where there is more than one.
    private func bind(to configuration: KeeperConfiguration) throws(DPDKError) {
        guard configuration.socket >= 0 else { return }
        do throws(Errno) { try NodeBinding.bind(to: Int(configuration.socket)) } catch {
            throw .environment(reason: "cannot bind to NUMA node \(configuration.socket): \(error)")
        }
    }

    private func makePool(_ configuration: KeeperConfiguration) throws(DPDKError) -> MbufPool {
        guard
            let pool = MbufPool.create(
                name: Self.poolName,
                buffers: Int(configuration.poolBuffers),
                dataBytes: Int(configuration.bufferDataBytes),
                socket: Int(configuration.socket)
            )
        else {
            throw .pool(
                name: Self.poolName,
                buffers: Int(configuration.poolBuffers),
                reason: EAL.lastErrorText
            )
        }
        return pool
    }

    private func makeRings(_ configuration: KeeperConfiguration) throws(DPDKError) {
        guard configuration.sourceLanes > 0 else { return }
        let layout = HandoffLayout(
            destinationLanes: Int(configuration.destinationLanes),
            sourceLanes: Int(configuration.sourceLanes),
            cells: Int(configuration.ringCells)
        )
        let file: SharedMapping
        do throws(Errno) {
            file = try SharedMapping.open(path: configuration.ringFile, writable: true)
        } catch { throw .ring(name: configuration.ringFile, reason: "\(error)") }
        guard file.byteCount >= layout.byteCount else {
            throw .ring(name: configuration.ringFile, reason: "shorter than its rings")
        }
        for destination in 0..<layout.destinationLanes {
            for source in 0..<layout.sourceLanes {
                let offset = layout.ringOffset(source: source, destination: destination)
                try EAL.makeHandoffRing(
                    at: file.base + offset,
                    name: "h\(source)-\(destination)",
                    cells: layout.cells
                )
            }
        }
        ringFile = file
    }

    private func restoreDevices() {
        for port in ports where port.restoreBusMastering() {
            log.info("bus mastering restored", metadata: ["port": "\(port.configuration.name)"])
        }
    }

    /// After the worker's death: nothing that it shared is believed.
    private func recover(
        _ channel: MessageChannel,
        _ request: UInt32
    ) throws(DPDKError) -> String {
        guard let pool else { return "" }
        // First the pool forgets its state, which may be torn, so that drivers can give buffers
        // into it; what they give is then forgotten too, and every buffer made free from scratch.
        restoreDevices()
        let taken = max(0, pool.size - pool.available)
        let waiting = ports.reduce(0) { $0 + $1.waiting }
        pool.forgetAll()
        for port in ports { try port.stop() }
        pool.rebuild()
        let free = pool.available
        for port in ports { try port.start(with: pool) }
        log.info(
            "ports recovered",
            metadata: [
                "buffers": "\(pool.size)", "free": "\(free)", "after-start": "\(pool.available)",
            ]
        )
        server.answer(
            channel,
            .buffers(
                PoolReport(
                    size: UInt32(pool.size),
                    free: UInt32(free),
                    taken: UInt32(taken),
                    waiting: UInt32(waiting)
                )
            ),
            request: request
        )
        for port in ports { server.answer(channel, .portStatus(port.status), request: request) }
        return ""
    }

    private func apply(
        _ setting: PortSetting,
        to interface: UInt16
    ) throws(DPDKError) -> String {
        guard let port = ports.first(where: { $0.configuration.interface == interface }) else {
            throw .noPort(device: "of interface \(interface)")
        }
        try port.apply(setting)
        server.report(.portStatus(port.status))
        return ""
    }

    private func giveTap(_ interface: UInt16, _ channel: MessageChannel, _ request: UInt32) {
        guard let port = ports.first(where: { $0.configuration.interface == interface }),
            !port.descriptors.isEmpty
        else {
            let error = "interface \(interface) is no tap of this node"
            return server.answer(channel, .result(error: error, text: ""), request: request)
        }
        server.answer(
            channel,
            .result(error: "", text: ""),
            request: request,
            descriptors: port.descriptors
        )
    }

    /// Writes what the ports' hardware counts where everyone can read it, and says whose link has changed.
    private func watchPorts() {
        for port in ports {
            let status = port.status
            publish(status)
            guard port.noteLink(status.isLinkUp) else { continue }
            log.info(
                "link changed",
                metadata: ["port": "\(port.configuration.name)", "up": "\(status.isLinkUp)"]
            )
            server.report(.portStatus(status))
        }
    }

    private func openCounters(_ configuration: KeeperConfiguration) throws(DPDKError) {
        do throws(Errno) {
            let counters = try PortSegment.open(path: configuration.segmentFile)
            for port in configuration.ports {
                counters.segment.writeInterfaceName(port.name, at: Int(port.interface))
            }
            self.counters = counters
        } catch {
            throw .environment(
                reason: "cannot open the ports' counters at \(configuration.segmentFile): \(error)"
            )
        }
    }

    private func publish(_ status: PortStatus) {
        let index = Int(status.interface)
        counters?.store(.rxMissed, interface: index, status.rxMissed)
        counters?.store(.rxNoBuffer, interface: index, status.rxNoBuffer)
        counters?.store(.rxErrors, interface: index, status.rxErrors)
    }

    private func stop() {
        enter(.draining)
        for port in ports { port.release() }
        enter(.stopped)
    }
}
