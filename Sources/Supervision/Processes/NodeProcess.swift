internal import ControlProtocol
internal import Coordination
internal import Dispatch
internal import LinuxSystem

/// One life of a keeper or worker: the process, the connection to it, and what it has said.
///
/// Nothing here waits without a deadline, and no state of the other end blocks anyone but the task
/// that asked it something.
actor NodeProcess {
    /// What the supervisor is told without asking.
    enum Event: Sendable {
        case state(ProcessState, detail: String)
        case plugins([PluginReport])
        case neighbourSeen(interface: UInt16, address: UInt32, mac: MACAddress)
        case portStatus(PortStatus)
        case logged(level: UInt8, text: String)
        /// The process broke the protocol or closed the connection while it runs.
        case connectionLost(ChannelError)
        /// The process has ended and is reaped; the last event.
        case ended(ExitStatus)
    }

    typealias Handler = @Sendable (NodeProcess, Event) async -> Void

    nonisolated let name: ProcessName
    nonisolated let child: ChildProcess
    nonisolated var pid: Int32 { child.process.pid }
    let channel: MessageChannel
    let queue: DispatchQueue
    private let runtime: RuntimeDirectory
    private let handler: Handler
    private var channelWatch: ReadWatch?

    private(set) var lastState = ProcessState.starting
    private(set) var lastDetail = ""
    private(set) var exit: ExitStatus?
    private(set) var identity: ProcessIdentity?
    private(set) var acknowledged: UInt64?
    var refusals: [UInt64: String] = [:]

    var waiters: [UInt64: Waiter] = [:]
    var nextWaiter: UInt64 = 0
    var nextRequest: UInt32 = 1
    /// Messages sent, and how often one had to wait for room.
    var messagesSent: UInt64 = 0
    var messageWaits: UInt64 = 0
    /// What came for each open request, and which of them are answered in full.
    var answers: [UInt32: [NodeMessage]] = [:]
    var finished: Set<UInt32> = []
    /// The eventfds of lanes that came with an answer.
    var lentWakeups: [EventDescriptor] = []

    init(
        name: ProcessName,
        child: ChildProcess,
        channel: MessageChannel,
        runtime: RuntimeDirectory,
        handler: @escaping Handler
    ) {
        self.name = name
        self.child = child
        self.channel = channel
        self.runtime = runtime
        self.handler = handler
        queue = DispatchQueue(label: "causeway.\(name.node).\(name.fileName)")
    }

    /// The most messages taken before the supervisor has dealt with them; the rest waits in the
    /// socket.
    private static let batchMessages = 64

    /// Starts to listen to the process; once, right after `init`.
    func watch() {
        channelWatch = ReadWatch(descriptor: channel.descriptor, queue: queue) {
            [weak self, channel] watch in
            let (batch, failure) = Self.take(from: channel)
            watch.pause()
            Task {
                await self?.received(batch, failure)
                if failure != nil || self == nil { watch.cancel() }
                watch.resume()
            }
        }
        // The watch's closure keeps `self`, so that a death is noticed whoever lets go of this
        // object.
        _ = ReadWatch(descriptor: child.process.descriptor, queue: queue) { [self] watch in
            guard let status = child.reap() else { return }
            watch.cancel()
            let (batch, _) = Self.take(from: channel)
            Task { await ended(status, last: batch) }
        }
    }

    private static func take(
        from channel: MessageChannel
    ) -> ([ReceivedMessage], ChannelError?) {
        var batch: [ReceivedMessage] = []
        do throws(ChannelError) {
            while batch.count < batchMessages, let message = try channel.receive() {
                if case .laneWakeups = message.message {
                } else {
                    for descriptor in message.descriptors { closeDescriptor(descriptor) }
                }
                batch.append(message)
            }
            return (batch, nil)
        } catch { return (batch, error) }
    }

    private func received(_ batch: [ReceivedMessage], _ failure: ChannelError?) async {
        for message in batch { await received(message) }
        guard let failure, exit == nil else { return }
        // The end of the process closes its socket too; its pidfd says so a moment later, with the
        // cause.
        if await waitForEnd(within: .milliseconds(500)) != nil { return }
        for id in Array(waiters.keys) where waiters[id]?.condition != .end {
            resolve(id, .failure(self.failure(.channel(failure))))
        }
        await handler(self, .connectionLost(failure))
    }

    private func received(_ received: ReceivedMessage) async {
        switch received.message {
        case .hello(let identity):
            self.identity = identity
            resolve(.hello)
        case .state(let report):
            guard let state = ProcessState(rawValue: report.state) else { return }
            if state.rawValue > lastState.rawValue { lastState = state }
            lastDetail = report.detail
            for state in ProcessState.allCases where state.rawValue <= lastState.rawValue {
                resolve(.state(state))
            }
            await handler(self, .state(state, detail: report.detail))
        case .acknowledged(let number, let error):
            acknowledged = max(acknowledged ?? 0, number)
            if !error.isEmpty { refusals[number] = error }
            resolve(.acknowledged(number))
        case .result:
            guard answers[received.request] != nil else { return }
            answers[received.request]?.append(received.message)
            finished.insert(received.request)
            resolve(.answer(received.request))
        case .portStatus(let status):
            if answers[received.request] != nil, (answers[received.request]?.count ?? 0) < 256 {
                answers[received.request]?.append(received.message)
            } else {
                await handler(self, .portStatus(status))
            }
        case .laneWakeups:
            let lent = received.descriptors.map { EventDescriptor(owning: $0) }
            if answers[received.request] != nil { lentWakeups += lent }
        case .tables:
            guard let answer = answers[received.request], answer.count < 4096 else { return }
            answers[received.request]?.append(received.message)
        case .settings, .buffers:
            guard let answer = answers[received.request], answer.count < 256 else { return }
            answers[received.request]?.append(received.message)
        case .plugins(let reports): await handler(self, .plugins(reports))
        case .neighbourSeen(let interface, let address, let mac):
            await handler(
                self,
                .neighbourSeen(interface: interface, address: address, mac: mac)
            )
        case .logged(let level, let text):
            await handler(self, .logged(level: level, text: text))
        default:
            break
        }
    }

    private func ended(_ status: ExitStatus, last batch: [ReceivedMessage]) async {
        for message in batch { await received(message) }
        // Before anybody knows of the end: the next process of that name has the files for its own.
        runtime.remove(node: name.node, name: name.fileName)
        exit = status
        channelWatch?.cancel()
        channelWatch = nil
        for id in Array(waiters.keys) {
            guard let waiter = waiters[id] else { continue }
            if waiter.condition == .end {
                resolve(id, .success(()))
            } else {
                resolve(id, .failure(failure(.ended(step: waiter.step, status))))
            }
        }
        await handler(self, .ended(status))
    }

    /// A failure of this process, with what it last said.
    func failure(_ cause: StepFailure.Cause) -> StepFailure {
        StepFailure(process: name, cause: cause, lastState: lastState, detail: lastDetail)
    }
}
