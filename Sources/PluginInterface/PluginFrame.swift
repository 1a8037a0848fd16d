public import CPlugin
public import PacketBuffers

/// Up to 256 packets on their way through a plugin's graph node.
@frozen
public struct PluginFrame {
    /// The record that `process` got.
    public let raw: UnsafePointer<cw_frame>

    /// Wraps the record.
    @inlinable @inline(__always)
    public init(_ raw: UnsafePointer<cw_frame>) { self.raw = raw }

    /// How many packets there are.
    @inlinable @inline(__always)
    public var count: Int { Int(raw.pointee.count) }

    /// The lane's number in its worker.
    @inlinable @inline(__always)
    public var lane: Int { Int(raw.pointee.lane) }

    @inlinable @inline(__always)
    var mbufs: UnsafeMutablePointer<Mbuf> {
        UnsafeMutableRawPointer(raw.pointee.packets).assumingMemoryBound(to: Mbuf.self)
    }

    /// Sends every packet to the exit that `choose` names for it, headers and data of the packets ahead on
    /// their way to the first-level cache.
    ///
    /// - Parameter choose: gives the number of an exit; called once for each packet, in order.
    @inlinable @inline(__always)
    public func route(_ choose: (Mbuf) -> UInt16) {
        let nexts = raw.pointee.nexts
        Mbuf.visit(mbufs, count: count) { nexts[$0] = choose($1) }
    }

    /// Says why a packet that goes to `error-drop` is dropped; it is counted there.
    @inlinable @inline(__always)
    public func mark(_ mbuf: Mbuf, reason: UInt16) {
        mbuf.error = raw.pointee.first_error &+ reason
    }

    /// Counts a reason that is no drop.
    @inlinable @inline(__always)
    public func count(reason: Int) { raw.pointee.counters[reason] &+= 1 }
}
