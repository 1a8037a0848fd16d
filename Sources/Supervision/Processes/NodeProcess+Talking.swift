internal import ControlProtocol
internal import Coordination
internal import LinuxSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// Closes a descriptor that came with a message nobody asked for.
func closeDescriptor(_ descriptor: CInt) { close(descriptor) }

extension NodeProcess {
    /// Sends a message, waiting while the other end has no room.
    ///
    /// - Parameters:
    ///   - message: what to say.
    ///   - request: its number, which an answer carries.
    ///   - descriptors: sent along; at most 64, which stay this process's.
    ///   - step: what is being done, for the message if it fails.
    ///   - time: the longest wait for room.
    /// - Throws: `StepFailure` if the process has ended, its connection is broken, or the time is
    ///   over.
    func send(
        _ message: NodeMessage,
        request: UInt32 = 0,
        descriptors: [CInt] = [],
        step: String,
        within time: Duration
    ) async throws(StepFailure) {
        while true {
            if let exit { throw failure(.ended(step: step, exit)) }
            do throws(ChannelError) {
                try channel.send(message, request: request, descriptors: descriptors)
                messagesSent += 1
                return
            } catch {
                guard error == .full else { throw failure(.channel(error)) }
            }
            messageWaits += 1
            try await waitForRoom(step: step, within: time)
        }
    }

    private func waitForRoom(step: String, within time: Duration) async throws(StepFailure) {
        nextWaiter += 1
        let ticket = nextWaiter
        let watch = WriteWatch(descriptor: channel.descriptor, queue: queue) { [self] in
            Task { await resolve(.writable(ticket)) }
        }
        defer { watch.cancel() }
        try await wait(for: .writable(ticket), step: step, within: time)
    }

    /// Sends a request and waits for its `result`.
    ///
    /// - Returns: the text of the result, and the port states, settings and buffers that came before it.
    func request(
        _ message: NodeMessage,
        step: String,
        within time: Duration
    ) async throws(StepFailure) -> (
        text: String, ports: [PortStatus], settings: [PluginSetting],
        buffers: PoolReport?
    ) {
        var ports: [PortStatus] = []
        var settings: [PluginSetting] = []
        var buffers: PoolReport?
        for message in try await answer(to: message, step: step, within: time) {
            switch message {
            case .portStatus(let status): ports.append(status)
            case .settings(let some): settings += some
            case .buffers(let report): buffers = report
            case .result(let error, let text):
                guard error.isEmpty else { throw failure(.refused(error)) }
                return (text, ports, settings, buffers)
            default: break
            }
        }
        return ("", ports, settings, buffers)
    }

    /// Sends a request and waits until it is answered in full.
    private func answer(
        to message: NodeMessage,
        step: String,
        within time: Duration
    ) async throws(StepFailure) -> [NodeMessage] {
        let number = nextRequest
        nextRequest = nextRequest == .max ? 1 : nextRequest + 1
        answers[number] = []
        defer {
            answers[number] = nil
            finished.remove(number)
        }
        try await send(message, request: number, step: step, within: time)
        try await wait(for: .answer(number), step: step, within: time)
        return answers[number] ?? []
    }

    /// What a worker has that an earlier supervisor told it.
    struct Inheritance: Sendable {
        /// What has an index.
        var tables: [ForwardingChange] = []
        /// The eventfds of all lanes of the placement.
        var wakeups: [EventDescriptor] = []
        /// The number of the last journal entry that it applied.
        var number: UInt64 = 0
    }

    /// Asks a worker for what it has from an earlier supervisor.
    func inheritance(within time: Duration) async throws(StepFailure) -> Inheritance {
        var inheritance = Inheritance()
        lentWakeups = []
        for message in try await answer(to: .queryTables, step: "tables", within: time) {
            switch message {
            case .tables(let body):
                do throws(WireError) {
                    inheritance.tables += try ChangeCoding.decode(body)
                } catch { throw failure(.channel(.malformed(error))) }
            case .result(let error, let text):
                guard error.isEmpty, let number = UInt64(text) else {
                    throw failure(.refused(error))
                }
                inheritance.number = number
            default: break
            }
        }
        inheritance.wakeups = lentWakeups
        return inheritance
    }

    /// Waits for a journal entry's acknowledgement.
    ///
    /// - Returns: why the process refused it; empty: it did not.
    func acknowledgement(
        of number: UInt64,
        step: String,
        within time: Duration
    ) async throws(StepFailure) -> String {
        try await wait(for: .acknowledged(number), step: step, within: time)
        return refusals.removeValue(forKey: number) ?? ""
    }

    /// The first exchange: who it is, and that what both share has one form.
    ///
    /// - Parameters:
    ///   - build: the version text that it must be of; nil: any whose layouts are the supervisor's.
    ///   - time: the longest wait.
    /// - Throws: `StepFailure`, with both versions if they differ.
    func introduce(build: String?, within time: Duration) async throws(StepFailure) {
        let pid = UInt32(getpid())
        try await send(.connect(supervisorPID: pid), step: "hello", within: time)
        try await wait(for: .hello, step: "hello", within: time)
        guard let identity else { return }
        guard identity.role == name.role, Int(identity.node) == name.node,
            identity.incarnation == name.incarnation || name.incarnation == 0
        else {
            throw failure(
                .stranger(
                    "answered as node \(identity.node) \(identity.role) \(identity.incarnation)"
                )
            )
        }
        if let build, identity.build != build {
            throw failure(
                .stranger(
                    "is of build \(identity.build), the supervisor of \(build); "
                        + "install both programs from one build"
                )
            )
        }
        let differences = BuildVersions.differences(of: identity.versions.layouts)
        guard differences.isEmpty else {
            throw failure(
                .stranger(
                    "is of build \(identity.versions.name), which does not fit to the supervisor's: "
                        + differences.joined(separator: "; ")
                )
            )
        }
    }

    /// Ends the process: asks it to drain, then SIGTERM, then SIGKILL.
    ///
    /// - Returns: how it ended; nil only if even SIGKILL did not work in time.
    func stop(times: StepTimes) async -> ExitStatus? {
        if let exit { return exit }
        // One that does not take the message is ended by a signal below.
        if (try? await send(.drain, step: "drain", within: times.request)) != nil,
            let status = await waitForEnd(within: times.drain)
        {
            return status
        }
        return await terminate(times: times)
    }

    /// Ends a process that did not come up: SIGTERM, then SIGKILL.
    func terminate(times: StepTimes) async -> ExitStatus? {
        try? child.process.send(signal: SIGTERM)
        if let status = await waitForEnd(within: times.end) { return status }
        return await kill(times: times)
    }

    /// Ends the process with SIGKILL.
    func kill(times: StepTimes) async -> ExitStatus? {
        try? child.process.send(signal: SIGKILL)
        return await waitForEnd(within: times.end)
    }
}
