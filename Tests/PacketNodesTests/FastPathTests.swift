import ControlProtocol
import Coordination
import PacketBuffers
import PacketGraph
import Testing

@testable import PacketNodes

/// The fast path beside the graph nodes whose work it does: the same packets, bytes, metadata and counters.
@MainActor
@Suite struct FastPathTests {
    /// A router with the fast path and one without.
    struct Pair {
        let fast: TestRouter
        let plain: TestRouter

        @MainActor
        init() throws {
            fast = try TestRouter()
            plain = try TestRouter()
            plain.context.pointee.usesFastPath = false
            for router in [fast, plain] {
                router.interfaces[6] = InterfaceEntry(
                    mac: router.interfaces[6].mac,
                    mtu: 1500,
                    flags: InterfaceEntry.up,
                    addressOffset: 5,
                    addressCount: 1,
                    handoffCount: 2
                )
                router.publish()
            }
        }

        /// Sends frames of these packets through both, and compares what came of it.
        func run(_ packets: [(packet: Packet, interface: UInt16)], _ what: String) throws {
            for router in [fast, plain] {
                let input = try #require(router.description.index(of: "ethernet-input"))
                var mbufs: [Mbuf] = []
                for (packet, interface) in packets {
                    mbufs.append(try router.mbuf(packet, interface: interface))
                }
                router.graph.append(mbufs, count: mbufs.count, to: UInt16(input))
                router.graph.dispatchPending()
            }
            #expect(Self.seen(fast) == Self.seen(plain), "\(what)")
            #expect(fast.counters == plain.counters, "\(what)")
            #expect(Self.vectors(fast) == Self.vectors(plain), "\(what)")
        }

        /// Lets the last packets that wait for a neighbour time out; none is lost on either way.
        func settle(_ what: String) {
            for router in [plain, fast] {
                for _ in 0..<70 { router.turn(afterMilliseconds: 100) }
                _ = router.sent()
            }
            #expect(fast.pool.available == fast.buffers, "\(what)")
        }

        /// What left by each node, in an order that does not depend on who was first.
        private static func seen(_ router: TestRouter) -> [[UInt64]] {
            let metadata = router.capture.metadata
            return zip(router.sent(), metadata).map { sent, metadata in
                let node = UInt64(router.description.index(of: sent.node) ?? 0)
                return [node, UInt64(sent.rxInterface), UInt64(sent.flowHash)] + metadata
                    + sent.packet.bytes.map(UInt64.init)
            }
            .sorted { $0.lexicographicallyPrecedes($1) }
        }

        /// The packets that each graph node has counted.
        private static func vectors(_ router: TestRouter) -> [String: UInt64] {
            var result: [String: UInt64] = [:]
            for (index, entry) in router.description.entries.enumerated() {
                let word = LaneBlock.NodeWord.vectors.rawValue
                result[entry.name] = router.block.node(index)[word]
            }
            return result
        }
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func randomPacketsFareAlike(seed: UInt64) throws {
        let pair = try Pair()
        let templates = RandomPacketTests.templates()
        var generator = RandomPacketTests.Generator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        var total = 0
        while total < 20_000 {
            let count = Int.random(in: 1...256, using: &generator)
            let packets = (0..<count).map { _ in
                let interface = UInt16.random(in: 0...8, using: &generator)
                var packet = templates[Int.random(in: 0..<templates.count, using: &generator)]
                packet[5] = UInt8(interface)
                if Bool.random(using: &generator) {
                    packet = RandomPacketTests.mutate(packet, &generator)
                }
                return (packet: packet, interface: interface)
            }
            try pair.run(packets, "seed \(seed), packets from \(total) on")
            total += count
            for router in [pair.fast, pair.plain] {
                router.turn(afterMilliseconds: 1)
                _ = router.sent()
            }
        }
        pair.settle("seed \(seed)")
    }

