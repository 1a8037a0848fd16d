internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Takes received frames: checks length, interface and destination address, and sorts by type.
public struct EthernetInput: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case ip4Input, arpInput, workerHandoff, drop, ip4Features

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .ip4Input: "ip4-input"
            case .arpInput: "arp-input"
            case .workerHandoff: "worker-handoff"
            case .drop: "error-drop"
            case .ip4Features: FeatureArc.inputName
            }
        }
    }

    /// Drop reasons.
    public enum Reason: UInt16, DropReason {
        case tooShort, interfaceDown, foreignAddress, vlan, lengthTooLarge, llc, unknownType
        case notEnabled

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .tooShort: "packet too short"
            case .interfaceDown: "interface is down"
            case .foreignAddress: "l3 mac mismatch"
            case .vlan: "unknown vlan"
            case .lengthTooLarge: "llc length > packet length"
            case .llc: "llc packet"
            case .unknownType: "unknown ethernet type"
            case .notEnabled: "ip4 not enabled on interface"
            }
        }
    }

    /// The graph node's name.
    public static let name = "ethernet-input"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>
    private let fastPath: IPv4FastPath

    /// Makes the node of a lane.
    init(context: UnsafeMutablePointer<LaneContext>, fastPath: IPv4FastPath) {
        self.context = context
        self.fastPath = fastPath
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        guard context.pointee.usesFastPath, frame.output.dispatcher.pointee.mayFuse else {
            let tables = context.pointee.tables.pointee
            let base = frame.output.errorBase
            return frame.route { mbuf in Self.next(mbuf, tables, base) }
        }
        if fastPath.forward(frame) < frame.count { routeRest(frame) }
    }

    /// Looks at the packets that the fast path has left.
    @inline(never)
    private func routeRest(_ frame: borrowing Frame<Next>) {
        let tables = context.pointee.tables.pointee
        let base = frame.output.errorBase
        for index in 0..<frame.count where frame.nexts[index] != Frame<Next>.consumed {
            frame.nexts[index] = Self.next(frame.mbufs[index], tables, base).rawValue
        }
    }

    @inline(__always)
    private static func next(_ mbuf: Mbuf, _ tables: ForwardingTables, _ base: UInt16) -> Next {
        guard mbuf.length >= EthernetHeader.byteCount else { return drop(mbuf, .tooShort, base) }
        let interface = tables.interface(mbuf.rxInterface)
        guard interface.pointee.isUp else { return drop(mbuf, .interfaceDown, base) }
        // A promiscuous interface takes frames to others, but they are not for the router to
        // forward.
        let destination = mbuf.load(UInt64.self, at: 0) & EthernetHeader.addressMask
        guard destination == interface.pointee.mac || EthernetHeader.isGroup(destination) else {
            return drop(mbuf, .foreignAddress, base)
        }
        guard interface.pointee.flags & InterfaceEntry.detours == 0 else {
            return detour(mbuf, interface, base)
        }
        return sort(mbuf, interface, base)
    }

    /// The way of packets of an interface that spreads them or has features.
    @inline(never)
    private static func detour(
        _ mbuf: Mbuf,
        _ interface: UnsafePointer<InterfaceEntry>,
        _ base: UInt16
    ) -> Next {
        let flags = interface.pointee.flags
        if flags & InterfaceEntry.handsOver != 0, mbuf.flags & MbufFlags.handedOver == 0 {
            let isSymmetric = flags & InterfaceEntry.symmetricHandoff != 0
            mbuf.flowHash = HandoffHash.hash(mbuf, isSymmetric: isSymmetric)
            return .workerHandoff
        }
        let next = sort(mbuf, interface, base)
        return next == .ip4Input && flags & InterfaceEntry.hasFeatures != 0 ? .ip4Features : next
    }

    /// Takes the header off and goes by the type that it names.
    @inline(__always)
    private static func sort(
        _ mbuf: Mbuf,
        _ interface: UnsafePointer<InterfaceEntry>,
        _ base: UInt16
    ) -> Next {
        let type = mbuf.load(UInt16.self, at: 12)
        mbuf.l3Offset = UInt16(EthernetHeader.byteCount)
        mbuf.advance(EthernetHeader.byteCount)
        if type == EthernetHeader.TypeInMemory.ipv4 {
            // An interface without an address is no part of the router, as in VPP.
            guard interface.pointee.addressCount > 0 else { return drop(mbuf, .notEnabled, base) }
            return .ip4Input
        }
        if type == EthernetHeader.TypeInMemory.arp { return .arpInput }
        return refuse(mbuf, type, base)
    }

    @inline(never)
    private static func refuse(_ mbuf: Mbuf, _ type: UInt16, _ base: UInt16) -> Next {
        if type == EthernetHeader.TypeInMemory.vlan
            || type == EthernetHeader.TypeInMemory.serviceVLAN
        {
            return drop(mbuf, .vlan, base)
        }
        let value = type.byteSwapped
        guard value < EthernetHeader.firstType else { return drop(mbuf, .unknownType, base) }
        return drop(mbuf, Int(value) > mbuf.length ? .lengthTooLarge : .llc, base)
    }

    @inline(__always)
    private static func drop(_ mbuf: Mbuf, _ reason: Reason, _ base: UInt16) -> Next {
        mbuf.error = base &+ reason.rawValue
        return .drop
    }
}
