import CBench
import CLinux
import PacketBuffers
import PacketGraph

/// What the two threads of a handoff share.
///
/// The producer writes `stop`, the consumer the rest of what changes.
struct HandoffShared {
    let consumer: HandoffConsumer
    let doorbell: UnsafeMutablePointer<UInt64>
    let pool: MbufPool
    var pointers: CBench_pointers
    var stop: UInt64 = 0
    private var padding: SIMD64<UInt8> = .init()
    /// Packets that have arrived.
    var consumed: UInt64 = 0
    /// What was read in them.
    var sum: UInt64 = 0
    /// Clocks of visits that found something.
    var busy: UInt64 = 0
    /// How often a turn took longer than any work does.
    var gaps: UInt64 = 0
    private static let gapClocks: UInt64 = 200_000

    init(
        consumer: HandoffConsumer,
        doorbell: UnsafeMutablePointer<UInt64>,
        pool: MbufPool,
        pointers: CBench_pointers
    ) {
        self.consumer = consumer
        self.doorbell = doorbell
        self.pool = pool
        self.pointers = pointers
    }

    static let consumeValues: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { argument in
        guard let shared = argument?.assumingMemoryBound(to: HandoffShared.self),
            let stop = shared.pointer(to: \.stop), let consumed = shared.pointer(to: \.consumed)
        else { return -1 }
        let mbufs = UnsafeMutablePointer<Mbuf>.allocate(capacity: frameCapacity)
        let nexts = UnsafeMutablePointer<UInt16>.allocate(capacity: frameCapacity)
        defer {
            mbufs.deallocate()
            nexts.deallocate()
        }
        var isUnfinished = false
        var last = timestamp()
        while CLinux_load_acquire64(stop) == 0 {
            let start = timestamp()
            if start &- last > gapClocks { shared.pointee.gaps &+= 1 }
            last = start
            if CLinux_load_relaxed64(shared.pointee.doorbell) != 0 {
                _ = CLinux_exchange64(shared.pointee.doorbell, 0)
            } else if !isUnfinished {
                CLinux_pause()
                continue
            }
            let taken = shared.pointee.consumer.read(
                into: mbufs,
                nexts: nexts,
                capacity: frameCapacity,
                pool: shared.pointee.pool
            )
            isUnfinished = taken.mayHaveMore
            guard taken.packets > 0 else { continue }
            var sum: UInt64 = 0
            for index in 0..<taken.packets {
                let data = mbufs[index].data
                let word = data.load(as: UInt64.self)
                sum &+= word &+ UInt64(truncatingIfNeeded: mbufs[index].length)
                data.storeBytes(of: word &+ 1, as: UInt64.self)
            }
            shared.pointee.pool.give(mbufs, count: taken.packets)
            shared.pointee.sum &+= sum
            shared.pointee.busy &+= timestamp() &- start
            CLinux_store_release64(
                consumed,
                consumed.pointee &+ UInt64(truncatingIfNeeded: taken.packets)
            )
        }
        return 0
    }

    static let consumePointers: @convention(c) (UnsafeMutableRawPointer?) -> CInt = { argument in
        guard let shared = argument?.assumingMemoryBound(to: HandoffShared.self),
            let stop = shared.pointer(to: \.stop), let consumed = shared.pointer(to: \.consumed),
            let pointers = shared.pointer(to: \.pointers)
        else { return -1 }
        var sum: UInt64 = 0
        var last = timestamp()
        while CLinux_load_acquire64(stop) == 0 {
            let start = timestamp()
            if start &- last > gapClocks { shared.pointee.gaps &+= 1 }
            last = start
            let count = CBench_pointers_consume(pointers, &sum)
            if count == 0 {
                CLinux_pause()
                continue
            }
            CLinux_store_release64(consumed, consumed.pointee &+ UInt64(count))
        }
        shared.pointee.sum &+= sum
        return 0
    }
}
