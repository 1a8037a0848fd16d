internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// The exits of `ip4-arp` and `ip4-glean`.
public enum NeighbourExit: UInt16, Exit {
    case interfaceOutput, drop

    /// The graph node that the exit leads to.
    public var target: String {
        switch self {
        case .interfaceOutput: "interface-output"
        case .drop: "error-drop"
        }
    }
}

/// The drop reasons of `ip4-arp` and `ip4-glean`; `requestsSent` and `throttled` count requests.
public enum NeighbourReason: UInt16, DropReason {
    case requestsSent, throttled, replaced, full, noBuffer, noSourceAddress, broadcast

    /// What `show errors` prints.
    public static var information: [Self] { [.requestsSent, .throttled] }

    /// The text that `show errors` prints.
    public var text: String {
        switch self {
        case .requestsSent: "ARP requests sent"
        case .throttled: "ARP requests throttled"
        case .replaced: "ARP hold replaced"
        case .full: "ARP hold table full"
        case .noBuffer: "ARP requests out of buffer"
        case .noSourceAddress: "no source address for ARP request"
        case .broadcast: "ip4 directed broadcast"
        }
    }
}

/// Holds packets whose next hop's MAC address is not known and asks for it.
public struct IPv4ARP: Node {
    /// Where packets go.
    public typealias Next = NeighbourExit

    /// The graph node's name.
    public static let name = "ip4-arp"
    /// What the node counts, by reason.
    public static var errors: [String] { NeighbourReason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { NeighbourReason.information.map(\.text) }

    private let resolver: NeighbourResolver

    init(context: UnsafeMutablePointer<LaneContext>, hold: UnsafeMutablePointer<NeighbourHold>) {
        resolver = NeighbourResolver(context: context, hold: hold)
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = resolver.context.pointee.tables.pointee
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            let adjacency = tables.adjacency(mbuf.adjacency)
            frame.nexts[index] = resolver.resolve(
                mbuf,
                adjacency.pointee.nextHop,
                adjacency.pointee.txInterface,
                frame.output
            )
        }
    }
}

/// Holds packets to hosts of a connected subnet that are not known yet and asks for them.
public struct IPv4Glean: Node {
    /// Where packets go.
    public typealias Next = NeighbourExit

    /// The graph node's name.
    public static let name = "ip4-glean"
    /// What the node counts, by reason.
    public static var errors: [String] { NeighbourReason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { NeighbourReason.information.map(\.text) }

    private let resolver: NeighbourResolver

    init(context: UnsafeMutablePointer<LaneContext>, hold: UnsafeMutablePointer<NeighbourHold>) {
        resolver = NeighbourResolver(context: context, hold: hold)
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = resolver.context.pointee.tables.pointee
        for index in 0..<frame.count {
            let mbuf = frame.mbufs[index]
            let destination = IPv4Header(mbuf).destination
            let interface = tables.adjacency(mbuf.adjacency).pointee.txInterface
            if tables.isBroadcast(destination, interface: interface) {
                mbuf.error = frame.error(NeighbourReason.broadcast.rawValue)
                frame.nexts[index] = Next.drop.rawValue
            } else {
                frame.nexts[index] = resolver.resolve(mbuf, destination, interface, frame.output)
            }
        }
    }
}

/// What `ip4-arp` and `ip4-glean` have in common.
struct NeighbourResolver {
    let context: UnsafeMutablePointer<LaneContext>
    let hold: UnsafeMutablePointer<NeighbourHold>

    /// Holds a packet for a neighbour and sends a request, if one is due.
    ///
    /// - Returns: the exit, or `Frame.consumed`.
    func resolve(
        _ mbuf: Mbuf,
        _ address: UInt32,
        _ interface: UInt16,
        _ output: Output<NeighbourExit>
    ) -> UInt16 {
        let now = context.pointee.now
        var replaced: Mbuf?
        let wasEmpty = hold.pointee.count == 0
        let outcome = hold.pointee.keep(
            mbuf,
            address: address,
            interface: interface,
            now: now,
            replaced: &replaced
        )
        if wasEmpty {
            // Only what becomes known from now on can help.
            hold.pointee.epoch = context.pointee.tables.pointee.neighbourEpoch
            hold.pointee.schedule(context)
        }
        switch outcome {
        case .full:
            return drop(mbuf, .full, output)
        case .held:
            if let replaced {
                _ = drop(replaced, .replaced, output)
                output.emit(replaced, to: .drop)
            }
        case .heldRequestDue:
            let isSent = request(address, interface, output)
            hold.pointee.noteRequest(
                address: address,
                interface: interface,
                sent: isSent,
                now: now,
                hertz: context.pointee.hertz
            )
        }
        return Frame<NeighbourExit>.consumed
    }

    private func request(
        _ address: UInt32,
        _ interface: UInt16,
        _ output: Output<NeighbourExit>
    ) -> Bool {
        let key = UInt64(interface) &<< 32 | UInt64(address)
        let context = context
        let isThrottled = hold.pointee.throttle.refuses(key, now: context.pointee.now) {
            context.pointee.random()
        }
        guard !isThrottled else {
            count(.throttled, output)
            return false
        }
        switch NeighbourRequest.make(for: address, interface: interface, context: context) {
        case .made(let request):
            output.emit(request, to: .interfaceOutput)
            count(.requestsSent, output)
            return true
        case .noBuffer:
            count(.noBuffer, output)
            return false
        case .noSourceAddress:
            // Asking again would not help: the packet waits for the tables to change or for its
            // time to end.
            count(.noSourceAddress, output)
            return true
        }
    }

    private func count(_ reason: NeighbourReason, _ output: Output<NeighbourExit>) {
        context.pointee.block.errors[Int(output.errorBase &+ reason.rawValue)] &+= 1
    }

    private func drop(
        _ mbuf: Mbuf,
        _ reason: NeighbourReason,
        _ output: Output<NeighbourExit>
    ) -> UInt16 {
        mbuf.error = output.errorBase &+ reason.rawValue
        return NeighbourExit.drop.rawValue
    }
}
