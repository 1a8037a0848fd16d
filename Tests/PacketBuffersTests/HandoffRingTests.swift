import CDPDK
import Foundation
import PacketBuffers
import Testing

/// DPDK's environment and one pool, without hugepages, for the tests of this process.
enum TestPool {
    static let shared: MbufPool? = {
        guard PlainEAL.start() == nil else { return nil }
        return MbufPool.create(name: "test", buffers: 4095, dataBytes: 2048, socket: -1)
    }()

    static func require() throws -> MbufPool { try #require(shared, "DPDK does not start") }
}

/// A ring with its doorbell line in plain memory.
final class TestRing {
    let memory: UnsafeMutableRawPointer
    let bell: UnsafeMutableRawPointer
    let cells: Int

    init(cells: Int) throws {
        self.cells = cells
        memory = .allocate(byteCount: 384 + cells * 64, alignment: 128)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 384 + cells * 64)
        bell = .allocate(byteCount: 64, alignment: 64)
        bell.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
        try EAL.makeHandoffRing(at: memory, name: "t", cells: cells)
    }

    deinit {
        memory.deallocate()
        bell.deallocate()
    }

    func producer(source: Int = 3, incarnation: UInt32 = 1) -> HandoffProducer {
        HandoffProducer(ring: memory, doorbellLine: bell, source: source, incarnation: incarnation)
    }

    var consumer: HandoffConsumer { HandoffConsumer(ring: memory) }
    var bellWord: UInt64 { bell.load(as: UInt64.self) }
}

@Suite(.serialized) struct HandoffRingTests {
    private func packet(_ pool: MbufPool, length: Int, seed: Int) throws -> Mbuf {
        let mbuf = try #require(pool.take())
        mbuf.enterGraph(rxInterface: UInt16(seed & 0xFF))
        mbuf.setLength(length)
        for offset in 0..<length {
            mbuf.data.storeBytes(
                of: UInt8(truncatingIfNeeded: offset &* 7 &+ seed),
                toByteOffset: offset,
                as: UInt8.self
            )
        }
        mbuf.txInterface = UInt16(truncatingIfNeeded: seed &* 3)
        mbuf.flowHash = UInt32(truncatingIfNeeded: seed &* 2_654_435_761)
        return mbuf
    }

    private func isIntact(_ mbuf: Mbuf, length: Int, seed: Int) -> Bool {
        guard mbuf.length == length, mbuf.rxInterface == UInt16(seed & 0xFF),
            mbuf.txInterface == UInt16(truncatingIfNeeded: seed &* 3),
            mbuf.flowHash == UInt32(truncatingIfNeeded: seed &* 2_654_435_761)
        else { return false }
        return (0..<length).allSatisfy {
            mbuf.data.load(fromByteOffset: $0, as: UInt8.self)
                == UInt8(truncatingIfNeeded: $0 &* 7 &+ seed)
        }
    }

    /// Takes what is in the ring, and gives it back to the pool after `check` has seen it.
    private func drain(
        _ ring: TestRing,
        _ pool: MbufPool,
        _ check: (Mbuf, UInt16) -> Void = { _, _ in }
    ) -> HandoffConsumer.Taken {
        let mbufs = UnsafeMutableRawPointer.allocate(byteCount: 256 * 8, alignment: 64)
            .bindMemory(to: Mbuf.self, capacity: 256)
        let nexts = UnsafeMutablePointer<UInt16>.allocate(capacity: 256)
        defer {
            mbufs.deallocate()
            nexts.deallocate()
        }
        let taken = ring.consumer.read(into: mbufs, nexts: nexts, capacity: 256, pool: pool)
        for index in 0..<taken.packets { check(mbufs[index], nexts[index]) }
        if taken.packets > 0 { pool.give(mbufs, count: taken.packets) }
        return taken
    }

    @Test func everyLengthCrossesWholeAlsoAcrossTheEndOfTheRing() throws {
        let pool = try TestPool.require()
        let start = pool.available
        // 64 cells: with runs of 2 to 33 cells the end of the ring falls everywhere.
        let ring = try TestRing(cells: 64)
        for length in 1...2048 {
            var mbuf = try packet(pool, length: length, seed: length)
            let written = ring.producer().write(&mbuf, count: 1, next: .interfaceOutput, now: 1)
            #expect(written.packets == 1 && written.cells == HandoffCells.count(length: length))
            pool.give(mbuf)
            var whole = false
            let taken = drain(ring, pool) { mbuf, next in
                whole =
                    isIntact(mbuf, length: length, seed: length)
                    && next == HandoffNext.interfaceOutput.rawValue
                    && mbuf.flags & MbufFlags.handedOver != 0
            }
            #expect(taken.packets == 1 && whole, "length \(length)")
        }
        #expect(pool.available == start)
    }

    @Test func aFullRingTakesWhatFitsAndKeepsItsOrder() throws {
        let pool = try TestPool.require()
        let ring = try TestRing(cells: 64)
        let mbufs = try (0..<40).map { try packet(pool, length: 64, seed: $0) }
        // 63 cells can be in the ring, two a packet.
        let written = mbufs.withUnsafeBufferPointer {
            ring.producer().write($0.baseAddress!, count: 40, next: .ethernetInput, now: 1)
        }
        #expect(written.packets == 31 && written.cells == 62)
        var seeds: [UInt16] = []
        _ = drain(ring, pool) { mbuf, _ in seeds.append(mbuf.rxInterface) }
        #expect(seeds == (0..<31).map { UInt16($0) })
        for mbuf in mbufs { pool.give(mbuf) }
    }

