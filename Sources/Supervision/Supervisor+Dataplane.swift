public import ControlProtocol
public import Coordination
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor: Dataplane {
    /// Applies a change: a port's setting at its keeper first, then the journal's entry on every
    /// worker.
    ///
    /// - Parameter change: what the operator wants.
    /// - Returns: the change's number in the journal.
    /// - Throws: `ChangeError`; nothing is changed then, and a port that was set is set back.
    public func apply(_ change: ConfigurationChange) async throws(ChangeError) -> UInt64 {
        guard !isStopping else { throw ChangeError("the dataplane is being stopped") }
        guard let (name, setting) = Self.portSetting(of: change) else {
            return events.committed(try await commit(change))
        }
        await portGate.enter()
        defer { portGate.leave() }
        let known = await journal.view().model.interfaces
        guard let record = known.first(where: { $0.name == name }) else {
            throw ChangeError("unknown interface \(name)")
        }
        let former = try Self.former(of: setting, record)
        try await set(setting, on: record)
        do throws(ChangeError) {
            return events.committed(try await commit(change))
        } catch {
            try? await set(former, on: record)
            throw error
        }
    }

    /// What interactive clients are to know.
    public nonisolated var sessionSettings: SessionSettings { options.session }

    /// Everything that `show` commands read, from what the supervisor knows and the workers'
    /// segments.
    public func view() async -> DataplaneView {
        let (model, number, configured) = await journal.view()
        var statuses: [NodeStatus] = []
        for node in order { if let status = await status(of: node) { statuses.append(status) } }
        let (seconds, attoseconds) = (ContinuousClock.now - started).components
        var view = DataplaneView(
            placement: placement,
            nodes: statuses,
            interfaces: model.interfaces,
            routing: model.routing,
            changeNumber: number,
            uptimeSeconds: Double(seconds) + Double(attoseconds) * 1e-18,
            log: store.lines,
            clock: clockStatus
        )
        view.variants = presentVariants
        view.configurationNumber = configured
        return view
    }

    /// Passes a packet-generator command to a node's worker.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - command: what its worker shall do.
    /// - Returns: text for the operator.
    /// - Throws: `ChangeError` if the node is unknown or not forwarding, or its worker refuses or
    ///   does not answer in time.
    public func packetGenerator(
        node: Int,
        _ command: PacketGeneratorCommand
    ) async throws(ChangeError) -> String {
        guard let state = nodes[node] else { throw ChangeError("no node \(node)") }
        guard let worker = state.worker, state.workerPhase == .up else {
            throw ChangeError("node \(node)'s worker is \(state.workerState)")
        }
        do throws(StepFailure) {
            let text = try await worker.request(
                .packetGenerator(command),
                step: "answer of the packet generator",
                within: options.times.request
            ).text
            nodes[node]?.streams.note(command)
            return text
        } catch { throw ChangeError(error.description) }
    }

    /// Asks a node's worker something.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - topic: what it is about.
    ///   - line: the question.
    /// - Returns: text for the operator, and what the answer wants set on every worker.
    /// - Throws: `ChangeError` if the node is unknown or not forwarding, or its worker refuses or
    ///   does not answer in time.
    public func ask(
        node: Int,
        topic: String,
        line: String
    ) async throws(ChangeError) -> WorkerAnswer {
        guard let state = nodes[node] else { throw ChangeError("no node \(node)") }
        guard let worker = state.worker, state.workerPhase == .up else {
            throw ChangeError("node \(node)'s worker is \(state.workerState)")
        }
        do throws(StepFailure) {
            let answer = try await worker.request(
                .ask(topic: topic, line: line),
                step: "answer about \(topic)",
                within: options.times.request
            )
            return WorkerAnswer(text: answer.text, settings: answer.settings)
        } catch {
            // What the worker says is for the operator; that it said it is not.
            if case .refused(let reason) = error.cause { throw ChangeError(reason) }
            throw ChangeError(error.description)
        }
    }

    /// The plugins that each node's worker found.
    public func plugins() async -> [Int: [PluginReport]] { nodes.mapValues(\.plugins) }

    /// Asks all keepers at once for their ports, and gives them in the order of their interfaces.
    public func portStatuses() async -> [PortStatus] {
        let keepers = order.compactMap { nodes[$0]?.keeper }
        let time = options.times.request
        return await withTaskGroup(of: [PortStatus].self) { group in
            for keeper in keepers {
                group.addTask {
                    let answer = try? await keeper.request(.queryPorts, step: "ports", within: time)
                    return answer?.ports ?? []
                }
            }
            var ports: [PortStatus] = []
            for await some in group { ports += some }
            return ports.sorted { $0.interface < $1.interface }
        }
    }

    /// Takes the present readings of every node's counters as the zero of later views.
    public func clear(_ counters: ClearedCounters) async {
        for number in order {
            guard let segment = nodes[number]?.segment else { continue }
            nodes[number]?.baseline.take(counters, from: segment)
            guard counters == .interfaces else { continue }
            nodes[number]?.portSegment?.clear(unixSeconds: UInt64(time(nil)))
        }
    }

    private func status(of number: Int) async -> NodeStatus? {
        guard let node = nodes[number] else { return nil }
        let changeNumber =
            if let worker = node.worker {
                await worker.acknowledged ?? 0
            } else {
                node.segment?.load(.changeNumber) ?? 0
            }
        var status = NodeStatus(
            number: number,
            keeperPID: node.keeper?.pid,
            keeperState: node.keeperState,
            workerPID: node.worker?.pid,
            workerState: node.workerState,
            incarnation: node.incarnation,
            restarts: node.restarts,
            reason: node.reason.isEmpty ? node.segment?.bufferAlarm ?? "" : node.reason,
            changeNumber: changeNumber,
            segment: node.segment,
            baseline: node.baseline,
            messagesSent: await node.worker?.messagesSent ?? 0,
            messageWaits: await node.worker?.messageWaits ?? 0
        )
        status.sparePID = node.spare?.process?.pid
        status.spareState = node.spare?.state ?? .starting
        status.lastDeath = node.lastDeath
        status.keeperProgram = await node.keeper?.program
        status.workerProgram = await node.worker?.program
        status.spareProgram = await node.spare?.process?.program
        return status
    }

    /// What a change means for the hardware; nil: nothing.
    private static func portSetting(
        of change: ConfigurationChange
    ) -> (interface: String, PortSetting)? {
        switch change {
        case .interfaceState(let name, let isUp): (name, .admin(isUp: isUp))
        case .mtu(let name, let bytes): (name, .mtu(UInt16(clamping: bytes)))
        case .mac(let name, let mac): (name, .mac(mac))
        case .promiscuous(let name, let isOn): (name, .promiscuous(isOn))
        default: nil
        }
    }

    /// The setting that takes `setting` back.
    private static func former(
        of setting: PortSetting,
        _ record: InterfaceRecord
    ) throws(ChangeError) -> PortSetting {
        switch setting {
        case .admin: return .admin(isUp: record.isUp)
        case .mtu(let bytes):
            guard (68...9216).contains(bytes) else {
                throw ChangeError("MTU \(bytes): 68 to 9216 bytes are possible")
            }
            return .mtu(record.mtu)
        case .mac(let mac):
            guard !mac.isMulticast, mac != MACAddress() else {
                throw ChangeError("\(mac) is no address of an interface")
            }
            return .mac(record.mac)
        case .promiscuous: return .promiscuous(record.isPromiscuous)
        }
    }

    private func set(
        _ setting: PortSetting,
        on record: InterfaceRecord
    ) async throws(ChangeError) {
        let number = Int(record.node)
        guard let keeper = nodes[number]?.keeper, nodes[number]?.keeperPhase == .up else {
            throw ChangeError(
                "node \(number)'s keeper does not run, so \(record.name) cannot be changed"
            )
        }
        do throws(StepFailure) {
            _ = try await keeper.request(
                .setPort(interface: record.index, setting),
                step: "setting of \(record.name)",
                within: options.times.request
            )
        } catch { throw ChangeError(error.description) }
    }
}
