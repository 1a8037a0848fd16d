internal import ControlProtocol
internal import Routing

/// A change as the journal applies it.
enum ModelChange: Sendable {
    /// What an operator asked for.
    case configuration(ConfigurationChange)
    /// Sets interfaces whole: what the keepers found, or how they were before a change that was taken back.
    case interfaces([InterfaceRecord])
    /// What workers learned from packets.
    case learned([LearnedNeighbour])

    static let sliceRoutes = 16_384

    func slices() -> [ModelChange] { [self] }
}

struct LearnedNeighbour: Hashable, Sendable {
    var interface: UInt16
    var address: IPv4Address
    var mac: MACAddress
}

/// Interfaces, neighbours and routes, and what every worker is told of them.
struct ForwardingModel: Sendable {
    struct Step: Sendable {
        var changes: [ForwardingChange]
        var undo: [ModelChange]
    }

    private(set) var routing = RoutingState()
    private(set) var interfaces: [InterfaceRecord] = []

    mutating func apply(_ change: ModelChange) throws(ChangeError) -> Step {
        switch change {
        case .interfaces(let records):
            var step = Step(changes: [], undo: [])
            for record in records {
                if let i = interfaces.firstIndex(where: { $0.index == record.index }) {
                    if interfaces[i] == record { continue }
                    step.undo.append(.interfaces([interfaces[i]]))
                    interfaces[i] = record
                } else {
                    interfaces.append(record)
                }
                step.changes += routing.set(record)
            }
            return step
        case .learned: return Step(changes: [], undo: [])
        case .configuration(let change):
            switch change {
            case .interfaceState(let name, let isUp):
                guard var record = interfaces.first(where: { $0.name == name }) else {
                    throw ChangeError("no interface \(name)")
                }
                record.isUp = isUp
                return try apply(.interfaces([record]))
            case .addRoutes(let prefixes, let target, _):
                return Step(
                    changes: routing.add(prefixes, target),
                    undo: [.configuration(.removeRoutes(prefixes, nil))]
                )
            case .removeRoutes(let prefixes, _):
                do throws(RoutingError) {
                    return Step(changes: try routing.remove(prefixes), undo: [])
                } catch { throw ChangeError(error.description) }
            default: return Step(changes: [], undo: [])
            }
        }
    }

    func snapshot() -> [ForwardingChange] { routing.snapshot() }

    static func parts(of changes: [ForwardingChange]) -> [[UInt8]] {
        RoutingState.chunks(of: changes, maximumBytes: NodeMessage.maximumChangeBytes)
    }
}
