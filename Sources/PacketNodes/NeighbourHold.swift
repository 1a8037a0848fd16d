internal import Coordination
internal import MainLoop
internal import PacketBuffers

/// A lane's packets that wait for neighbours: one for each pending neighbour, in a table of bounded
/// size.
///
/// `ip4-arp` and `ip4-glean` put packets in; `arp-hold-input` takes them out, when neighbours have
/// become known or when nobody answered. One lane's thread alone touches it.
struct NeighbourHold {
    /// A pending neighbour.
    struct Entry {
        /// The newest packet to it; nil after it was sent to be looked up again.
        var packet: Mbuf?
        var address: UInt32 = 0
        var interface: UInt16 = 0
        /// Requests sent.
        var requests: UInt8 = 0
        var isUsed = false
        /// When the last request was due.
        var lastRequest: UInt64 = 0
    }

    /// What became of a packet.
    enum Outcome {
        /// It is held, and a request to the neighbour is due.
        case heldRequestDue
        /// It is held.
        case held
        /// There is no room for another pending neighbour.
        case full
    }

    /// Pending neighbours that fit.
    static let capacity = 1024
    /// Requests to a neighbour that does not answer, one a second, before its packet is answered
    /// instead.
    static let requestLimit: UInt8 = 3
    /// Places in which an entry may be: a table that is nearly full refuses rather than searches.
    private static let reach = 8

    private let entries: UnsafeMutablePointer<Entry>
    /// Entries in use, and those that hold a packet.
    private(set) var count = 0
    private(set) var held = 0
    /// The epoch of the tables when packets were last looked up again, and when the table was last
    /// walked.
    var epoch: UInt64 = 0
    var lastSweep: UInt64 = 0
    /// Calls `arp-hold-input` when the table is to be walked next.
    var timer: TimerID?
    /// The time between two walks: often enough for waits of a second.
    static let sweepNanoseconds: UInt64 = 10_000_000
    /// Spares the network requests to many addresses at once.
    var throttle: Throttle

    private let block: LaneBlock

    /// Makes an empty table, which lives as long as the process.
    init(hertz: UInt64, block: LaneBlock) {
        entries = .allocate(capacity: Self.capacity)
        entries.initialize(repeating: Entry(), count: Self.capacity)
        throttle = Throttle(period: hertz / 1000)
        self.block = block
    }

    /// Holds a packet for a neighbour (its address in host byte order, and where it is to be found)
    /// in the place of the one before it, which is handed back in `replaced`.
    mutating func keep(
        _ mbuf: Mbuf,
        address: UInt32,
        interface: UInt16,
        now: UInt64,
        replaced: inout Mbuf?
    ) -> Outcome {
        guard let index = place(address: address, interface: interface) else { return .full }
        let entry = entries + index
        let isNew = !entry.pointee.isUsed
        if isNew {
            entry.pointee = Entry(
                packet: nil,
                address: address,
                interface: interface,
                requests: 0,
                isUsed: true,
                lastRequest: now
            )
            count &+= 1
        }
        replaced = entry.pointee.packet
        if replaced == nil { setHeld(held &+ 1) }
        entry.pointee.packet = mbuf
        return isNew ? .heldRequestDue : .held
    }

    /// Notes whether a request to a new entry was sent; if not, the next sweep sends it.
    mutating func noteRequest(
        address: UInt32,
        interface: UInt16,
        sent: Bool,
        now: UInt64,
        hertz: UInt64
    ) {
        guard let index = place(address: address, interface: interface) else { return }
        entries[index].requests = sent ? 1 : 0
        entries[index].lastRequest = sent ? now : now &- hertz
    }

    /// The entry at `index`, 0..<`capacity`, for the sweep.
    func entry(_ index: Int) -> UnsafeMutablePointer<Entry> { entries + index }

    /// Takes the packet out of an entry.
    mutating func takePacket(_ index: Int) -> Mbuf? {
        guard let packet = entries[index].packet else { return nil }
        entries[index].packet = nil
        setHeld(held &- 1)
        return packet
    }

    /// Frees an entry that holds no packet.
    mutating func remove(_ index: Int) {
        entries[index].isUsed = false
        count &-= 1
    }

    /// Goes on with a wait that a predecessor has begun.
    ///
    /// - Returns: false if there is no room for it: the packet is still the caller's.
    mutating func adopt(_ former: HandoverRecord.Held, packet: Mbuf?) -> Bool {
        guard let index = place(address: former.address, interface: former.interface),
            !entries[index].isUsed
        else { return false }
        entries[index] = Entry(
            packet: packet,
            address: former.address,
            interface: former.interface,
            requests: former.requests,
            isUsed: true,
            lastRequest: former.lastRequest
        )
        count &+= 1
        if packet != nil { setHeld(held &+ 1) }
        return true
    }

    private mutating func setHeld(_ value: Int) {
        held = value
        block.pointer(.held).pointee = UInt64(truncatingIfNeeded: value)
    }

    /// The place of a neighbour's entry, or of one that it can have; nil: all are taken.
    private func place(address: UInt32, interface: UInt16) -> Int? {
        let key = UInt64(interface) &<< 32 | UInt64(address)
        let start = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 54)
        var free: Int?
        for step in 0..<Self.reach {
            let index = (start &+ step) & (Self.capacity &- 1)
            let entry = entries + index
            if !entry.pointee.isUsed {
                if free == nil { free = index }
            } else if entry.pointee.address == address, entry.pointee.interface == interface {
                return index
            }
        }
        return free
    }

    /// Sees to it that the table is walked as long as there is something in it.
    mutating func schedule(_ context: UnsafeMutablePointer<LaneContext>) {
        let node = context.pointee.holdNode
        guard node >= 0, count > 0, let timers = context.pointee.timers else { return }
        if let timer { timers.stop(timer) }
        timer = context.pointee.schedule(node: node, afterNanoseconds: Self.sweepNanoseconds)
    }
}