    @Test func theDoorbellRingsOnceUntilItIsTakenDown() throws {
        let pool = try TestPool.require()
        let ring = try TestRing(cells: 64)
        var mbuf = try packet(pool, length: 60, seed: 1)
        #expect(ring.producer(source: 3).write(&mbuf, count: 1, next: .ethernetInput, now: 1).rang)
        #expect(ring.bellWord == 1 << 3)
        #expect(!ring.producer(source: 3).write(&mbuf, count: 1, next: .ethernetInput, now: 1).rang)
        pool.give(mbuf)
        #expect(drain(ring, pool).packets == 2)
    }

    @Test func whatADeadProducerReservedIsNeverSeen() throws {
        let pool = try TestPool.require()
        let ring = try TestRing(cells: 64)
        var old = try packet(pool, length: 64, seed: 1)
        _ = ring.producer().write(&old, count: 1, next: .ethernetInput, now: 1)
        // It dies after it reserved twenty cells and wrote some of them.
        let torn = cw_ring_reserve(ring.memory, 20)
        torn.first?.initializeMemory(as: UInt8.self, repeating: 0xEE, count: 64)
        let successor = ring.producer(incarnation: 2)
        successor.repair()
        var new = try packet(pool, length: 100, seed: 2)
        _ = successor.write(&new, count: 1, next: .ethernetInput, now: 2)
        var lengths: [Int] = []
        let taken = drain(ring, pool) { mbuf, _ in lengths.append(mbuf.length) }
        #expect(taken.packets == 2 && !taken.isCorrupt)
        #expect(lengths == [64, 100])
        pool.give(old)
        pool.give(new)
    }

    @Test func whatADeadProducerPublishedWithoutRingingIsNotStuck() throws {
        let pool = try TestPool.require()
        let ring = try TestRing(cells: 64)
        var mbuf = try packet(pool, length: 60, seed: 1)
        _ = ring.producer().write(&mbuf, count: 1, next: .ethernetInput, now: 1)
        // It dies before its doorbell is set.
        ring.bell.storeBytes(of: 0, as: UInt64.self)
        ring.producer(incarnation: 2).repair()
        #expect(ring.bellWord == 1 << 3)
        #expect(drain(ring, pool).packets == 1)
        pool.give(mbuf)
    }

    @Test func aRestartedConsumerSkipsWhatWasMeantForTheDeadOne() throws {
        let pool = try TestPool.require()
        let ring = try TestRing(cells: 64)
        let mbufs = try (0..<5).map { try packet(pool, length: 64, seed: $0) }
        _ = mbufs.withUnsafeBufferPointer {
            ring.producer().write($0.baseAddress!, count: 5, next: .ethernetInput, now: 1)
        }
        // It dies in the middle of taking.
        _ = cw_ring_look(ring.memory, 4)
        #expect(ring.consumer.repair(keepsPublished: false) == 10)
        #expect(drain(ring, pool).packets == 0)
        _ = mbufs.withUnsafeBufferPointer {
            ring.producer().write($0.baseAddress!, count: 5, next: .ethernetInput, now: 1)
        }
        #expect(drain(ring, pool).packets == 5)
        for mbuf in mbufs { pool.give(mbuf) }
    }

    @Test(arguments: [0, 65535, 16385])
    func cellsThatMakeNoSenseAreThrownAway(length: UInt16) throws {
        let pool = try TestPool.require()
        let start = pool.available
        let ring = try TestRing(cells: 64)
        let cells = cw_ring_reserve(ring.memory, 3)
        cells.first?.storeBytes(
            of: HandoffHeader(
                length: length,
                cells: 2,
                next: 0,
                flags: 0,
                rxInterface: 1,
                txInterface: 1,
                flowHash: 0,
                trace: 0,
                incarnation: 1,
                enqueueTSC: 0
            ),
            as: HandoffHeader.self
        )
        cw_ring_publish(ring.memory, 3)
        let taken = drain(ring, pool)
        #expect(taken.packets == 0 && taken.isCorrupt)
        #expect(pool.available == start)
        var mbuf = try packet(pool, length: 64, seed: 9)
        _ = ring.producer().write(&mbuf, count: 1, next: .ethernetInput, now: 1)
        pool.give(mbuf)
        #expect(drain(ring, pool).packets == 1)
    }

    @Test func twoThreadsLoseAndRepeatNothing() throws {
        let pool = try TestPool.require()
        let start = pool.available
        let ring = try TestRing(cells: 512)
        let total = 200_000
        let done = DispatchSemaphore(value: 0)
        let producer = ring.producer()
        Thread.detachNewThread {
            var sent = 0
            var random = SystemRandomNumberGenerator()
            while sent < total {
                guard let mbuf = pool.take() else { continue }
                mbuf.enterGraph(rxInterface: 1)
                mbuf.setLength(8 + Int.random(in: 0..<300, using: &random))
                mbuf.data.storeBytes(of: UInt64(sent), as: UInt64.self)
                var copy = mbuf
                while producer.write(&copy, count: 1, next: .ethernetInput, now: 1).packets == 0 {}
                pool.give(mbuf)
                sent += 1
            }
            done.signal()
        }
        var expected: UInt64 = 0
        var outOfOrder = 0
        while expected < UInt64(total) {
            _ = drain(ring, pool) { mbuf, _ in
                if mbuf.data.load(as: UInt64.self) != expected { outOfOrder += 1 }
                expected += 1
            }
        }
        done.wait()
        #expect(outOfOrder == 0)
        #expect(pool.available == start)
    }
}
