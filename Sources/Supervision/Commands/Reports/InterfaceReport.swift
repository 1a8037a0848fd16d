internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// `show interface`: the interfaces and what they counted, all lanes and NUMA nodes together.
struct InterfaceReport: CommandResult {
    /// An interface.
    struct Interface: Encodable, Sendable {
        var name: String
        /// The `sw_if_index`, the same on every NUMA node.
        var index: Int
        var numaNode: Int?
        var isUp: Bool
        /// Bytes of an IP packet.
        var mtu: Int
        var mac: String
        var isPromiscuous: Bool
        var addresses: [String]
        /// NUMA nodes among whose lanes received packets are spread; empty: they are not.
        var handoffNodes: [Int]
        var counters: Counters
    }

    /// Counts of an interface; lanes of any node may count drops of what it received.
    struct Counters: Encodable, Sendable {
        var rxPackets: UInt64 = 0
        var rxBytes: UInt64 = 0
        var txPackets: UInt64 = 0
        var txBytes: UInt64 = 0
        var drops: UInt64 = 0
        var rxErrors: UInt64 = 0
        var txErrors: UInt64 = 0
        var punts: UInt64 = 0

        /// The counts under VPP's names; those that stand at zero are left out.
        var named: [(String, UInt64)] {
            [
                ("rx packets", rxPackets), ("rx bytes", rxBytes), ("tx packets", txPackets),
                ("tx bytes", txBytes), ("drops", drops), ("punt", punts), ("rx-error", rxErrors),
                ("tx-error", txErrors),
            ].filter { $0.1 > 0 }
        }
    }

    var interfaces: [Interface]

    var text: String {
        var table = TextTable([
            .init("Name", 32, .left), .init("Idx", 5), .init("State", 6),
            .init("MTU (L3/IP4/IP6/MPLS)", 21, .middle), .init("Counter", 16, .left),
            .init("Count", 16),
        ])
        for interface in interfaces {
            let counters = interface.counters.named
            table.add([
                interface.name, String(interface.index), interface.isUp ? "up" : "down",
                "\(interface.mtu)/0/0/0", counters.first?.0 ?? "",
                counters.first.map { String($0.1) } ?? "",
            ])
            for (name, count) in counters.dropFirst() {
                table.add(["", "", "", "", name, String(count)])
            }
        }
        return table.text
    }
}

extension InterfaceReport {
    /// Sums the counters of `local0` and the interfaces, or of the one with a name.
    init(_ view: DataplaneView, only: String?) {
        let lanes = view.readings().flatMap(\.lanes)
        interfaces =
            [Self.local(lanes)]
            + view.interfaces.sorted { $0.index < $1.index }.map {
                Interface($0, Counters(interface: Int($0.index), lanes))
            }
        if let only { interfaces.removeAll { $0.name != only } }
    }

    /// The interface of packets that no port received; it has no port.
    private static func local(_ lanes: [LaneReading]) -> Interface {
        Interface(
            name: "local0",
            index: 0,
            numaNode: nil,
            isUp: false,
            mtu: 0,
            mac: MACAddress().description,
            isPromiscuous: false,
            addresses: [],
            handoffNodes: [],
            counters: Counters(interface: 0, lanes)
        )
    }
}

extension InterfaceReport.Interface {
    init(_ record: InterfaceRecord, _ counters: InterfaceReport.Counters) {
        name = record.name
        index = Int(record.index)
        numaNode = Int(record.node)
        isUp = record.isUp
        mtu = Int(record.mtu)
        mac = record.mac.description
        isPromiscuous = record.isPromiscuous
        addresses = record.addresses.map(\.text)
        handoffNodes = record.handoff.nodes.map { Int($0) }
        self.counters = counters
    }
}

extension InterfaceReport.Counters {
    init(interface index: Int, _ lanes: [LaneReading]) {
        for lane in lanes where lane.interfaces.indices.contains(index) {
            rxPackets &+= lane.interface(index, .rxPackets)
            rxBytes &+= lane.interface(index, .rxBytes)
            txPackets &+= lane.interface(index, .txPackets)
            txBytes &+= lane.interface(index, .txBytes)
            drops &+= lane.interface(index, .drops)
            rxErrors &+= lane.interface(index, .rxErrors)
            txErrors &+= lane.interface(index, .txErrors)
            punts &+= lane.interface(index, .punts)
        }
    }
}

extension InterfaceAddress {
    /// The form `A.B.C.D/L`.
    var text: String { "\(IPv4Address(bits: address))/\(prefixLength)" }
}

/// `show interface addr`: the interfaces and their addresses.
struct InterfaceAddressReport: CommandResult {
    /// An interface.
    struct Interface: Encodable, Sendable {
        var name: String
        var isUp: Bool
        var addresses: [String]
    }

    var interfaces: [Interface]

    init(_ view: DataplaneView) {
        interfaces = view.interfaces.sorted { $0.index < $1.index }.map {
            Interface(name: $0.name, isUp: $0.isUp, addresses: $0.addresses.map(\.text))
        }
    }

    var text: String {
        interfaces.map { interface in
            "\(interface.name) (\(interface.isUp ? "up" : "dn")):\n"
                + interface.addresses.map { "  L3 \($0)\n" }.joined()
        }.joined()
    }
}

/// `show hardware-interfaces`: the ports, as their keepers know them.
struct HardwareReport: CommandResult {
    /// A port.
    struct Port: Encodable, Sendable {
        var name: String
        var index: Int
        var kind: String
        var device: String
        var numaNode: Int
        /// The device's NUMA node in the operating system; nil: unknown.
        var deviceNUMANode: Int?
        /// Whether its keeper answered; what follows is empty or zero if not.
        var isKnown: Bool
        var driver: String
        var isLinkUp: Bool
        var speedMegabits: Int
        var isFullDuplex: Bool
        var mac: String
        var mtu: Int
        var rxQueues: Int
        var txQueues: Int
        var rxDescriptors: Int
        var txDescriptors: Int
        /// Of the hardware.
        var rxPackets: UInt64
        var txPackets: UInt64
        var rxMissed: UInt64
        var rxErrors: UInt64
        var rxNoBuffer: UInt64
    }

    var ports: [Port]

    var text: String {
        var table = TextTable([
            .init("Name", 32, .left), .init("Idx", 5), .init("Link", 6),
            .init("Hardware", 8, .left),
        ])
        for port in ports {
            table.add([
                port.name, String(port.index),
                port.isKnown ? (port.isLinkUp ? "up" : "down") : "?", port.device,
            ])
            for line in port.details { table.add(["  \(line)"]) }
        }
        return table.text
    }
}

extension HardwareReport {
    init(_ view: DataplaneView, _ statuses: [PortStatus], only: String?) {
        ports = view.placement.nodes.flatMap { node in
            node.ports.map { port in
                Port(
                    port,
                    node: node.number,
                    status: statuses.first { Int($0.interface) == port.interfaceIndex }
                )
            }
        }
        if let only { ports.removeAll { $0.name != only } }
        ports.sort { $0.index < $1.index }
    }
}
