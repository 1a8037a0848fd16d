public import CDPDK
public import Coordination
public import PacketBuffers

/// A lane's frames in motion: one open frame a graph node, a queue of those to dispatch, a stock of
/// empty ones.
///
/// Everything is allocated when the graph is built and bounded: a lane never has more frames than
/// `frameLimit`, and a packet that finds none is dropped and counted
/// (`LaneBlock.Word.frameFailures`). One lane's thread alone touches it.
@frozen
public struct DispatcherState {
    @usableFromInline let slots: UnsafeMutablePointer<NodeSlot>
    @usableFromInline let slotCount: Int
    /// `frameLimit` arrays of `frameCapacity` packets.
    @usableFromInline let packets: UnsafeMutablePointer<Mbuf>
    @usableFromInline let frames: UnsafeMutablePointer<FrameHeader>
    @usableFromInline let free: UnsafeMutablePointer<Int32>
    @usableFromInline var freeCount: Int
    /// Frames to dispatch, oldest first; a ring of `frameLimit` entries, a power of two.
    @usableFromInline let pending: UnsafeMutablePointer<Int32>
    @usableFromInline var pendingHead: Int
    @usableFromInline var pendingTail: Int
    @usableFromInline let nexts: UnsafeMutablePointer<UInt16>
    @usableFromInline let frameLimit: Int
    /// The lane's counters.
    public let block: LaneBlock
    /// The graph index of `error-drop`.
    @usableFromInline let dropNode: UInt16
    /// Where packets go that find no frame.
    @usableFromInline let pool: MbufPool
    /// Where the lane records calls, while somebody traces them.
    @usableFromInline let events: EventWriter
    /// What the lane sees of single packets, while somebody looks; a stable address.
    @usableFromInline let tracer: UnsafeMutablePointer<LaneTracer>
    /// Clocks of the call that runs which were counted for other nodes.
    @usableFromInline var fusedClocks: UInt64 = 0

    /// A frame's place in the queue.
    @frozen @usableFromInline
    struct FrameHeader {
        @usableFromInline var count: Int32
        @usableFromInline var node: UInt16

        @usableFromInline
        init(count: Int32, node: UInt16) {
            self.count = count
            self.node = node
        }
    }

    init(
        slots: UnsafeMutablePointer<NodeSlot>,
        slotCount: Int,
        frameLimit: Int,
        block: LaneBlock,
        dropNode: UInt16,
        pool: MbufPool,
        events: EventWriter,
        tracer: UnsafeMutablePointer<LaneTracer>
    ) {
        precondition(frameLimit > 0 && frameLimit & (frameLimit - 1) == 0)
        self.slots = slots
        self.slotCount = slotCount
        self.frameLimit = frameLimit
        self.block = block
        self.dropNode = dropNode
        self.pool = pool
        self.events = events
        self.tracer = tracer
        // The packets are written before they are read: counts bound what is looked at.
        packets = UnsafeMutableRawPointer.allocate(
            byteCount: frameLimit * frameCapacity * MemoryLayout<Mbuf>.stride,
            alignment: 64
        ).bindMemory(to: Mbuf.self, capacity: frameLimit * frameCapacity)
        frames = .allocate(capacity: frameLimit)
        free = .allocate(capacity: frameLimit)
        pending = .allocate(capacity: frameLimit)
        nexts = .allocate(capacity: frameCapacity)
        nexts.initialize(repeating: 0, count: frameCapacity)
        for index in 0..<frameLimit {
            frames[index] = FrameHeader(count: 0, node: 0)
            free[index] = Int32(index)
            pending[index] = 0
        }
        freeCount = frameLimit
        pendingHead = 0
        pendingTail = 0
    }

    func deallocate() {
        UnsafeMutableRawPointer(packets).deallocate()
        frames.deallocate()
        free.deallocate()
        pending.deallocate()
        nexts.deallocate()
    }

    /// Packets that wait in frames.
    public var packetsInFrames: Int {
        var sum = 0
        for index in pendingHead..<pendingTail {
            sum += Int(frames[Int(pending[index & (frameLimit - 1)])].count)
        }
        return sum
    }

