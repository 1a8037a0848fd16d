import Coordination
import Forwarding
import PacketBuffers
import PacketGraph
import Testing

@testable import PacketNodes

@MainActor
@Suite struct NeighbourHoldTests {
    static func held(_ router: TestRouter) -> UInt64 { router.block.pointer(.held).pointee }

    static func request(for target: UInt32, by interface: UInt8) -> Packet {
        var request = Packet.ARP(
            senderMAC: Packet.mac(interface),
            sender: address(10, 0, interface, 1),
            target: target
        ).frame
        request.bytes += Array(repeating: 0, count: 18)
        return request
    }

    @Test(arguments: [
        (address(10, 0, 2, 33), address(10, 0, 2, 33)),
        (address(50, 1, 1, 1), address(10, 0, 2, 77)),
    ])
    func aPacketWaitsForItsNeighbour(destination: UInt32, nextHop: UInt32) throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(destination: destination)
        try router.run([packet.frame])
        #expect(router.sent().map(\.packet) == [Self.request(for: nextHop, by: 2)])
        #expect(Self.held(router) == 1)
        // The neighbour becomes known.
        router.adjacencies.append(
            TestRouter.rewrite(interface: 2, nextHop: nextHop, mac: Packet.mac(0x29), mtu: 1500)
        )
        let leaf = UInt32(router.adjacencies.count - 1)
        router.epoch += 1
        router.publish()
        try router.fib.insert(prefix: destination, length: 32, leaf: leaf)
        router.turn(afterMilliseconds: 1)
        #expect(router.sent().map(\.packet) == [ForwardingPathTests.forwarded(packet)])
        #expect(Self.held(router) == 0)
        router.turn(afterMilliseconds: 5000)
        #expect(router.sent().isEmpty)
        #expect(router.pool.available == router.buffers)
    }

    @Test func theNewestPacketIsHeldAndOneRequestSent() throws {
        let router = try TestRouter()
        let packets = (0..<5).map {
            Packet.IPv4(destination: address(10, 0, 2, 33), identification: UInt16($0))
        }
        try router.run(packets.map(\.frame))
        #expect(router.sent().count == 1)
        #expect(router.counter("ip4-glean", "ARP hold replaced") == 4)
        #expect(router.counter("ip4-glean", "ARP requests sent") == 1)
        #expect(router.interfaceDrops == 4)
        #expect(router.pool.available == router.buffers - 1)
        try router.fib.insert(
            prefix: address(10, 0, 2, 33),
            length: 32,
            leaf: TestRouter.Index.rewrite + 2
        )
        router.epoch += 1
        router.publish()
        router.turn(afterMilliseconds: 1)
        #expect(router.sent().map(\.packet) == [ForwardingPathTests.forwarded(packets[4])])
    }

    @Test func threeRequestsThenHostUnreachable() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(destination: address(10, 0, 2, 33))
        try router.run([packet.frame])
        var requests = router.sent().count
        var answers: [Packet] = []
        for millisecond in 1...3500 {
            router.turn(afterMilliseconds: 1)
            for sent in router.sent() {
                if sent.node == "tx-2" { requests += 1 } else { answers.append(sent.packet) }
            }
            if millisecond < 3000 { #expect(answers.isEmpty) }
            if millisecond == 999 { #expect(requests == 1) }
            if millisecond == 1999 { #expect(requests == 2) }
        }
        #expect(requests == 3)
        try #require(answers.count == 1)
        #expect(
            answers[0] == ICMPTests.message(about: packet, type: 3, code: 1, like: answers[0])
        )
        #expect(Self.held(router) == 0)
        #expect(router.pool.available == router.buffers)
        // It starts over with the next packet.
        try router.run([packet.frame])
        #expect(router.sent().count == 1)
        for _ in 0..<40 { router.turn(afterMilliseconds: 100) }
        #expect(router.pool.available == router.buffers)
    }

    @Test func packetsThatAreStillUnresolvedKeepTheirTime() throws {
        let router = try TestRouter()
        try router.run([Packet.IPv4(destination: address(10, 0, 2, 33)).frame])
        _ = router.sent()
        for _ in 0..<29 {
            router.epoch += 1
            router.publish()
            router.turn(afterMilliseconds: 100)
        }
        #expect(Self.held(router) == 1)
        #expect(router.counter("ip4-glean", "ARP requests sent") == 1)
        #expect(router.counter("arp-hold-input", "ARP requests repeated") == 2)
        for _ in 0..<3 { router.turn(afterMilliseconds: 100) }
        #expect(Self.held(router) == 0)
        #expect(router.counter("arp-hold-input", "ARP not answered") == 1)
        #expect(router.pool.available == router.buffers)
    }

    @Test func theTableIsBoundedAndRequestsAreThrottled() throws {
        let router = try TestRouter()
        // A subnet of 65,536 addresses behind interface 2.
        router.addresses[1].mask = 0xFFFF_0000
        router.publish()
        try router.fib.insert(
            prefix: address(10, 9, 0, 0),
            length: 16,
            leaf: TestRouter.Index.glean + 2
        )
        for start in stride(from: 0, to: 2048, by: 128) {
            try router.run(
                (start..<start + 128).map {
                    Packet.IPv4(destination: address(10, 9, 0, 0) + UInt32($0)).frame
                }
            )
        }
        let held = Self.held(router)
        let full = router.counter("ip4-glean", "ARP hold table full")
        let sent = router.counter("ip4-glean", "ARP requests sent")
        let throttled = router.counter("ip4-glean", "ARP requests throttled")
        #expect(held + full == 2048)
        #expect(held <= 1024 && held > 900)
        #expect(sent + throttled == held)
        #expect(sent <= 512 && sent > 300)
        #expect(router.sent().count == Int(sent))
        // What was throttled is asked for at the next sweep.
        router.turn(afterMilliseconds: 20)
        #expect(router.sent().count == Int(throttled), "\(router.counters)")
        #expect(router.pool.available == router.buffers - Int(held))
        for _ in 0..<50 { router.turn(afterMilliseconds: 100) }
        #expect(Self.held(router) == 0)
        #expect(router.pool.available == router.buffers)
    }

    @Test func withoutBuffersThePacketWaitsAndTheRequestComesLater() throws {
        let router = try TestRouter()
        let packet = try router.mbuf(Packet.IPv4(destination: address(10, 0, 2, 33)).frame)
        var taken: [Mbuf] = []
        while let mbuf = router.pool.take() { taken.append(mbuf) }
        let index = try #require(router.description.index(of: "ethernet-input"))
        router.graph.append([packet], count: 1, to: UInt16(index))
        router.graph.dispatchPending()
        #expect(router.sent().isEmpty)
        #expect(router.counter("ip4-glean", "ARP requests out of buffer") == 1)
        #expect(router.block.pointer(.bufferFailures).pointee == 1)
        router.pool.give(taken, count: taken.count)
        router.turn(afterMilliseconds: 20)
        #expect(router.sent().count == 1)
        for _ in 0..<50 { router.turn(afterMilliseconds: 100) }
        #expect(router.pool.available == router.buffers)
    }

    @Test func anInterfaceWithoutAddressDoesNotAsk() throws {
        let router = try TestRouter()
        try router.fib.insert(prefix: 0x6300_0000, length: 8, leaf: TestRouter.Index.arp + 5)
        try router.run([Packet.IPv4(destination: 0x6300_0001).frame])
        #expect(router.sent().isEmpty)
        #expect(router.counter("ip4-arp", "no source address for ARP request") == 1)
        for _ in 0..<50 { router.turn(afterMilliseconds: 100) }
        #expect(router.sent().map(\.node) == ["tx-1"])
        #expect(router.pool.available == router.buffers)
    }
}
