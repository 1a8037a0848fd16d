internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Brings held packets back: to be looked up again when neighbours have become known, to be
/// answered "host unreachable" when nobody answered three requests a second apart.
public struct ARPHoldInput: InputNode {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case lookup, icmpError, interfaceOutput, drop

        /// The graph node that the exit leads to.
        public var target: String {
            switch self {
            case .lookup: "ip4-lookup"
            case .icmpError: "ip4-icmp-error"
            case .interfaceOutput: "interface-output"
            case .drop: "error-drop"
            }
        }
    }

    /// What is counted; none of these is a drop.
    public enum Reason: UInt16, DropReason {
        case lookedUpAgain, requestsRepeated, unresolved, noBuffer

        /// What `show errors` prints.
        public static var information: [Self] { [.lookedUpAgain, .requestsRepeated] }

        /// The text that `show errors` prints.
        public var text: String {
            switch self {
            case .lookedUpAgain: "held packets looked up again"
            case .requestsRepeated: "ARP requests repeated"
            case .unresolved: "ARP not answered"
            case .noBuffer: "ARP requests out of buffer"
            }
        }
    }

    /// The graph node's name.
    public static let name = "arp-hold-input"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    private let context: UnsafeMutablePointer<LaneContext>
    private let hold: UnsafeMutablePointer<NeighbourHold>

    init(context: UnsafeMutablePointer<LaneContext>, hold: UnsafeMutablePointer<NeighbourHold>) {
        self.context = context
        self.hold = hold
    }

    /// Emits the packets that are due, and arranges to be called again if there are others.
    public mutating func poll(_ output: Output<Next>) -> Int {
        defer { hold.pointee.schedule(context) }
        return emitDue(output)
    }

    private func emitDue(_ output: Output<Next>) -> Int {
        let epoch = context.pointee.tables.pointee.neighbourEpoch
        guard hold.pointee.count > 0 else {
            hold.pointee.epoch = epoch
            return 0
        }
        var packets = 0
        let now = context.pointee.now
        // A hundred times a second is often enough for waits of a second. It comes first, because a
        // packet that is looked up again may be back by the next poll and then finds its entry.
        if now &- hold.pointee.lastSweep >= context.pointee.hertz / 100 {
            hold.pointee.lastSweep = now
            packets = sweep(now, output)
        }
        if hold.pointee.epoch != epoch {
            hold.pointee.epoch = epoch
            packets &+= lookUpAgain(output)
        }
        return packets
    }

    private func lookUpAgain(_ output: Output<Next>) -> Int {
        var packets = 0
        for index in 0..<NeighbourHold.capacity {
            guard let packet = hold.pointee.takePacket(index) else { continue }
            if packet.flags & MbufFlags.traced != 0 { output.dispatcher.pointee.noteTraced() }
            output.emit(packet, to: .lookup)
            packets &+= 1
        }
        count(.lookedUpAgain, packets, output)
        return packets
    }

    /// Repeats requests, and ends the wait for neighbours that did not answer.
    private func sweep(_ now: UInt64, _ output: Output<Next>) -> Int {
        var packets = 0
        for index in 0..<NeighbourHold.capacity {
            let entry = hold.pointee.entry(index)
            guard entry.pointee.isUsed,
                now &- entry.pointee.lastRequest >= context.pointee.hertz
            else { continue }
            guard entry.pointee.packet != nil else {
                hold.pointee.remove(index)
                continue
            }
            if entry.pointee.requests < NeighbourHold.requestLimit {
                packets &+= repeatRequest(entry, now, output)
            } else if let packet = hold.pointee.takePacket(index) {
                hold.pointee.remove(index)
                if packet.flags & MbufFlags.traced != 0 { output.dispatcher.pointee.noteTraced() }
                packet.reply = .hostUnreachable
                output.emit(packet, to: .icmpError)
                count(.unresolved, 1, output)
                packets &+= 1
            }
        }
        return packets
    }

    private func repeatRequest(
        _ entry: UnsafeMutablePointer<NeighbourHold.Entry>,
        _ now: UInt64,
        _ output: Output<Next>
    ) -> Int {
        entry.pointee.requests &+= 1
        entry.pointee.lastRequest = now
        let outcome = NeighbourRequest.make(
            for: entry.pointee.address,
            interface: entry.pointee.interface,
            context: context
        )
        switch outcome {
        case .made(let request):
            output.emit(request, to: .interfaceOutput)
            count(.requestsRepeated, 1, output)
            return 1
        case .noBuffer:
            count(.noBuffer, 1, output)
            return 0
        case .noSourceAddress:
            return 0
        }
    }

    private func count(_ reason: Reason, _ packets: Int, _ output: Output<Next>) {
        let index = Int(output.errorBase &+ reason.rawValue)
        context.pointee.block.errors[index] &+= UInt64(truncatingIfNeeded: packets)
    }
}
