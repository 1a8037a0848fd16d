internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination
internal import LinuxSystem

extension Supervisor {
    /// What a node's keeper is told.
    func keeperConfiguration(_ node: NodePlacement, _ incarnation: UInt32) -> KeeperConfiguration {
        let position = order.firstIndex(of: node.number) ?? 0
        let layout = files.layout(at: position)
        return KeeperConfiguration(
            node: UInt8(node.number),
            poolBuffers: UInt32(node.poolBuffers),
            bufferDataBytes: UInt16(node.bufferDataBytes),
            socket: Int16(node.hardwareNode ?? -1),
            ports: node.ports.map(portConfiguration),
            ringFile: files.ringFile(node),
            destinationLanes: UInt16(layout.destinationLanes),
            sourceLanes: UInt16(layout.sourceLanes),
            ringCells: UInt32(layout.cells),
            segmentFile: files.portSegmentFile(node: node.number, incarnation: incarnation)
        )
    }

    /// What a life of a node's worker is told.
    func workerConfiguration(_ node: NodePlacement, _ incarnation: UInt32) -> WorkerConfiguration {
        WorkerConfiguration(
            node: UInt8(node.number),
            incarnation: incarnation,
            hardwareNode: Int16(node.hardwareNode ?? -1),
            heapBytes: UInt64(node.heapBytes),
            hugepageBytes: UInt64(node.hugepageBytes),
            laneCPUs: node.lanes.map { UInt16($0) },
            firstLaneLcore: UInt16(options.firstLaneLcore(incarnation)),
            segmentFile: files.segmentFile(node: node.number, incarnation: incarnation),
            eventLogFile: files.eventLogFile(node: node.number, incarnation: incarnation),
            keeperSocket: runtime.keeperSocket(node: node.number),
            ports: node.ports.map(portConfiguration),
            peers: placement.nodes.map { peer in
                WorkerConfiguration.Peer(
                    node: UInt8(peer.number),
                    lanes: UInt16(peer.lanes.count),
                    ringCells: UInt32(peer.handoffRingCells),
                    ringFile: files.ringFile(peer)
                )
            },
            lanes: laneOptions,
            plugins: options.plugins
        )
    }

    private var laneOptions: LaneOptions {
        let settings = options.lanes
        // The kernel's numbers of the policies.
        let policy: UInt8 =
            switch settings.policy {
            case nil, .other: 0
            case .fifo: 1
            case .rr: 2
            case .batch: 3
            case .idle: 5
            }
        return LaneOptions(
            policy: policy,
            priority: UInt8(clamping: settings.priority),
            threadPrefix: settings.threadPrefix ?? "cw",
            seed: settings.seed ?? 0
        )
    }

    private func portConfiguration(_ port: PortPlacement) -> PortConfiguration {
        PortConfiguration(
            interface: UInt16(port.interfaceIndex),
            name: port.name,
            kind: port.kind == .tap ? .tap : .dpdk,
            device: Self.deviceName(of: port),
            rxQueues: UInt16(port.rxQueues),
            txQueues: UInt16(port.txQueues),
            rxDescriptors: UInt16(port.rxDescriptors),
            txDescriptors: UInt16(port.txDescriptors),
            mtu: UInt16(port.mtu),
            mac: port.mac.flatMap { MACAddress($0) } ?? MACAddress()
        )
    }

    /// The name of a port in DPDK, or of a TAP in the kernel.
    static func deviceName(of port: PortPlacement) -> String {
        switch port.kind {
        case .pci, .tap: port.device
        case .null: "net_null_\(port.name)"
        case .pcap: "net_pcap_\(port.name)"
        case .vdev: String(port.device.prefix { $0 != "," })
        }
    }

    /// Reads the ports of a keeper that is ready, makes them interfaces, and gives them the
    /// settings that the interfaces have had since a former keeper.
    ///
    /// - Parameters:
    ///   - node: the keeper's node.
    ///   - keeper: it is ready.
    ///   - isRunning: whether packets pass by the ports, so that only what differs may be touched.
    /// - Throws: `StepFailure` if the keeper does not answer, or cannot set a port.
    func settlePorts(
        of node: NodePlacement,
        _ keeper: NodeProcess,
        isRunning: Bool = false
    ) async throws(StepFailure) {
        let times = options.times
        let answer = try await keeper.request(.queryPorts, step: "ports", within: times.request)
        notePortBuffers(node.number, answer.ports)
        let known = await journal.view().model.interfaces
        var records: [InterfaceRecord] = []
        for port in node.ports {
            let index = UInt16(port.interfaceIndex)
            let status = answer.ports.first { $0.interface == index }
            guard let status else {
                throw await keeper.failure(.refused("says nothing about port \(port.name)"))
            }
            if var record = known.first(where: { $0.index == index }) {
                // One that was restored from the disk has of itself what no operator set.
                if record.mac == MACAddress() {
                    record.mac = status.mac
                    if await journal.disk?.settings[port.name]?.mtu == nil, status.mtu > 0 {
                        record.mtu = status.mtu
                    }
                }
                for setting in Self.settings(of: record, unlike: status, isRunning: isRunning) {
                    _ = try await keeper.request(
                        .setPort(interface: index, setting),
                        step: "setting of \(port.name)",
                        within: times.request
                    )
                }
                records.append(record)
            } else {
                records.append(
                    InterfaceRecord(
                        index: index,
                        name: port.name,
                        node: UInt8(node.number),
                        mac: status.mac,
                        mtu: status.mtu == 0 ? UInt16(port.mtu) : status.mtu
                    )
                )
            }
        }
        do throws(ChangeError) {
            _ = try await journal.commit(records.map { .interface($0) })
        } catch { throw await keeper.failure(.refused(error.description)) }
    }

    /// What a port must be told to be as its interface says.
    private static func settings(
        of record: InterfaceRecord,
        unlike status: PortStatus,
        isRunning: Bool
    ) -> [PortSetting] {
        var settings: [PortSetting] = []
        if record.mac != status.mac { settings.append(.mac(record.mac)) }
        if record.mtu != status.mtu { settings.append(.mtu(record.mtu)) }
        settings.append(.promiscuous(record.isPromiscuous))
        if !isRunning { settings.append(.admin(isUp: record.isUp)) }
        return settings
    }
}
