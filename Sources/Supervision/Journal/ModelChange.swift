internal import ControlProtocol
internal import Routing

/// A change as the journal applies it.
enum ModelChange: Sendable {
    /// What an operator asked for.
    case configuration(ConfigurationChange)
    /// Sets an interface whole: what a keeper found.
    case interface(InterfaceRecord)
    /// What a worker learned from a packet.
    case learned(LearnedNeighbour)

    /// Routes that are worked out and sent together.
    ///
    /// A change of more goes in slices, so that the journal can answer others between them, and
    /// workers insert one while the next is worked out (16,384: some milliseconds).
    static let sliceRoutes = 16_384

    /// The change in pieces that have the same effect one after the other.
    func slices() -> [ModelChange] {
        guard case .configuration(let change) = self else { return [self] }
        switch change {
        case .addRoutes(let prefixes, let target, let replace):
            return Self.slices(prefixes).map {
                .configuration(.addRoutes(Array($0), target, replace: replace))
            }
        case .removeRoutes(let prefixes, let target):
            return Self.slices(prefixes).map { .configuration(.removeRoutes(Array($0), target)) }
        default: return [self]
        }
    }

    private static func slices(_ prefixes: [IPv4Prefix]) -> [ArraySlice<IPv4Prefix>] {
        stride(from: 0, to: prefixes.count, by: sliceRoutes).map {
            prefixes[$0..<min($0 + sliceRoutes, prefixes.count)]
        }
    }
}

/// Who a worker saw at an address.
struct LearnedNeighbour: Hashable, Sendable {
    var interface: UInt16
    var address: IPv4Address
    var mac: MACAddress
}