    /// Adds packets to a graph node's open frame, and to further ones when it is full.
    ///
    /// - Parameters:
    ///   - mbufs: the packets; copied.
    ///   - count: how many.
    ///   - node: the graph index.
    @inlinable
    public mutating func append(_ mbufs: UnsafePointer<Mbuf>, count: Int, to node: UInt16) {
        var done = 0
        while done < count {
            var frame = Int(slots[Int(node)].openFrame)
            if frame < 0 {
                frame = open(for: node)
                if frame < 0 { return dropForLackOfFrames(mbufs + done, count: count &- done) }
            }
            let filled = Int(frames[frame].count)
            let batch = min(count &- done, frameCapacity &- filled)
            (packets + (frame &* frameCapacity &+ filled)).update(from: mbufs + done, count: batch)
            frames[frame].count = Int32(truncatingIfNeeded: filled &+ batch)
            if filled &+ batch == frameCapacity { slots[Int(node)].openFrame = -1 }
            done &+= batch
        }
    }

    /// Adds one packet to a graph node's open frame.
    @inlinable @inline(__always)
    public mutating func append(_ mbuf: Mbuf, to node: UInt16) {
        let frame = Int(slots[Int(node)].openFrame)
        guard frame >= 0 else { return appendToNew(mbuf, to: node) }
        let filled = Int(frames[frame].count)
        packets[frame &* frameCapacity &+ filled] = mbuf
        frames[frame].count = Int32(truncatingIfNeeded: filled &+ 1)
        if filled &+ 1 == frameCapacity { slots[Int(node)].openFrame = -1 }
    }

    @usableFromInline @inline(never)
    mutating func appendToNew(_ mbuf: Mbuf, to node: UInt16) {
        withUnsafePointer(to: mbuf) { append($0, count: 1, to: node) }
    }

    @inlinable @inline(__always)
    mutating func open(for node: UInt16) -> Int {
        guard freeCount > 0 else { return -1 }
        freeCount &-= 1
        let frame = free[freeCount]
        frames[Int(frame)] = FrameHeader(count: 0, node: node)
        slots[Int(node)].openFrame = frame
        pending[pendingTail & (frameLimit &- 1)] = frame
        pendingTail &+= 1
        return Int(frame)
    }

    @usableFromInline @inline(never)
    mutating func dropForLackOfFrames(_ mbufs: UnsafePointer<Mbuf>, count: Int) {
        block.pointer(.frameFailures).pointee &+= UInt64(count)
        pool.give(mbufs, count: count)
    }

    /// Dispatches frames, those that come up meanwhile too, until none is left.
    ///
    /// Static over a pointer, because nodes append to the same dispatcher while they run: an
    /// exclusive access to it must not span a node's call.
    @inlinable
    public static func dispatchPending(_ this: UnsafeMutablePointer<DispatcherState>) {
        if this.pointee.isObserved { return dispatchObserved(this) }
        // One reading of the clock ends a node's time and begins the next one's.
        var now = timestamp()
        while this.pointee.pendingHead != this.pointee.pendingTail {
            let head = this.pointee.pendingHead
            let frame = Int(this.pointee.pending[head & (this.pointee.frameLimit &- 1)])
            this.pointee.pendingHead = head &+ 1
            now = dispatch(frame, this, start: now)
        }
    }

    /// Runs a frame's node.
    ///
    /// - Returns: the time-stamp counter at the end.
    @inlinable
    static func dispatch(
        _ frame: Int,
        _ this: UnsafeMutablePointer<DispatcherState>,
        start: UInt64
    ) -> UInt64 {
        let header = this.pointee.frames[frame]
        let count = Int(header.count)
        let index = Int(header.node)
        let slot = this.pointee.slots[index]
        if slot.openFrame == Int32(truncatingIfNeeded: frame) {
            this.pointee.slots[index].openFrame = -1
        }
        let mbufs = this.pointee.packets + frame &* frameCapacity
        let nexts = this.pointee.nexts
        let block = this.pointee.block
        block.pointer(.currentNode).pointee = UInt64(truncatingIfNeeded: index &+ 1)
        slot.runner.run(
            NodeCall(
                state: slot.state,
                mbufs: mbufs,
                nexts: nexts,
                count: count,
                dispatcher: this,
                wiring: slot.wiring,
                errorBase: slot.errorBase
            )
        )
        if slot.exitCount == 0 || !this.pointee.passOn(frame, count: count, slot: slot) {
            if slot.exitCount > 0 { this.pointee.distribute(mbufs, count: count, slot: slot) }
            this.pointee.release(frame)
        }
        let end = timestamp()
        block.pointer(.internalCalls).pointee &+= 1
        block.pointer(.internalVectors).pointee &+= UInt64(truncatingIfNeeded: count)
        this.pointee.record(index, vectors: count, clocks: end &- start &- this.pointee.fusedClocks)
        this.pointee.fusedClocks = 0
        block.pointer(.currentNode).pointee = 0
        return end
    }

    @inlinable @inline(__always)
    mutating func release(_ frame: Int) {
        free[freeCount] = Int32(truncatingIfNeeded: frame)
        freeCount &+= 1
    }

