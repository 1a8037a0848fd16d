import CBench
import CDPDK
import CLinux
import Coordination
import LinuxSystem
import PacketBuffers
import PacketGraph

/// Packets from one thread to another by value, everything included.
///
/// The producer takes and fills a buffer, copies it into the ring and frees it; the consumer copies it into a buffer
/// of its own pool, reads and writes its first line and frees it. A value is the time of a batch by packets,
/// from the first one taken until the last one is done.
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

    /// Makes rings and pools.
    ///
    /// - Parameters:
    ///   - bytes: of each packet.
    ///   - frame: packets that the producer writes at a time.
    ///   - cells: of the ring, a power of two.
    ///   - machine: where both run.
    /// - Throws: a missing second CPU, and memory that is short.
    init(bytes: Int, frame: Int, cells: Int, machine: Machine) throws {
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
        let layout = HandoffLayout(destinationLanes: 1, sourceLanes: 1, cells: cells)
        ringHeap = try Machine.makeHeap(byteCount: layout.byteCount + 4096)
        guard let ringMemory = ringHeap.allocate(byteCount: layout.byteCount, alignment: 4096)
        else {
            throw BenchError("no memory for the ring")
        }
        let ring = ringMemory + layout.ringOffset(source: 0, destination: 0)
        let line = ringMemory + layout.doorbellOffset(destination: 0)
        try EAL.makeHandoffRing(at: ring, name: "bench", cells: cells)
        producer = HandoffProducer(ring: ring, doorbellLine: line, source: 0, incarnation: 1)
        guard let pointerRing = CBench_pointer_ring("bench-pointers", UInt32(cells)) else {
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
