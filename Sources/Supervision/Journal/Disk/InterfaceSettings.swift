internal import ControlProtocol
internal import Routing

/// What operators have set of an interface, apart from what it has by itself.
struct InterfaceSettings: Hashable, Sendable {
    var isUp: Bool?
    var mtu: Int?
    var mac: MACAddress?
    var isPromiscuous: Bool?
    var handoff: HandoffTarget?
    var rxMode: RxMode?
    /// Of single receive queues.
    var queueModes: [Int: RxMode] = [:]
    /// In the order in which they were entered.
    var addresses: [InterfaceAddress] = []
    /// Neighbours that operators entered.
    var neighbours: [IPv4Address: MACAddress] = [:]

    /// Takes a change of this interface that has been found good.
    mutating func apply(_ change: ConfigurationChange) {
        switch change {
        case .interfaceState(_, let isUp): self.isUp = isUp
        case .mtu(_, let bytes): mtu = bytes
        case .mac(_, let mac): self.mac = mac
        case .promiscuous(_, let isOn): isPromiscuous = isOn
        case .handoff(_, let target): handoff = target
        case .rxMode(_, let queue?, let mode): queueModes[queue] = mode
        case .rxMode(_, nil, let mode):
            rxMode = mode
            queueModes = [:]
        case .addAddress(_, let address):
            if !addresses.contains(address) { addresses.append(address) }
        case .removeAddress(_, let address): addresses.removeAll { $0 == address }
        case .neighbour(_, let address, let mac): neighbours[address] = mac
        case .removeNeighbour(_, let address): neighbours[address] = nil
        case .addRoutes, .removeRoutes, .plugin: break
        }
    }

    /// Changes that lead here from an interface of which nothing is set.
    func changes(of name: String) -> [ConfigurationChange] {
        var changes: [ConfigurationChange] = []
        if let mac { changes.append(.mac(interface: name, mac)) }
        if let mtu { changes.append(.mtu(interface: name, bytes: mtu)) }
        if let isPromiscuous {
            changes.append(.promiscuous(interface: name, isOn: isPromiscuous))
        }
        if let handoff { changes.append(.handoff(interface: name, handoff)) }
        if let rxMode { changes.append(.rxMode(interface: name, queue: nil, rxMode)) }
        for (queue, mode) in queueModes.sorted(by: { $0.key < $1.key }) {
            changes.append(.rxMode(interface: name, queue: queue, mode))
        }
        changes += addresses.map { .addAddress(interface: name, $0) }
        for (address, mac) in neighbours.sorted(by: { $0.key.bits < $1.key.bits }) {
            changes.append(.neighbour(interface: name, address, mac))
        }
        if let isUp { changes.append(.interfaceState(name: name, isUp: isUp)) }
        return changes
    }
}

extension ConfigurationChange {
    /// The interface whose settings it changes; nil: it is about routes or plugins.
    var interface: String? {
        switch self {
        case .interfaceState(let name, _), .addAddress(let name, _), .removeAddress(let name, _),
            .mtu(let name, _), .mac(let name, _), .promiscuous(let name, _),
            .handoff(let name, _), .rxMode(let name, _, _), .neighbour(let name, _, _),
            .removeNeighbour(let name, _):
            name
        case .addRoutes, .removeRoutes, .plugin: nil
        }
    }

    /// All interfaces that it names.
    var namedInterfaces: [String] {
        if let interface { return [interface] }
        switch self {
        case .addRoutes(_, .paths(let paths), _), .removeRoutes(_, .paths(let paths)?):
            return paths.compactMap(\.interface)
        default: return []
        }
    }
}
