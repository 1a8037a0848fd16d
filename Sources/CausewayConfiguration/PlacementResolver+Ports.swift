internal import HostTopology

/// The ports of all nodes.
extension PlacementResolver {
    /// The largest number of queues that a tap gets by default.
    private static let defaultTapQueues = 8

    /// Gives every node its ports, numbered through in the order of the file.
    mutating func placePorts(of drafts: [NodeDraft], in nodes: inout [NodePlacement]) {
        var next = 1
        var ordinals: [PortPlacement.Kind: Int] = [:]
        var names: Set<String> = []
        let order = file.nodes.map { $0.compactMap(\.number?.value) } ?? []
        let sorted = drafts.indices.sorted { left, right in
            let a = order.firstIndex(of: drafts[left].number) ?? left
            let b = order.firstIndex(of: drafts[right].number) ?? right
            return a < b
        }
        for index in sorted {
            for settings in drafts[index].settings.ports {
                guard
                    let port = place(
                        settings,
                        index: next,
                        ordinals: &ordinals,
                        on: nodes[index],
                        names: names
                    )
                else { continue }
                names.insert(port.name)
                nodes[index].ports.append(port)
                next += 1
            }
        }
        for name in overrides.ports.keys.sorted() where !names.contains(name) {
            let suggestion = Spelling.suggestion(for: name, among: names.sorted())
            report(
                .unknownPort,
                at: overrides.places["port.\(name)"],
                "there is no port \"\(name)\"",
                remedy: suggestion.map { "did you mean \"\($0)\"?" }
                    ?? (names.isEmpty
                        ? "there are none"
                        : "the ports are: \(names.sorted().joined(separator: ", "))"),
                suggestion: suggestion
            )
        }
    }

    private mutating func place(
        _ fromFile: PortSettings,
        index: Int,
        ordinals: inout [PortPlacement.Kind: Int],
        on node: NodePlacement,
        names: Set<String>
    ) -> PortPlacement? {
        guard let kind = fromFile.device?.value.kind else { return nil }
        let ordinal = ordinals[kind, default: 0]
        ordinals[kind] = ordinal + 1
        let name = fromFile.name?.value ?? defaultName(of: fromFile, ordinal: ordinal)
        guard !names.contains(name) else {
            report(
                .duplicatePort,
                at: fromFile.name?.location ?? fromFile.location,
                "two ports are called \"\(name)\"",
                remedy: "give each a `name` of its own"
            )
            return nil
        }
        guard index <= Self.maximumPorts else {
            report(
                .impossibleValue,
                at: fromFile.location,
                "more than \(Self.maximumPorts) ports",
                remedy: "take some out"
            )
            return nil
        }
        let settings = (overrides.ports[name] ?? PortSettings()).overlaying(fromFile)
        guard let device = settings.device else { return nil }
        let path = "port.\(name)"
        origins["\(path).name"] = fromFile.name.map { Origin($0.location) } ?? .default
        origins["\(path).\(device.value.kind.rawValue)"] = Origin(device.location)
        let options = device.value.options.merging(settings.options?.value ?? [:]) { $1 }
        if let options = settings.options { origins["\(path).options"] = Origin(options.location) }
        if let mac = settings.mac { origins["\(path).mac"] = Origin(mac.location) }
        let lanes = max(1, node.lanes.count)
        let port = PortPlacement(
            name: name,
            interfaceIndex: index,
            kind: device.value.kind,
            device: device.value.device,
            rxQueues: value(
                settings.rxQueues,
                or: defaultRxQueues(of: device.value.kind, lanes: lanes),
                at: "\(path).rx-queues"
            ),
            txQueues: max(
                value(settings.txQueues, or: lanes, at: "\(path).tx-queues"),
                settings.mayRaiseQueues ? lanes : 0
            ),
            rxDescriptors: value(settings.rxDescriptors, or: 1024, at: "\(path).rx-descriptors"),
            txDescriptors: value(settings.txDescriptors, or: 1024, at: "\(path).tx-descriptors"),
            mtu: value(settings.mtu, or: 1500, at: "\(path).mtu"),
            mac: settings.mac?.value,
            options: options
        )
        check(port, settings: settings, on: node)
        return port
    }

    /// `sw_if_index` has 8 bits, and 0 is `local0`.
    private static let maximumPorts = 255

    private func defaultRxQueues(of kind: PortPlacement.Kind, lanes: Int) -> Int {
        switch kind {
        case .pci: lanes
        case .tap: min(lanes, Self.defaultTapQueues)
        case .pcap, .null, .vdev: 1
        }
    }

    /// The tap's name, VPP's way of writing a PCI address, or the kind with a number.
    private func defaultName(of settings: PortSettings, ordinal: Int) -> String {
        guard let device = settings.device?.value else { return "port\(ordinal)" }
        switch device.kind {
        case .tap: return device.device
        case .pcap, .null, .vdev: return "\(device.kind.rawValue)\(ordinal)"
        case .pci:
            let parts = device.device.split(whereSeparator: { ":.".contains($0) })
                .compactMap { Int($0, radix: 16) }.map { String($0, radix: 16) }
            let shown = parts.first == "0" ? Array(parts.dropFirst()) : parts
            return "Ethernet" + shown.joined(separator: "/")
        }
    }

    // MARK: Checks of one port