    /// A packet that takes the fast path, for the tests to spoil.
    private static func plainPacket() -> Packet {
        Packet.IPv4(
            destination: address(20, 1, 1, 1),
            timeToLive: 64,
            number: 17,
            options: [],
            payload: Packet.udp(Array(repeating: 3, count: 40))
        ).frame
    }

    private static func refreshed(_ packet: Packet) -> Packet {
        var packet = packet
        packet.setWord(0, at: 24)
        packet.setWord(Packet.checksum(packet.bytes[14..<34]), at: 24)
        return packet
    }

    @Test func aPlainPacketLeavesOutFourNodes() throws {
        let pair = try Pair()
        let packets = Array(repeating: (packet: Self.plainPacket(), interface: UInt16(1)), count: 3)
        try pair.run(packets, "plain")
        for (router, isFast) in [(pair.fast, true), (pair.plain, false)] {
            for name in ["ip4-input", "ip4-lookup", "ip4-rewrite", "interface-output"] {
                let words = router.block.node(try #require(router.description.index(of: name)))
                #expect(words[LaneBlock.NodeWord.calls.rawValue] == 1)
                #expect(words[LaneBlock.NodeWord.vectors.rawValue] == 3)
                #expect((words[LaneBlock.NodeWord.clocks.rawValue] == 0) == isFast, "\(name)")
            }
        }
    }

    @Test func everyValueOfEveryHeaderByteFaresAlike() throws {
        let pair = try Pair()
        for offset in 0..<42 {
            for isRefreshed in [false, true] where !isRefreshed || (14..<34).contains(offset) {
                let packets = (0...255).map { value in
                    var packet = Self.plainPacket()
                    packet[offset] = UInt8(value)
                    return (
                        packet: isRefreshed ? Self.refreshed(packet) : packet, interface: UInt16(1)
                    )
                }
                try pair.run(packets, "byte \(offset), checksum right: \(isRefreshed)")
            }
        }
        pair.settle("header bytes")
    }

    @Test func everyChecksumFaresAlike() throws {
        let pair = try Pair()
        // One whose sum without the checksum is 0xFFFF, so that the checksum may be 0 and 0xFFFF.
        var even = Self.plainPacket()
        even.setWord(0, at: 24)
        even.setWord(0, at: 18)
        even.setWord(Packet.checksum(even.bytes[14..<34]), at: 18)
        for template in [Self.plainPacket(), even] {
            for high in 0...255 {
                let packets = (0...255).map { low in
                    var packet = template
                    packet.setWord(UInt16(high << 8 | low), at: 24)
                    return (packet: packet, interface: UInt16(1))
                }
                try pair.run(packets, "checksums \(high)")
            }
        }
    }

    @Test func everyTotalLengthAndPaddingFaresAlike() throws {
        let pair = try Pair()
        for padding in [0, 1, 18, 600] {
            for start in stride(from: 0, to: 1000, by: 250) {
                let packets = (start..<start + 250).map { total in
                    var packet = Self.plainPacket()
                    packet.bytes += Array(repeating: 0xCC, count: padding)
                    packet.setWord(UInt16(total), at: 16)
                    return (packet: Self.refreshed(packet), interface: UInt16(1))
                }
                try pair.run(packets, "padding \(padding), total length from \(start) on")
            }
        }
    }

    @Test func tracedCallsGoFromNodeToNode() throws {
        let router = try TestRouter()
        let packet = try router.mbuf(Self.plainPacket())
        packet.flags = MbufFlags.traced
        let input = try #require(router.description.index(of: "ethernet-input"))
        router.graph.append([packet], count: 1, to: UInt16(input))
        router.graph.dispatchPending()
        let lookup = router.block.node(try #require(router.description.index(of: "ip4-lookup")))
        #expect(lookup[LaneBlock.NodeWord.clocks.rawValue] > 0)
        #expect(router.sent().count == 1)
    }
}
