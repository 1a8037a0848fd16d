internal import ControlProtocol
internal import Coordination
internal import Forwarding
internal import PacketBuffers
public import PacketGraph

/// Answers ARP requests for the router's addresses and learns from those who ask and answer (RFC
/// 826).
public struct ARPInput: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case interfaceOutput, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .interfaceOutput: "interface-output"
            case .drop: "error-drop"
            }
        }
    }

    /// Drop reasons; `repliesSent`, `repliesReceived` and `gratuitous` count messages that did
    /// their work.
    public enum Reason: UInt16, DropReason {
        case repliesSent, repliesReceived, gratuitous, tooShort, hardwareType, protocolType
        case addressLengths, operation, addressMismatch, senderMAC, notEnabled, duplicate
        case senderNotLocal, probe, notForRouter, replyNotForRouter, noHeadroom

        /// What `show errors` prints.
        public static var information: [Self] { [.repliesSent, .repliesReceived, .gratuitous] }

        /// The text that `show errors` prints.
        public var text: String {
            switch self {
            case .repliesSent: "ARP replies sent"
            case .repliesReceived: "ARP replies received"
            case .gratuitous: "ARP announcements received"
            case .tooShort: "ARP packet too short"
            case .hardwareType: "L2 type not ethernet"
            case .protocolType: "L3 type not IP4"
            case .addressLengths: "ARP address lengths not 6 and 4"
            case .operation: "ARP operation not request or reply"
            case .addressMismatch: "ARP hw addr does not match L2 frame src addr"
            case .senderMAC: "ARP sender hw addr is zero or multicast"
            case .notEnabled: "interface has no ip4 address"
            case .duplicate: "IP4 source address matches local interface"
            case .senderNotLocal: "IP4 source address not local to subnet"
            case .probe: "ARP probe dropped"
            case .notForRouter: "ARP request not for this router"
            case .replyNotForRouter: "ARP reply not for this router"
            case .noHeadroom: "no room for the ethernet header"
            }
        }
    }

    /// The graph node's name.
    public static let name = "arp-input"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>

    /// Makes the node of a lane.
    public init(context: UnsafeMutablePointer<LaneContext>) { self.context = context }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = context.pointee.tables.pointee
        let base = frame.output.errorBase
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            guard let reason = Self.fault(mbuf) ?? receive(mbuf, tables) else {
                frame.nexts[index] = Next.interfaceOutput.rawValue
                context.pointee.block.errors[Int(base &+ Reason.repliesSent.rawValue)] &+= 1
                continue
            }
            if reason == .repliesReceived || reason == .gratuitous {
                context.pointee.block.errors[Int(base &+ reason.rawValue)] &+= 1
                context.pointee.pool.give(mbuf)
                frame.nexts[index] = Frame<Next>.consumed
            } else {
                mbuf.error = base &+ reason.rawValue
                frame.nexts[index] = Next.drop.rawValue
            }
        }
    }

    /// What is wrong with the message itself.
    private static func fault(_ mbuf: Mbuf) -> Reason? {
        guard mbuf.length >= ARPHeader.byteCount else { return .tooShort }
        let message = ARPHeader(mbuf)
        guard message.hardware == ARPHeader.formats.hardware else { return .hardwareType }
        guard message.protocolType == ARPHeader.formats.protocolType else { return .protocolType }
        guard message.lengths == ARPHeader.formats.lengths else { return .addressLengths }
        guard message.operation == ARPHeader.request || message.operation == ARPHeader.reply else {
            return .operation
        }
        guard mbuf.headroom >= EthernetHeader.byteCount else { return .noHeadroom }
        let mac = message.senderMAC
        guard mac != 0, !EthernetHeader.isGroup(mac) else { return .senderMAC }
        let source = (mbuf.data - 8).loadUnaligned(as: UInt64.self) & EthernetHeader.addressMask
        return mac == source ? nil : .addressMismatch
    }

    /// Learns from a message and answers it in place.
    ///
    /// - Returns: nil for a packet that has become a reply.
    private func receive(_ mbuf: Mbuf, _ tables: ForwardingTables) -> Reason? {
        let message = ARPHeader(mbuf)
        let interface = mbuf.rxInterface
        let sender = message.sender
        guard tables.interface(interface).pointee.addressCount > 0 else { return .notEnabled }
        let isForRouter = tables.owns(message.target, interface: interface)
        let isRequest = message.operation == ARPHeader.request
        // A probe (RFC 5227) names no sender; it is answered if it is for an address of ours.
        guard sender != 0 else {
            guard isForRouter, isRequest else { return .probe }
            reply(mbuf, message, tables)
            return nil
        }
        guard !tables.owns(sender, interface: interface) else { return .duplicate }
        guard IPv4AddressClass.isHost(sender),
            tables.ownAddress(besides: sender, interface: interface) != nil,
            !tables.isBroadcast(sender, interface: interface)
        else { return .senderNotLocal }
        learn(sender, message.senderMAC, interface, tables, ifKnown: !isForRouter)
        if isForRouter {
            guard isRequest else { return .repliesReceived }
            reply(mbuf, message, tables)
            return nil
        }
        if message.target == sender { return .gratuitous }
        return isRequest ? .notForRouter : .replyNotForRouter
    }

    /// Tells the control lane of a neighbour that the tables do not have as it is; with `ifKnown`
    /// only of one that they have at all.
    private func learn(
        _ address: UInt32,
        _ mac: UInt64,
        _ interface: UInt16,
        _ tables: ForwardingTables,
        ifKnown: Bool
    ) {
        let leaf = context.pointee.fib.lookup(address)
        var isKnown = false
        if leaf & Leaf.isPathListBit == 0 {
            let adjacency = tables.adjacency(leaf)
            isKnown =
                adjacency.pointee.kind == AdjacencyRecord.Kind.rewrite.rawValue
                && adjacency.pointee.nextHop == address
                && adjacency.pointee.txInterface == interface
            if isKnown, adjacency.pointee.headerHead & EthernetHeader.addressMask == mac { return }
        }
        guard isKnown || !ifKnown else { return }
        // A report that finds the queue full is lost: whoever needs the neighbour asks again.
        _ = context.pointee.neighbours.put(
            NeighbourMailbox.Report(
                mac: EthernetHeader.reversed(mac),
                address: address,
                interface: interface
            )
        )
    }

    /// Turns a request into its reply.
    private func reply(_ mbuf: Mbuf, _ message: ARPHeader, _ tables: ForwardingTables) {
        let own = tables.interface(mbuf.rxInterface).pointee.mac
        let asker = message.senderMAC
        let sender = message.sender
        message.write(
            operation: ARPHeader.reply,
            senderMAC: own,
            sender: message.target,
            targetMAC: asker,
            target: sender
        )
        mbuf.advance(-EthernetHeader.byteCount)
        EthernetHeader.write(
            at: mbuf.data,
            destination: asker,
            source: own,
            type: EthernetHeader.TypeInMemory.arp
        )
        mbuf.setLength(min(mbuf.length, EthernetHeader.minimumFrameBytes))
        mbuf.flags |= MbufFlags.local
        mbuf.txInterface = mbuf.rxInterface
    }
}
