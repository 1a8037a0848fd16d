public import Coordination
internal import MainLoop
public import PacketBuffers

/// The way of frames while somebody looks at single packets or calls: traces, captures, events of calls.
///
/// A loop and a poll of their own, so that others pay nothing.
extension DispatcherState {
    /// Dispatches as `dispatchPending` does, and writes down what becomes of packets that are looked at.
    @usableFromInline @inline(never)
    static func dispatchObserved(_ this: UnsafeMutablePointer<DispatcherState>) {
        let tracer = this.pointee.tracer
        while this.pointee.pendingHead != this.pointee.pendingTail {
            let head = this.pointee.pendingHead
            let frame = Int(this.pointee.pending[head & (this.pointee.frameLimit &- 1)])
            this.pointee.pendingHead = head &+ 1
            let header = this.pointee.frames[frame]
            let (node, count) = (header.node, Int(header.count))
            let isBusy = tracer.pointee.isBusy
            if isBusy {
                let mbufs = this.pointee.packets + frame &* frameCapacity
                tracer.pointee.callBegins(mbufs, count: count, node: node)
                tracer.pointee.captureFrame(mbufs, count: count, node: node)
            }
            // What the looking took is no node's time.
            let start = timestamp()
            let end = dispatch(frame, this, start: start)
            if isBusy {
                tracer.pointee.callEnds(
                    this.pointee.nexts,
                    slot: this.pointee.slots[Int(node)],
                    dropNode: this.pointee.dropNode
                )
            }
            if this.pointee.events.traces(.dispatch) {
                this.pointee.trace(node, vectors: count, start: start, end: end)
            }
        }
        // Packets that are kept for later are told of again when they come back.
        tracer.pointee.isBusy = !tracer.pointee.captures.isEmpty
    }

    /// Notes how many packets wait, before an input node is polled.
    func notePending() {
        let tracer = tracer
        var count = 0
        while pendingHead &+ count != pendingTail {
            let frame = pending[(pendingHead &+ count) & (frameLimit &- 1)]
            tracer.pointee.before[count] = frames[Int(frame)].count
            count &+= 1
        }
        tracer.pointee.beforeCount = count
    }

    /// Looks at what an input node has added since `notePending`.
    func observeInput(_ node: UInt16) {
        let tracer = tracer
        var place = 0
        while pendingHead &+ place != pendingTail {
            let frame = Int(pending[(pendingHead &+ place) & (frameLimit &- 1)])
            let header = frames[frame]
            var index = place < tracer.pointee.beforeCount ? Int(tracer.pointee.before[place]) : 0
            let mbufs = packets + frame &* frameCapacity
            let added = Int(header.count) &- index
            if added > 0 {
                tracer.pointee.captureFrame(mbufs + index, count: added, node: node)
            }
            while index < Int(header.count) {
                tracer.pointee.start(mbufs[index], node: node, next: header.node)
                index &+= 1
            }
            place &+= 1
        }
    }

    /// Goes on with traces of packets that another lane has handed over.
    ///
    /// - Parameters:
    ///   - mbufs: packets that have just come in, traced ones among them.
    ///   - count: how many.
    ///   - peer: the other lane's number among all lanes.
    ///   - kind: how they came; `LaneTracer.adopt` says what it finds in the packets.
    @inline(never)
    public func adoptTraced(
        _ mbufs: UnsafePointer<Mbuf>,
        count: Int,
        peer: Int,
        kind: TraceRecord.Kind
    ) {
        let tracer = tracer
        var index = 0
        while index < count {
            if mbufs[index].flags & MbufFlags.traced != 0 {
                let peer = UInt16(truncatingIfNeeded: peer)
                tracer.pointee.adopt(mbufs[index], peer: peer, kind: kind)
            }
            index &+= 1
        }
    }

    /// Tells that packets which were kept come back, some of them traced.
    @inlinable @inline(__always)
    public func noteTraced() { tracer.pointee.isBusy = true }
}

extension LaneGraph {
    /// Polls as `pollInputs` does, and looks at what comes in.
    @usableFromInline @inline(never)
    func pollObserved(turn: UInt64) -> Int {
        var total = 0
        var place = 0
        while place < inputCount {
            if inputs[place].mode.state == .polling { total &+= callObserved(place, turn: turn) }
            place &+= 1
        }
        return total
    }

    /// Calls an input node, and looks at what it brings.
    @inline(never)
    func callObserved(_ place: Int, turn: UInt64) -> Int {
        dispatcher.pointee.tracer.pointee.refresh()
        dispatcher.pointee.notePending()
        let count = call(place, turn: turn)
        if count > 0 { dispatcher.pointee.observeInput(inputs[place].node) }
        return count
    }
}
