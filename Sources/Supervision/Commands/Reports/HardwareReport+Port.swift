internal import CausewayConfiguration
internal import ControlProtocol

extension HardwareReport.Port {
    /// A port as it was placed, and its state if its keeper gave one.
    init(_ placed: PortPlacement, node: Int, status: PortStatus?) {
        name = placed.name
        index = placed.interfaceIndex
        kind = placed.kind.rawValue
        device = placed.device.isEmpty ? placed.kind.rawValue : placed.device
        numaNode = node
        deviceNUMANode = status.flatMap { $0.numaNode < 0 ? nil : Int($0.numaNode) }
        isKnown = status != nil
        driver = status?.driver ?? ""
        isLinkUp = status?.isLinkUp ?? false
        speedMegabits = Int(status?.speedMegabits ?? 0)
        isFullDuplex = status?.isFullDuplex ?? false
        mac = status?.mac.description ?? ""
        mtu = Int(status?.mtu ?? 0)
        rxQueues = status.map { Int($0.rxQueues) } ?? placed.rxQueues
        txQueues = status.map { Int($0.txQueues) } ?? placed.txQueues
        rxDescriptors = placed.rxDescriptors
        txDescriptors = placed.txDescriptors
        rxPackets = status?.rxPackets ?? 0
        txPackets = status?.txPackets ?? 0
        rxMissed = status?.rxMissed ?? 0
        rxErrors = status?.rxErrors ?? 0
        rxNoBuffer = status?.rxNoBuffer ?? 0
    }

    /// The lines below a port's first.
    var details: [String] {
        guard isKnown else { return ["the keeper of NUMA node \(numaNode) does not answer"] }
        let speed =
            switch speedMegabits {
            case 0: "unknown"
            case let megabits where megabits.isMultiple(of: 1000): "\(megabits / 1000) Gbps"
            case let megabits: "\(megabits) Mbps"
            }
        let place = deviceNUMANode.map { " (device on \($0))" } ?? ""
        return [
            "Link speed: \(speed)", "Ethernet address \(mac)",
            "driver \(driver), \(isFullDuplex ? "full" : "half") duplex, mtu \(mtu)",
            "NUMA node \(numaNode)\(place)",
            "rx: queues \(rxQueues), desc \(rxDescriptors)  tx: queues \(txQueues), desc \(txDescriptors)",
            "rx frames ok \(rxPackets), missed \(rxMissed), errors \(rxErrors), no buffer \(rxNoBuffer)",
            "tx frames ok \(txPackets)",
        ]
    }
}
