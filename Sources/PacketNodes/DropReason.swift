/// Why a graph node drops a packet, or what else it counts: an enum over UInt16 numbered from 0.
public protocol DropReason: RawRepresentable, CaseIterable, Sendable where RawValue == UInt16 {
    /// What `show errors` prints; part of the interface, so it does not change.
    var text: String { get }

    /// Those that are no drop.
    static var information: [Self] { get }
}

extension DropReason {
    /// All are drops.
    public static var information: [Self] { [] }

    /// For `Node.errors`.
    public static var texts: [String] { allCases.map(\.text) }
}
