extension KeeperConfiguration {
    func write(to writer: inout WireWriter) {
        writer.put(node)
        writer.put(poolBuffers)
        writer.put(bufferDataBytes)
        writer.put(socket)
        writer.put(ports) { $1.write(to: &$0) }
        writer.put(ringFile)
        writer.put(destinationLanes)
        writer.put(sourceLanes)
        writer.put(ringCells)
        writer.put(segmentFile)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            node: try reader.get(),
            poolBuffers: try reader.get(),
            bufferDataBytes: try reader.get(),
            socket: try reader.get(),
            ports: try reader.getList(PortConfiguration.init(from:)),
            ringFile: try reader.getString(),
            destinationLanes: try reader.get(),
            sourceLanes: try reader.get(),
            ringCells: try reader.get(),
            segmentFile: try reader.getString()
        )
    }
}

extension PortConfiguration {
    func write(to writer: inout WireWriter) {
        writer.put(interface)
        writer.put(name)
        writer.put(kind.rawValue)
        writer.put(device)
        writer.put(rxQueues)
        writer.put(txQueues)
        writer.put(rxDescriptors)
        writer.put(txDescriptors)
        writer.put(mtu)
        writer.put(mac.bits)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let interface = try reader.get(UInt16.self)
        let name = try reader.getString()
        let number = try reader.get(UInt8.self)
        guard let kind = Kind(rawValue: number) else {
            throw .invalid(field: "port kind", value: UInt64(number))
        }
        self.init(
            interface: interface,
            name: name,
            kind: kind,
            device: try reader.getString(),
            rxQueues: try reader.get(),
            txQueues: try reader.get(),
            rxDescriptors: try reader.get(),
            txDescriptors: try reader.get(),
            mtu: try reader.get(),
            mac: MACAddress(bits: try reader.get())
        )
    }
}

extension WorkerConfiguration {
    func write(to writer: inout WireWriter) {
        writer.put(node)
        writer.put(incarnation)
        writer.put(hardwareNode)
        writer.put(heapBytes)
        writer.put(hugepageBytes)
        writer.put(laneCPUs) { $0.put($1) }
        writer.put(firstLaneLcore)
        writer.put(segmentFile)
        writer.put(eventLogFile)
        writer.put(keeperSocket)
        writer.put(ports) { $1.write(to: &$0) }
        writer.put(peers) { writer, peer in
            writer.put(peer.node)
            writer.put(peer.lanes)
            writer.put(peer.ringCells)
            writer.put(peer.ringFile)
        }
        lanes.write(to: &writer)
        plugins.write(to: &writer)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            node: try reader.get(),
            incarnation: try reader.get(),
            hardwareNode: try reader.get(),
            heapBytes: try reader.get(),
            hugepageBytes: try reader.get(),
            laneCPUs: try reader.getList { reader throws(WireError) in try reader.get() },
            firstLaneLcore: try reader.get(),
            segmentFile: try reader.getString(),
            eventLogFile: try reader.getString(),
            keeperSocket: try reader.getString(),
            ports: try reader.getList(PortConfiguration.init(from:)),
            peers: try reader.getList { reader throws(WireError) in
                Peer(
                    node: try reader.get(),
                    lanes: try reader.get(),
                    ringCells: try reader.get(),
                    ringFile: try reader.getString()
                )
            },
            lanes: try LaneOptions(from: &reader),
            plugins: try PluginConfiguration(from: &reader)
        )
    }
}

extension LaneOptions {
    func write(to writer: inout WireWriter) {
        writer.put(policy)
        writer.put(priority)
        writer.put(threadPrefix)
        writer.put(seed)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            policy: try reader.get(),
            priority: try reader.get(),
            threadPrefix: try reader.getString(),
            seed: try reader.get()
        )
    }
}

extension ProcessIdentity {
    func write(to writer: inout WireWriter) {
        writer.put(role.rawValue)
        writer.put(node)
        writer.put(incarnation)
        writer.put(pid)
        versions.write(to: &writer)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let number = try reader.get(UInt8.self)
        guard let role = Role(rawValue: number) else {
            throw .invalid(field: "role", value: UInt64(number))
        }
        self.init(
            role: role,
            node: try reader.get(),
            incarnation: try reader.get(),
            pid: try reader.get(),
            versions: try BuildVersions(from: &reader)
        )
    }
}

extension BuildVersions {
    func write(to writer: inout WireWriter) {
        for text in [program, version, buildID, processor, dpdk] { writer.put(text) }
        writer.put(layouts.sorted { $0.key < $1.key }) { writer, layout in
            writer.put(layout.key)
            writer.put(layout.value)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            program: try reader.getString(),
            version: try reader.getString(),
            buildID: try reader.getString(),
            processor: try reader.getString(),
            dpdk: try reader.getString(),
            layouts: [:]
        )
        let list = try reader.getList { reader throws(WireError) in
            (name: try reader.getString(), version: try reader.getString())
        }
        for layout in list { layouts[layout.name] = layout.version }
    }
}

extension PortSetting {
    func write(to writer: inout WireWriter) {
        switch self {
        case .admin(let isUp):
            writer.put(UInt8(0))
            writer.put(isUp)
        case .mtu(let mtu):
            writer.put(UInt8(1))
            writer.put(mtu)
        case .mac(let mac):
            writer.put(UInt8(2))
            writer.put(mac.bits)
        case .promiscuous(let isOn):
            writer.put(UInt8(3))
            writer.put(isOn)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        switch try reader.get(UInt8.self) {
        case 0: self = .admin(isUp: try reader.getBool())
        case 1: self = .mtu(try reader.get())
        case 2: self = .mac(MACAddress(bits: try reader.get()))
        case 3: self = .promiscuous(try reader.getBool())
        case let number: throw .invalid(field: "port setting", value: UInt64(number))
        }
    }
}

extension PortStatus {
    func write(to writer: inout WireWriter) {
        writer.put(interface)
        writer.put(driver)
        writer.put(mac.bits)
        writer.put(isLinkUp)
        writer.put(speedMegabits)
        writer.put(isFullDuplex)
        writer.put(mtu)
        writer.put(rxQueues)
        writer.put(txQueues)
        writer.put(numaNode)
        for counter in [rxPackets, txPackets, rxMissed, rxErrors, rxNoBuffer] {
            writer.put(counter)
        }
        buffers.write(to: &writer)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            interface: try reader.get(),
            driver: try reader.getString(),
            mac: MACAddress(bits: try reader.get()),
            isLinkUp: try reader.getBool(),
            speedMegabits: try reader.get(),
            isFullDuplex: try reader.getBool(),
            mtu: try reader.get(),
            rxQueues: try reader.get(),
            txQueues: try reader.get(),
            numaNode: try reader.get(),
            rxPackets: try reader.get(),
            txPackets: try reader.get(),
            rxMissed: try reader.get(),
            rxErrors: try reader.get(),
            rxNoBuffer: try reader.get(),
            buffers: try PortBuffers(from: &reader)
        )
    }
}
