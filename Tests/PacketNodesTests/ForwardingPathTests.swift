import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct ForwardingPathTests {
    /// What the router makes of a packet that it forwards by interface `number`.
    static func forwarded(_ packet: Packet.IPv4, by number: UInt8 = 2) -> Packet {
        var packet = packet
        packet.to = Packet.mac(number << 4 | 9)
        packet.from = Packet.mac(number)
        packet.timeToLive -= 1
        packet.padding = 0
        return packet.frame
    }

    @Test(arguments: [1, 3, 4, 11, 12, 13, 256])
    func framesOfAnySizeAreForwardedInOrder(count: Int) throws {
        let router = try TestRouter()
        let packets = (0..<count).map { index -> Packet.IPv4 in
            var packet = Packet.IPv4(identification: UInt16(index * 257))
            packet.destination = address(20, 1, 0, 0) + UInt32(index)
            packet.timeToLive = UInt8(2 + index % 250)
            packet.padding = index % 3 == 0 ? 5 : 0
            return packet
        }
        try router.run(packets.map(\.frame))
        let sent = router.sent()
        #expect(sent.map(\.packet) == packets.map { Self.forwarded($0) })
        #expect(sent.allSatisfy { $0.node == "tx-2" && $0.rxInterface == 1 })
        #expect(router.counters.isEmpty)
        #expect(router.pool.available == router.buffers)
    }

    @Test(arguments: [1, 12, 256])
    func packetsOfAnInterfaceWithFeaturesComeToTheLookupToo(count: Int) throws {
        let router = try TestRouter()
        router.interfaces[1].flags |= InterfaceEntry.hasFeatures
        router.publish()
        let packets = (0..<count).map { Packet.IPv4(identification: UInt16($0)) }
        let unknown = Packet.IPv4(fragment: 1)
        try router.run(packets.map(\.frame) + [unknown.frame].prefix(count < 256 ? 1 : 0))
        #expect(router.sent().map(\.packet) == packets.map { Self.forwarded($0) })
        let refused = router.counter("ip4-input-features", "ip4 fragment offset == 1")
        #expect(refused == (count < 256 ? 1 : 0), "\(router.counters)")
    }

    @Test(arguments: [1, 3, 4, 11, 12, 13, 256])
    func mixedFramesKeepEachPacketsWay(count: Int) throws {
        let router = try TestRouter()
        let nets: [UInt8] = [20, 24, 40, 20]
        let packets = (0..<count).map {
            Packet.IPv4(destination: address(nets[$0 % 4], 1, 2, 3), identification: UInt16($0))
        }
        try router.run(packets.map(\.frame))
        let sent = router.sent()
        let by2 = packets.filter { $0.destination >> 24 == 20 }.map { Self.forwarded($0) }
        let by4 = packets.filter { $0.destination >> 24 == 24 }.map { Self.forwarded($0, by: 4) }
        #expect(sent.filter { $0.node == "tx-2" }.map(\.packet) == by2)
        #expect(sent.filter { $0.node == "tx-4" }.map(\.packet) == by4)
        let drops = UInt64(count - by2.count - by4.count)
        #expect(router.counter("ip4-lookup", "ip4 adjacency drop") == drops)
        #expect(router.interfaceDrops == drops)
        #expect(router.pool.available == router.buffers)
    }

    @Test func optionsAreCarriedAlong() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(options: [0x94, 4, 0, 0, 1, 1, 1, 0])
        try router.run([packet.frame])
        #expect(router.sent().map(\.packet) == [Self.forwarded(packet)])
    }

    @Test func everyChecksumIsRightAfterTheTTLChanged() throws {
        let router = try TestRouter()
        // Identifications run through all values of the checksum, 0x0000 and 0xFFFE among them.
        for start in stride(from: 0, to: 65_536, by: 256) {
            let packets = (start..<start + 256).map {
                Packet.IPv4(timeToLive: 5, identification: UInt16($0))
            }
            try router.run(packets.map(\.frame))
            #expect(router.sent().map(\.packet) == packets.map { Self.forwarded($0) })
        }
    }

    @Test func aFlowStaysOnItsPathAndFlowsSpread() throws {
        let router = try TestRouter()
        let packets = (0..<200).map {
            Packet.IPv4(
                destination: address(30, 1, 2, 3),
                payload: Packet.udp([1], from: UInt16(1000 + $0 % 100))
            )
        }
        try router.run(packets.map(\.frame))
        let sent = router.sent()
        var paths: [UInt16: Set<String>] = [:]
        for (node, packet, _, _) in sent { paths[packet.word(34), default: []].insert(node) }
        #expect(paths.count == 100)
        #expect(paths.values.allSatisfy { $0.count == 1 })
        let by4 = sent.filter { $0.node == "tx-4" }.count
        #expect(by4 > 50 && by4 < 150)
        #expect(sent.allSatisfy { $0.flowHash != 0 })
    }

    @Test func theFragmentsOfAPacketTakeOnePath() throws {
        let router = try TestRouter()
        for port in UInt16(0)..<40 {
            let first = Packet.IPv4(
                destination: address(30, 1, 2, 3),
                fragment: 0x2000,
                payload: Packet.udp([], from: port)
            )
            let second = Packet.IPv4(
                destination: address(30, 1, 2, 3),
                fragment: 2,
                payload: Array(repeating: UInt8(port), count: 9)
            )
            try router.run([first.frame, second.frame])
            #expect(Set(router.sent().map(\.node)).count == 1)
        }
    }

    @Test func packetsAreSpreadBeforeAnythingElseAndOnlyOnce() throws {
        let router = try TestRouter()
        router.interfaces[1].handoffCount = 2
        router.interfaces[1].flags |= InterfaceEntry.handsOver
        router.publish()
        let packet = Packet.IPv4().frame
        let other = Packet.ARP().frame
        try router.run([packet, other])
        let sent = router.sent()
        #expect(sent.map(\.node) == ["worker-handoff", "worker-handoff"])
        #expect(sent.map(\.packet) == [packet, other])
        #expect(sent[1].flowHash == 0)
        // CRC-32C (Castagnoli, reflected, seed 0, not inverted) of the addresses, the protocol
        // folded in.
        var key = Array(packet.bytes[26..<34])
        key[0] ^= 17
        #expect(sent[0].flowHash == Self.crc32c(key))
        let mbuf = try router.mbuf(packet)
        mbuf.flags = MbufFlags.handedOver
        let node = try #require(router.description.index(of: "ethernet-input"))
        router.graph.append([mbuf], count: 1, to: UInt16(node))
        router.graph.dispatchPending()
        #expect(router.sent().map(\.node) == ["tx-2"])
    }

    @Test func theSymmetricHashIsTheSameBothWays() throws {
        let router = try TestRouter()
        router.interfaces[1].handoffCount = 2
        router.interfaces[1].flags |= InterfaceEntry.handsOver
        router.interfaces[1].flags |= InterfaceEntry.symmetricHandoff
        router.publish()
        let there = Packet.IPv4()
        let back = Packet.IPv4(source: there.destination, destination: there.source)
        try router.run([there.frame, back.frame])
        let sent = router.sent()
        #expect(sent[0].flowHash == sent[1].flowHash && sent[0].flowHash != 0)
    }

    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
        }
        return crc
    }

    @Test func packetsToAnUnknownInterfaceAreDropped() throws {
        let router = try TestRouter()
        router.outputNodes[2] = InterfaceOutput.noNode
        try router.run([Packet.IPv4().frame])
        #expect(router.counters == ["interface-output: no such interface": 1])
    }

    @Test func aPacketWithoutAReasonIsCountedAsSuch() throws {
        let router = try TestRouter()
        try router.run([Packet.IPv4().frame], to: "error-drop")
        #expect(router.counters == ["error-drop: no reason given": 1])
        #expect(router.pool.available == router.buffers)
    }
}