    private mutating func check(
        _ port: PortPlacement,
        settings: PortSettings,
        on node: NodePlacement
    ) {
        let place = settings.location
        let limit = port.kind == .tap ? Self.defaultTapQueues : 128
        if port.rxQueues > limit {
            report(
                .tooManyQueues,
                at: settings.rxQueues?.location ?? place,
                "\(port.name): \(port.rxQueues) receive queues; a tap has at most \(limit)",
                remedy: "write rx-queues: \(limit) or less"
            )
        }
        if port.kind == .pcap || port.kind == .null, port.rxQueues > 1 {
            report(
                .tooManyQueues,
                at: settings.rxQueues?.location ?? place,
                "\(port.name): a \(port.kind.rawValue) port has one receive queue",
                remedy: "leave `rx-queues` out"
            )
        }
        if settings.mayRaiseQueues, let wanted = settings.txQueues, wanted.value < port.txQueues {
            report(
                .tooFewQueues,
                .warning,
                at: wanted.location,
                "\(port.name): \(wanted.value) transmit queues for \(node.lanes.count) lanes; "
                    + "\(port.txQueues) are made",
                remedy: "each lane sends on a queue of its own: leave `num-tx-queues` out"
            )
        }
        if port.txQueues < node.lanes.count {
            report(
                .tooFewQueues,
                at: settings.txQueues?.location ?? place,
                "\(port.name): \(port.txQueues) transmit queues for \(node.lanes.count) lanes",
                remedy: "each lane sends on a queue of its own: leave `tx-queues` out"
            )
        }
        if port.kind == .pcap { checkCapture(of: port, at: settings.device?.location ?? place) }
        checkMTU(of: port, settings: settings, on: node)
        if port.kind == .pci { checkDevice(of: port, at: settings.device?.location, on: node) }
    }

    private mutating func checkCapture(of port: PortPlacement, at place: SourceLocation?) {
        let length = port.captureArguments.utf8.count
        let limit = PortPlacement.maximumCaptureArguments
        guard length > limit else { return }
        report(
            .captureTooLong,
            at: place,
            "\(port.name): the pcap driver's arguments take \(length) bytes, and a worker gets "
                + "\(limit) of them: `\(port.captureArguments)`",
            remedy: "give the files shorter paths (a link will do), or the node fewer lanes"
        )
    }

    private mutating func checkMTU(
        of port: PortPlacement,
        settings: PortSettings,
        on node: NodePlacement
    ) {
        // Ethernet header, one VLAN tag and the checksum that some drivers leave in place.
        let frameBytes = port.mtu + 14 + 4 + 4
        if frameBytes > node.bufferDataBytes {
            report(
                .mtuExceedsBuffer,
                at: settings.mtu?.location ?? settings.location,
                "\(port.name): a frame of MTU \(port.mtu) does not fit into a buffer of "
                    + "\(node.bufferDataBytes) bytes",
                remedy: "set node \(node.number)'s `buffer-data` to "
                    + "\(frameBytes.roundedUp(toMultipleOf: 64)) or more"
            )
        }
    }

    private mutating func checkDevice(
        of port: PortPlacement,
        at place: SourceLocation?,
        on node: NodePlacement
    ) {
        guard machine.knowsDevices else {
            report(
                .deviceUnchecked,
                .note,
                at: place,
                "\(port.name): this machine is described without devices; "
                    + "\(port.device) was not looked for"
            )
            return
        }
        guard let device = machine.pciDevice(port.device) else {
            let network = machine.pciDevices.filter(\.isNetwork).map(\.address)
            let suggestion = Spelling.suggestion(for: port.device, among: network)
            report(
                .deviceMissing,
                at: place,
                "\(port.name): there is no PCI device \(port.device)",
                remedy: suggestion.map { "did you mean \($0)?" }
                    ?? (network.isEmpty
                        ? "the machine has no network controller on PCI"
                        : "network controllers: \(network.prefix(8).joined(separator: ", "))"),
                suggestion: suggestion
            )
            return
        }
        if !device.isNetwork {
            report(
                .deviceNotNetwork,
                .warning,
                at: place,
                "\(port.name): \(device.address) is not a network controller",
                remedy: "check the address with `causeway topology discover`"
            )
        }
        checkKernelUse(of: device, port: port, at: place)
        checkLocality(of: device, port: port, at: place, on: node)
    }

    private mutating func checkKernelUse(
        of device: PCIDevice,
        port: PortPlacement,
        at place: SourceLocation?
    ) {
        // Mellanox's driver shares the device with DPDK; others must give it up.
        guard let driver = device.driver, !driver.hasPrefix("mlx"),
            !["vfio-pci", "uio_pci_generic", "igb_uio"].contains(driver)
        else { return }
        let interfaces = device.interfaces.joined(separator: ", ")
        report(
            .deviceInKernel,
            .warning,
            at: place,
            "\(port.name): \(device.address) is held by the kernel's \(driver)"
                + (interfaces.isEmpty ? "" : " as \(interfaces)"),
            remedy: "bind it to vfio-pci (dpdk-devbind.py -b vfio-pci \(device.address))"
        )
    }

    private mutating func checkLocality(
        of device: PCIDevice,
        port: PortPlacement,
        at place: SourceLocation?,
        on node: NodePlacement
    ) {
        guard !machine.hasSingleNUMANode, device.numaNode != node.realNode else { return }
        guard device.numaNode >= 0 else {
            report(
                .deviceNodeUnknown,
                .warning,
                at: place,
                "\(port.name): the firmware does not say which NUMA node \(device.address) is on",
                remedy: "look it up in the board's manual; it is used from node \(node.number)"
            )
            return
        }
        guard remoteNICs != .allow else { return }
        report(
            .remotePort,
            remoteNICs == .error ? .error : .warning,
            at: place,
            "\(port.name): \(device.address) is on NUMA node \(device.numaNode), its lanes are on "
                + "\(node.realNode)",
            remedy: "list the port under a node there, or set `remote-nics: allow`"
        )
    }
}
