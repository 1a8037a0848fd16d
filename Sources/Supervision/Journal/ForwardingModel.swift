internal import ControlProtocol
internal import Routing

/// Interfaces, neighbours and routes as they are configured, and what every worker is told of them.
struct ForwardingModel: Sendable {
    private(set) var routing: RoutingState
    private var plugins = PluginSettingTable()

    /// Makes an empty one; `used` is what workers have from an earlier supervisor.
    init(avoiding used: UsedIndices = UsedIndices()) { routing = RoutingState(avoiding: used) }

    /// Gives out again what `init` was told to avoid; workers have it no more.
    mutating func adoptFormerIndices() { routing.adoptFormerIndices() }

    /// The interfaces by index.
    var interfaces: [InterfaceRecord] { routing.interfaceRecords }

    /// What is set for plugins.
    var pluginSettings: [PluginSetting] { plugins.snapshot() }

    /// Applies a change.
    ///
    /// - Returns: what workers must be told, empty if it is so already; and how to take it back.
    /// - Throws: why nothing was changed.
    mutating func apply(
        _ change: ModelChange
    ) throws(ChangeError) -> (changes: [ForwardingChange], undo: ModelUndo) {
        if case .configuration(.plugin(let settings)) = change {
            let (changes, undo) = try plugins.apply(settings)
            return (changes.map { .plugin($0) }, ModelUndo(plugins: undo))
        }
        do throws(RoutingError) {
            let changes =
                switch change {
                case .configuration(let change): try apply(change)
                case .interface(let record): try routing.setInterface(record)
                case .learned(let neighbour): try learn(neighbour)
                }
            return (changes, ModelUndo(routing: routing.takeUndo()))
        } catch { throw ChangeError(error.description) }
    }

    /// Takes a change back.
    ///
    /// - Returns: what workers must be told.
    mutating func apply(_ undo: ModelUndo) throws(ChangeError) -> [ForwardingChange] {
        let settings = try plugins.apply(undo.plugins).changes.map { ForwardingChange.plugin($0) }
        guard let step = undo.routing else { return settings }
        do throws(RoutingError) {
            let changes = try routing.apply(step)
            _ = routing.takeUndo()
            return settings + changes
        } catch { throw ChangeError(error.description) }
    }

    /// Everything that a worker with empty tables must be told.
    func snapshot() -> [ForwardingChange] {
        routing.snapshot() + plugins.snapshot().map { .plugin($0) }
    }

    private mutating func apply(
        _ change: ConfigurationChange
    ) throws(RoutingError) -> [ForwardingChange] {
        switch change {
        case .addAddress(let interface, let address):
            return try routing.addAddress(address, to: index(interface))
        case .removeAddress(let interface, let address):
            return try routing.removeAddress(address, from: index(interface))
        case .addRoutes(let prefixes, let target, let replace):
            return try routing.addRoutes(prefixes, target, replacing: replace)
        case .removeRoutes(let prefixes, let target):
            return try routing.removeRoutes(prefixes, target)
        case .neighbour(let interface, let address, let mac):
            return try routing.setNeighbour(
                Neighbour(
                    interface: index(interface),
                    address: address,
                    mac: mac,
                    isStatic: true
                )
            )
        case .removeNeighbour(let interface, let address):
            return try routing.removeNeighbour(address, interface: index(interface))
        case .interfaceState(let name, let isUp):
            return try edit(name) { $0.isUp = isUp }
        case .mtu(let name, let bytes):
            return try edit(name) { $0.mtu = UInt16(clamping: bytes) }
        case .mac(let name, let mac): return try edit(name) { $0.mac = mac }
        case .promiscuous(let name, let isOn): return try edit(name) { $0.isPromiscuous = isOn }
        case .handoff(let name, let target): return try edit(name) { $0.handoff = target }
        case .rxMode(let name, let queue, let mode):
            return try edit(name) { $0.setRxMode(mode, queue: queue) }
        case .plugin: return []
        }
    }

    private func index(_ name: String) throws(RoutingError) -> UInt16 {
        try routing.interfaceIndex(named: name)
    }

    private mutating func edit(
        _ name: String,
        _ body: (inout InterfaceRecord) -> Void
    ) throws(RoutingError) -> [ForwardingChange] {
        let index = try index(name)
        guard var record = routing.interface(index) else { throw .noSuchInterface(name: name) }
        body(&record)
        return try routing.setInterface(record)
    }

    /// Takes what a worker saw, if it can be: anybody on a wire may send anything.
    private mutating func learn(
        _ neighbour: LearnedNeighbour
    ) throws(RoutingError) -> [ForwardingChange] {
        guard let record = routing.interface(neighbour.interface) else {
            throw .noSuchInterfaceIndex(neighbour.interface)
        }
        guard record.isUp else {
            throw .invalidNeighbour(neighbour.address, reason: "\(record.name) is down")
        }
        let isOnSubnet = record.addresses.contains { address in
            let own = IPv4Address(bits: address.address)
            let subnet = IPv4Prefix(address: own, length: Int(address.prefixLength))
            return subnet.contains(neighbour.address)
        }
        guard isOnSubnet else {
            throw .invalidNeighbour(
                neighbour.address,
                reason: "not on a subnet of \(record.name)"
            )
        }
        return try routing.setNeighbour(
            Neighbour(
                interface: neighbour.interface,
                address: neighbour.address,
                mac: neighbour.mac,
                isStatic: false
            )
        )
    }
}
