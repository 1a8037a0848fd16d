import Coordination
import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct IPv4FragmentTests {
    /// Puts fragments together again, checking each header on the way.
    static func reassemble(_ frames: [Packet], mtu: Int) throws -> [UInt8] {
        var data: [UInt8] = []
        for (index, frame) in frames.enumerated() {
            let header = Int(frame[14] & 15) * 4
            #expect(frame.bytes.count - 14 <= mtu)
            #expect(Int(frame.word(16)) == frame.bytes.count - 14)
            #expect(Packet.checksum(frame.bytes[14..<14 + header]) == 0)
            #expect(Int(frame.word(20) & 0x1FFF) * 8 == data.count)
            #expect((frame.word(20) & 0x2000 != 0) == (index < frames.count - 1))
            data += frame.bytes[(14 + header)...]
        }
        return data
    }

    @Test(arguments: [549, 552, 553, 1000, 1104, 1105, 1472])
    func aPacketThatIsTooLongIsCutUp(bytes: Int) throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            destination: address(24, 1, 1, 1),
            payload: Packet.udp((0..<bytes).map { UInt8($0 & 255) })
        )
        try router.run([packet.frame])
        let sent = router.sent()
        #expect(try Self.reassemble(sent.map(\.packet), mtu: 576) == packet.payload)
        #expect(sent.allSatisfy { $0.node == "tx-4" && $0.rxInterface == 1 })
        #expect(sent.allSatisfy { $0.packet[22] == 63 && $0.packet.word(18) == 0x1234 })
        #expect(sent.allSatisfy { Array($0.packet.bytes[0..<6]) == Packet.mac(0x49) })
        #expect(router.counter("ip4-frag", "packets fragmented") == 1)
        #expect(router.counter("ip4-frag", "fragments sent") == UInt64(sent.count))
        #expect(sent.count == (bytes + 8 + 551) / 552)
        #expect(router.pool.available == router.buffers)
    }

    @Test func aFragmentIsCutUpInItsPlace() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            destination: address(24, 1, 1, 1),
            fragment: 0x2000 | 100,
            payload: Array(repeating: 9, count: 800)
        )
        try router.run([packet.frame])
        let sent = router.sent().map(\.packet)
        #expect(sent.map { $0.word(20) } == [0x2000 | 100, 0x2000 | 169])
        #expect(sent.map { $0.bytes.count - 34 } == [552, 248])
    }

    @Test func optionsGoWhereTheirCopyBitSays() throws {
        let router = try TestRouter()
        // Record route (not copied), no operation, router alert (copied), security-like 3 bytes
        // (copied), end.
        let options: [UInt8] = [7, 3, 4, 1, 0x94, 4, 0, 0, 0x82, 3, 7, 0]
        let packet = Packet.IPv4(
            destination: address(24, 1, 1, 1),
            options: options,
            payload: Array(repeating: 9, count: 800)
        )
        try router.run([packet.frame])
        let sent = router.sent().map(\.packet)
        try #require(sent.count == 2)
        #expect(Array(sent[0].bytes[34..<46]) == options)
        #expect(sent[0].bytes.count - 46 == 544)
        #expect(sent[1][14] == 0x47)
        #expect(Array(sent[1].bytes[34..<42]) == [0x94, 4, 0, 0, 0x82, 3, 7, 0])
        #expect(try Self.reassemble(sent, mtu: 576) == packet.payload)
    }

    @Test func withoutBuffersThePacketIsDropped() throws {
        let router = try TestRouter()
        let mbuf = try router.mbuf(
            Packet.IPv4(
                destination: address(24, 1, 1, 1),
                payload: Packet.udp(Array(repeating: 9, count: 900))
            )
            .frame
        )
        var taken: [Mbuf] = []
        while let mbuf = router.pool.take() { taken.append(mbuf) }
        let index = try #require(router.description.index(of: "ethernet-input"))
        router.graph.append([mbuf], count: 1, to: UInt16(index))
        router.graph.dispatchPending()
        #expect(router.counters == ["ip4-frag: no buffers for fragments": 1])
        #expect(router.block.pointer(.bufferFailures).pointee == 2)
        router.pool.give(taken, count: taken.count)
        #expect(router.pool.available == router.buffers)
    }

    @Test func anImpossibleMTUDropsRatherThanLoops() throws {
        let router = try TestRouter()
        router.adjacencies[Int(TestRouter.Index.rewrite) + 4] = TestRouter.rewrite(
            interface: 4,
            nextHop: address(10, 0, 4, 9),
            mac: Packet.mac(0x49),
            mtu: 67
        )
        router.publish()
        try router.run([
            Packet.IPv4(
                destination: address(24, 1, 1, 1),
                payload: Packet.udp(Array(repeating: 1, count: 90))
            )
            .frame
        ])
        #expect(router.counters == ["ip4-frag: MTU too small for fragments": 1])
    }
}
