import CBench
import CDPDK
import CLinux
import Coordination
import LinuxSystem
import PacketBuffers
import PacketGraph

/// Packets from one thread to another by value, everything included: the producer takes and fills a buffer, copies it
/// into the ring, frees it; the consumer copies it into a buffer of its own pool, reads and writes its first line,
/// frees it. Value: wall clock per packet of both threads together on a batch.
///
/// The C loop does the same by pointer: a ring of mbuf pointers, one pool for both threads.
final class HandoffByValue: Subject {
    let unit = "clocks/packet"
    let parts: [String]
    var checksum: UInt64 { shared.pointee.sum &+ shared.pointee.consumed }

    private let shared: UnsafeMutablePointer<HandoffShared>
    private let packets: Int
    private let frame: Int
    private let burst: UnsafeMutablePointer<Mbuf>
    /// What is sent.
    private let template: UnsafeMutableRawPointer
    private let bytes: Int
    /// The ring's memory, in a huge page as a NUMA node's ring file is.
    private let ringHeap: NodeHeap
    private let producer: HandoffProducer
    private let pool: MbufPool
    private var sent: UInt64 = 0
    private var producerBusy: UInt64 = 0
    private static let cells = 8192

    /// Makes rings and pools.
    ///
    /// - Parameters:
    ///   - bytes: of each packet.
    ///   - frame: packets that the producer writes at a time.
    init(bytes: Int, frame: Int, machine: Machine) throws {
        guard machine.secondCPU != nil else { throw BenchError("handoff needs two CPUs") }
        self.bytes = bytes
        self.frame = frame
        // The time of a small frame would be that of reading the clock.
        parts = frame >= 32 ? ["side=producer", "side=consumer"] : []
        packets = frame >= 32 ? 4096 : 1024
        pool = try machine.makePool("bench", buffers: Catalogue.poolBuffers)
        let consumerPool = try machine.makePool("bench-consumer", buffers: Catalogue.poolBuffers)
        burst = .allocate(capacity: frameCapacity)
        template = .allocate(byteCount: 2048, alignment: 64)
        template.initializeMemory(as: UInt8.self, repeating: 0x5A, count: 2048)
        let layout = HandoffLayout(destinationLanes: 1, sourceLanes: 1, cells: Self.cells)
        ringHeap = try Machine.makeHeap(byteCount: layout.byteCount + 4096)
        guard let ringMemory = ringHeap.allocate(byteCount: layout.byteCount, alignment: 4096)
        else {
            throw BenchError("no memory for the ring")
        }
        let ring = ringMemory + layout.ringOffset(source: 0, destination: 0)
        let line = ringMemory + layout.doorbellOffset(destination: 0)
        try EAL.makeHandoffRing(at: ring, name: "bench", cells: Self.cells)
        producer = HandoffProducer(ring: ring, doorbellLine: line, source: 0, incarnation: 1)
        guard let pointerRing = CBench_pointer_ring("bench-pointers", UInt32(Self.cells)) else {
            throw BenchError("no memory for the ring of pointers")
        }
        shared = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<HandoffShared>.stride,
            alignment: 64
        ).bindMemory(to: HandoffShared.self, capacity: 1)
        shared.initialize(
            to: HandoffShared(
                consumer: HandoffConsumer(ring: ring),
                doorbell: line.assumingMemoryBound(to: UInt64.self),
                pool: consumerPool,
                pointers: CBench_pointers(
                    ring: pointerRing,
                    pool: pool.raw,
                    packet: template,
                    bytes: UInt32(bytes),
                    burst: UInt32(frame)
                )
            )
        )
    }

    deinit {
        CBench_pointer_ring_free(shared.pointee.pointers.ring)
        shared.deallocate()
        template.deallocate()
        burst.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        let width = 1 &+ parts.count
        withConsumer(HandoffShared.consumeValues) {
            for batch in 0..<batches {
                let busyBefore = (producerBusy, shared.pointee.busy)
                let switches = disturbances()
                let start = timestamp()
                for _ in 0..<packets / frame { produce() }
                awaitConsumer()
                let clocks = Double(timestamp() &- start)
                values[batch &* width] =
                    disturbances() == switches ? clocks / Double(packets) : .nan
                guard width > 1 else { continue }
                values[batch &* width &+ 1] = Double(producerBusy &- busyBefore.0) / Double(packets)
                values[batch &* width &+ 2] =
                    Double(shared.pointee.busy &- busyBefore.1) / Double(packets)
            }
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        withConsumer(HandoffShared.consumePointers) {
            for batch in 0..<batches {
                let switches = disturbances()
                let start = timestamp()
                CBench_pointers_produce(&shared.pointee.pointers, UInt64(packets))
                sent &+= UInt64(packets)
                awaitConsumer()
                let clocks = Double(timestamp() &- start)
                values[batch] = disturbances() == switches ? clocks / Double(packets) : .nan
            }
        }
    }

    /// Makes a frame of packets and hands it over; a full ring is waited for.
    @inline(__always)
    private func produce() {
        let start = timestamp()
        while !pool.take(burst, count: frame) { CLinux_pause() }
        for index in 0..<frame {
            let mbuf = burst[index]
            mbuf.data.copyMemory(from: template, byteCount: bytes)
            mbuf.setLength(bytes)
            mbuf.enterGraph(rxInterface: 1)
        }
        var done = 0
        var busy = timestamp() &- start
        while done < frame {
            let begin = timestamp()
            let written = producer.write(
                burst + done,
                count: frame &- done,
                next: .ethernetInput,
                now: begin
            )
            if written.packets > 0 {
                busy &+= timestamp() &- begin
            } else {
                CLinux_pause()
            }
            done &+= written.packets
        }
        let begin = timestamp()
        pool.give(burst, count: frame)
        producerBusy &+= busy &+ timestamp() &- begin
        sent &+= UInt64(truncatingIfNeeded: frame)
    }

    /// How often one of the threads was put aside, or seems to have been.
    private func disturbances() -> UInt64 {
        UInt64(contextSwitches()) &+ shared.pointee.gaps
    }

    private func awaitConsumer() {
        let consumed = shared.pointer(to: \.consumed)
        guard let consumed else { return }
        while CLinux_load_acquire64(consumed) != sent { CLinux_pause() }
    }

    /// Runs `body` while the second thread consumes.
    private func withConsumer(
        _ consume: @convention(c) (UnsafeMutableRawPointer?) -> CInt,
        _ body: () -> Void
    ) {
        shared.pointee.stop = 0
        CLinux_store_fence()
        do throws(DPDKError) {
            try EAL.launch(lcore: Machine.secondLcore, argument: shared, body: consume)
        } catch { preconditionFailure("\(error)") }
        body()
        if let stop = shared.pointer(to: \.stop) { CLinux_store_release64(stop, 1) }
        EAL.wait(lcore: Machine.secondLcore)
    }
}

/// What the two threads share. The producer writes `stop`, the consumer the rest of what changes.
private struct HandoffShared {
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
