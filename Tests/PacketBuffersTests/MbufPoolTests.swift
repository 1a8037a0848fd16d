import CDPDK
import PacketBuffers
import Testing

@Suite(.serialized) struct MbufPoolTests {
    @Test func aRebuiltPoolHasEveryBufferWhoeverHeldThem() throws {
        _ = try TestPool.require()
        let pool = try #require(
            MbufPool.create(name: "rebuilt", buffers: 1023, dataBytes: 2048, socket: -1)
        )
        let held = UnsafeMutablePointer<Mbuf>.allocate(capacity: 300)
        defer { held.deallocate() }
        #expect(pool.take(held, count: 300))
        for index in 0..<100 { held[index].pointer.pointee.refcnt = 7 }
        #expect(pool.available == 723)
        pool.rebuild()
        #expect(pool.available == 1023)
        // Each buffer once, and as good as new.
        var seen = Set<UnsafeMutablePointer<cw_mbuf>>()
        for _ in 0..<1023 {
            let mbuf = try #require(pool.take())
            #expect(mbuf.pointer.pointee.refcnt == 1)
            seen.insert(mbuf.pointer)
        }
        #expect(seen.count == 1023)
        #expect(pool.take() == nil)
    }

    @Test func aPoolThatIsEmptyGivesNothingRatherThanSome() throws {
        _ = try TestPool.require()
        let pool = try #require(
            MbufPool.create(name: "small", buffers: 63, dataBytes: 2048, socket: -1)
        )
        let held = UnsafeMutablePointer<Mbuf>.allocate(capacity: 64)
        defer { held.deallocate() }
        #expect(!pool.take(held, count: 64))
        #expect(pool.take(held, count: 63))
        pool.give(held, count: 63)
        #expect(pool.available == 63)
    }
}