    /// Makes a worked frame whose packets all have one exit the next node's frame, without copying it.
    ///
    /// - Returns: false if they have not, or if that node has an open frame, which must stay in front.
    @inlinable @inline(__always)
    mutating func passOn(_ frame: Int, count: Int, slot: NodeSlot) -> Bool {
        let exit = nexts[0]
        guard exit < slot.exitCount, endOfRun(from: 0, count: count) == count else { return false }
        let target = slot.wiring[Int(exit)]
        guard slots[Int(target)].openFrame < 0 else { return false }
        frames[frame].node = target
        let place = Int32(truncatingIfNeeded: frame)
        if count < frameCapacity { slots[Int(target)].openFrame = place }
        pending[pendingTail & (frameLimit &- 1)] = place
        pendingTail &+= 1
        return true
    }

    /// Moves a worked frame's packets to the next nodes' frames, a run of equal exits at a time.
    @inlinable @inline(__always)
    mutating func distribute(_ mbufs: UnsafeMutablePointer<Mbuf>, count: Int, slot: NodeSlot) {
        var start = 0
        while start < count {
            let exit = nexts[start]
            let end = endOfRun(from: start, count: count)
            if exit != .max {
                let target = exit < slot.exitCount ? slot.wiring[Int(exit)] : dropNode
                append(mbufs + start, count: end &- start, to: target)
            }
            start = end
        }
    }

    /// The place of the first exit from `start` on that is another one than that at `start`.
    @inlinable @inline(__always)
    func endOfRun(from start: Int, count: Int) -> Int {
        let exit = nexts[start]
        let same = SIMD16<UInt16>(repeating: exit)
        var end = start &+ 1
        while end &+ 16 <= count {
            let exits = UnsafeRawPointer(nexts + end).loadUnaligned(as: SIMD16<UInt16>.self)
            let differ = unsafeBitCast(exits ^ same, to: SIMD4<UInt64>.self)
            guard differ[0] | differ[1] | differ[2] | differ[3] == 0 else { break }
            end &+= 16
        }
        while end < count, nexts[end] == exit { end &+= 1 }
        return end
    }

    /// Adds a call to a graph node's counters.
    @inlinable @inline(__always)
    public func record(_ node: Int, vectors: Int, clocks: UInt64) {
        let words = block.node(node)
        words[0] &+= 1
        words[1] &+= UInt64(truncatingIfNeeded: vectors)
        words[2] &+= clocks
        if clocks > words[3] {
            words[3] = clocks
            words[4] = UInt64(truncatingIfNeeded: vectors)
        }
    }
}

extension DispatcherState {
    /// Whether a node may do the work of nodes behind it (`countFused`): not while each call is an event, or its
    /// packets are captured.
    @inlinable @inline(__always)
    public var mayFuse: Bool { !events.traces(.dispatch) && !tracer.pointee.capturesCalls }

    /// Counts a call of a node whose work another one does in its own; `countFusedCalls` goes with it.
    ///
    /// - Parameters:
    ///   - node: the graph index of the node that is left out.
    ///   - vectors: packets.
    ///   - clocks: taken off the calling node's; 0: they stay there.
    @inlinable @inline(__always)
    public mutating func countFused(_ node: Int, vectors: Int, clocks: UInt64 = 0) {
        guard clocks == 0 else {
            fusedClocks &+= clocks
            return record(node, vectors: vectors, clocks: clocks)
        }
        let words = block.node(node)
        words[0] &+= 1
        words[1] &+= UInt64(truncatingIfNeeded: vectors)
    }

    /// Counts the calls of `countFused` and the packets of all of them for the lane.
    @inlinable @inline(__always)
    public func countFusedCalls(_ calls: Int, vectors: Int) {
        block.pointer(.internalCalls).pointee &+= UInt64(truncatingIfNeeded: calls)
        block.pointer(.internalVectors).pointee &+= UInt64(truncatingIfNeeded: vectors)
    }

    /// Whether calls, or single packets, are looked at.
    @inlinable @inline(__always)
    var isObserved: Bool { events.traces(.dispatch) || tracer.pointee.isBusy }

    /// Adds a call to the event log, if that traces calls.
    @usableFromInline
    func trace(_ node: UInt16, vectors: Int, start: UInt64, end: UInt64) {
        events.record(
            .dispatch,
            at: start,
            small: node,
            middle: UInt32(truncatingIfNeeded: vectors),
            value: end &- start
        )
    }
}

/// The processor's time-stamp counter.
@inlinable @inline(__always)
public func timestamp() -> UInt64 { cw_timestamp() }
