internal import HostTopology

/// Puts what a startup file says of the placement under what the topology file says; one use each.
struct StartupMerge {
    let startup: StartupPlacement
    let machine: HostTopology
    var file: TopologyFile
    var findings: [Finding] = []

    init(_ startup: StartupPlacement, under file: TopologyFile, on machine: HostTopology) {
        self.startup = startup
        self.machine = machine
        self.file = file
    }

    /// The topology file with what the startup file adds, and where the two do not agree.
    mutating func merge() -> (file: TopologyFile, findings: [Finding]) {
        merge(startup.defaults, into: \.defaults, of: "defaults")
        if let count = startup.skippedCPUs?.value {
            file.withoutLanes = Set(machine.usableCPUs.sorted().prefix(count))
        }
        let free = freeDevices
        if startup.namesNodes || !free.isEmpty {
            if file.nodes == nil { file.nodes = discovered }
            mergeNodes()
            mergeLanes()
            mergeMainCore()
            for device in startup.devices + free { place(device) }
        }
        return (file, findings)
    }

    /// The nodes that would be discovered, listed.
    private var discovered: [NodeSettings] {
        let hasMemory = machine.numaNodes.contains { $0.memoryBytes > 0 }
        return machine.numaNodes.filter { node in
            node.osIndex <= NodePlacement.maximumNumber && (node.memoryBytes > 0 || !hasMemory)
                && !usable(node.cpus).isEmpty
        }.map { node in
            var settings = NodeSettings()
            let place = startup.workerCPUs?.location ?? startup.workers?.location
            settings.number = Located(
                node.osIndex,
                at: place ?? SourceLocation(commandLine: "startup")
            )
            settings.location = place
            return settings
        }
    }

    private func usable(_ cpus: [Int]) -> [Int] {
        let allowed = Set(machine.usableCPUs)
        return cpus.filter(allowed.contains).sorted()
    }

    // MARK: Agreement

    /// Takes a value over, or complains that the topology file has another one.
    mutating func agree<Value: Equatable>(
        _ ours: Located<Value>?,
        _ theirs: inout Located<Value>?,
        _ what: String,
        _ format: (Value) -> String
    ) {
        guard let ours else { return }
        guard let other = theirs else {
            theirs = ours
            return
        }
        if other.value != ours.value {
            conflict(
                at: ours.location,
                "\(what) is \(format(ours.value)) here and \(format(other.value)) at \(other.location)"
            )
        }
    }

    mutating func conflict(at place: SourceLocation, _ message: String) {
        findings.append(
            Finding(
                .startupConflict,
                at: place,
                message,
                remedy: "say it in one of the two files, or the same in both"
            )
        )
    }

    private mutating func merge(
        _ settings: NodeSettings,
        into path: WritableKeyPath<TopologyFile, NodeSettings>,
        of name: String
    ) {
        var target = file[keyPath: path]
        agree(settings.heapBytes, &target.heapBytes, "the heap", ByteCount.format)
        agree(settings.hugepageBytes, &target.hugepageBytes, "the page size", ByteCount.format)
        agree(settings.buffers, &target.buffers, "the number of buffers") { "\($0)" }
        agree(settings.bufferDataBytes, &target.bufferDataBytes, "the data size") { "\($0)" }
        agree(settings.ealBytes, &target.ealBytes, "DPDK's memory", ByteCount.format)
        file[keyPath: path] = target
    }

    private mutating func mergeNodes() {
        for (number, place) in startup.withoutWorker.sorted(by: { $0.key < $1.key }) {
            file.nodes?.removeAll { $0.number?.value == number }
            if file.nodes?.isEmpty == true {
                conflict(at: place, "no NUMA node is left to run a worker on")
            }
        }
        for (number, settings) in startup.nodes.sorted(by: { $0.key < $1.key }) {
            let place = settings.buffers?.location ?? settings.ealBytes?.location
            guard let index = file.nodes?.firstIndex(where: { $0.number?.value == number }) else {
                findings.append(
                    Finding(
                        .startupImpossibleValue,
                        .warning,
                        at: place,
                        "NUMA node \(number) runs no worker",
                        remedy: "take its settings out"
                    )
                )
                continue
            }
            var target = file.nodes?[index] ?? NodeSettings()
            agree(settings.buffers, &target.buffers, "node \(number)'s buffers") { "\($0)" }
            agree(settings.ealBytes, &target.ealBytes, "node \(number)'s DPDK memory") {
                ByteCount.format($0)
            }
            file.nodes?[index] = target
        }
    }

    // MARK: Devices

    /// PCI devices that a user-space driver holds and nobody names: VPP takes them all when its file has a
    /// `dpdk` section that lists none.
    private var freeDevices: [PortSettings] {
        guard startup.takesFreeDevices, !startup.hasNoPCI,
            !startup.devices.contains(where: { $0.device?.value.kind == .pci })
        else { return [] }
        let named = Set((file.nodes ?? []).flatMap(\.ports).compactMap { $0.device?.value.device })
        return machine.pciDevices.filter { device in
            let id = [device.vendor, device.device].map { String($0, radix: 16) }
            return device.isNetwork
                && ["vfio-pci", "uio_pci_generic", "igb_uio"].contains(device.driver)
                && !named.contains(device.address)
                && !startup.blockedDevices.contains(device.address)
                && !startup.blockedDevices.contains(id.joined(separator: ":"))
        }.map { device in
            var port = PortSettings()
            port.mayRaiseQueues = true
            port.device = Located(
                PortSettings.Device(kind: .pci, device: device.address),
                at: SourceLocation(commandLine: "dpdk")
            )
            return port
        }
    }

    /// Gives a device to the node that it sits on, or to the first one.
    private mutating func place(_ device: PortSettings) {
        let settings = device.overlaying(startup.deviceDefaults)
        guard let address = settings.device?.value.device, let nodes = file.nodes else { return }
        let ports = nodes.flatMap(\.ports)
        if let other = ports.first(where: { $0.device?.value.device == address }),
            let place = other.device?.location
        {
            let ours = settings.location ?? place
            return conflict(at: ours, "\(address) is a port here and at \(place)")
        }
        let home = machine.pciDevice(address)?.numaNode ?? -1
        let index =
            nodes.firstIndex { ($0.virtualOf ?? $0.number)?.value == home } ?? nodes.startIndex
        if nodes.indices.contains(index) { file.nodes?[index].ports.append(settings) }
    }
}
