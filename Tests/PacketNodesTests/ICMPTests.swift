import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct ICMPTests {
    /// The message that the router sends about a packet, worked out by the book; its identification
    /// is taken over.
    static func message(
        about packet: Packet.IPv4,
        type: UInt8,
        code: UInt8,
        mtu: UInt16 = 0,
        like sent: Packet,
        to host: UInt8 = 0x19,
        interface: UInt8 = 1
    ) -> Packet {
        let quoted = Array(packet.inner.prefix(548))
        let rest = [0, 0, UInt8(mtu >> 8), UInt8(mtu & 255)]
        var message = Packet.IPv4(
            to: Packet.mac(host),
            from: Packet.mac(interface),
            source: address(10, 0, interface, 1),
            destination: packet.source,
            timeToLive: 255,
            number: 1,
            typeOfService: 0xC0,
            identification: sent.word(18)
        )
        message.payload = Packet.icmp(type: type, code: code, rest: rest, data: quoted)
        return message.frame
    }

    @Test(arguments: [0, 1, 8, 55, 56, 57, 1471, 1472])
    func echoRequestsAreAnsweredInPlace(bytes: Int) throws {
        let router = try TestRouter()
        var request = Packet.IPv4(
            destination: address(10, 0, 2, 1),
            timeToLive: 3,
            number: 1,
            typeOfService: 4,
            fragment: 0x4000
        )
        request.payload = Packet.icmp(type: 8, data: (0..<bytes).map { UInt8($0 & 255) })
        var reply = request
        reply.to = Packet.mac(0x19)
        reply.from = Packet.mac(1)
        reply.source = request.destination
        reply.destination = request.source
        reply.timeToLive = 64
        reply.payload = Packet.icmp(type: 0, data: (0..<bytes).map { UInt8($0 & 255) })
        request.padding = 4
        try router.run([request.frame])
        #expect(router.sent().map(\.packet) == [reply.frame])
        #expect(router.counters == ["ip4-icmp-echo-request: echo replies sent": 1])
        #expect(router.pool.available == router.buffers)
    }

    @Test func everyChecksumOfAnEchoReplyIsRight() throws {
        let router = try TestRouter()
        for start in stride(from: 0, to: 65_536, by: 256) {
            var requests: [Packet] = []
            var replies: [Packet] = []
            for value in start..<start + 256 {
                let rest = [UInt8(value >> 8), UInt8(value & 255), 0, 0]
                var packet = Packet.IPv4(
                    destination: address(10, 0, 1, 1),
                    number: 1,
                    identification: UInt16(value),
                    payload: Packet.icmp(type: 8, rest: rest, data: [])
                )
                requests.append(packet.frame)
                (packet.source, packet.destination) = (packet.destination, packet.source)
                (packet.to, packet.from) = (packet.from, packet.to)
                packet.payload = Packet.icmp(type: 0, rest: rest, data: [])
                replies.append(packet.frame)
            }
            try router.run(requests)
            #expect(router.sent().map(\.packet) == replies)
        }
    }

    @Test(arguments: [0, 1, 100, 520, 521, 1000, 1472])
    func aPacketWhoseTTLEndsIsAnsweredTimeExceeded(bytes: Int) throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            timeToLive: 1,
            payload: Packet.udp(Array(repeating: 0x5A, count: bytes))
        )
        try router.run([packet.frame])
        let sent = router.sent()
        try #require(sent.count == 1)
        #expect(
            sent[0].packet == Self.message(about: packet, type: 11, code: 0, like: sent[0].packet)
        )
        #expect(sent[0].packet.bytes.count <= 14 + 576)
        #expect(
            router.counters == [
                "ip4-rewrite: ip4 ttl <= 1": 1, "ip4-icmp-error: ttl exceeded response sent": 1,
            ]
        )
        #expect(router.pool.available == router.buffers)
    }

    @Test func aTTLOfZeroIsAnsweredAtTheDoor() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(timeToLive: 0)
        try router.run([packet.frame])
        let sent = router.sent()
        try #require(sent.count == 1)
        #expect(
            sent[0].packet == Self.message(about: packet, type: 11, code: 0, like: sent[0].packet)
        )
        #expect(router.counter("ip4-input", "ip4 ttl < 1") == 1)
    }

    @Test(arguments: [
        (address(99, 1, 1, 1), UInt8(0), "ip4 destination lookup miss"),
        (address(42, 1, 1, 1), 0, "ip4 unreachable route"),
        (address(41, 1, 1, 1), 13, "ip4 prohibited route"),
    ])
    func aPacketWithoutAWayIsAnsweredUnreachable(
        destination: UInt32,
        code: UInt8,
        reason: String
    ) throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(destination: destination)
        try router.run([packet.frame])
        let sent = router.sent()
        try #require(sent.count == 1)
        #expect(
            sent[0].packet == Self.message(about: packet, type: 3, code: code, like: sent[0].packet)
        )
        #expect(
            router.counters == [
                "ip4-lookup: \(reason)": 1,
                "ip4-icmp-error: destination unreachable response sent": 1,
            ]
        )
    }

    @Test(arguments: [(17, UInt8(3)), (6, 3), (47, 2), (0, 2), (255, 2)] as [(UInt8, UInt8)])
    func aProtocolThatTheRouterDoesNotSpeakIsRefused(number: UInt8, code: UInt8) throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            destination: address(10, 0, 1, 1),
            number: number,
            payload: Packet.udp(Array(repeating: 1, count: 20))
        )
        try router.run([packet.frame])
        let sent = router.sent()
        try #require(sent.count == 1)
        #expect(
            sent[0].packet == Self.message(about: packet, type: 3, code: code, like: sent[0].packet)
        )
    }

    @Test func aPacketThatMayNotBeCutIsAnsweredWithTheMTU() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            destination: address(24, 1, 1, 1),
            fragment: 0x4000,
            payload: Packet.udp(Array(repeating: 1, count: 549))
        )
        try router.run([packet.frame])
        let sent = router.sent()
        try #require(sent.count == 1)
        let expected = Self.message(about: packet, type: 3, code: 4, mtu: 576, like: sent[0].packet)
        #expect(sent[0].packet == expected)
        #expect(router.counter("ip4-rewrite", "ip4 MTU exceeded and DF set") == 1)
        var fits = packet
        fits.payload = Packet.udp(Array(repeating: 1, count: 548))
        try router.run([fits.frame])
        #expect(router.sent().map(\.packet) == [ForwardingPathTests.forwarded(fits, by: 4)])
    }

    @Test func messagesComeFromTheAddressNearestToTheSender() throws {
        let router = try TestRouter()
        // Interface 1 gets a second address, on the sender's subnet.
        router.addresses += [
            AddressEntry(address: address(10, 0, 1, 1), mask: 0xFFFF_FF00),
            AddressEntry(address: address(20, 9, 9, 1), mask: 0xFFFF_FF00),
        ]
        router.interfaces[1].addressOffset = UInt16(router.addresses.count - 2)
        router.interfaces[1].addressCount = 2
        router.publish()
        try router.run([
            Packet.IPv4(source: address(20, 9, 9, 9), destination: address(99, 0, 0, 1)).frame,
            Packet.IPv4(source: address(20, 1, 1, 1), destination: address(99, 0, 0, 1)).frame,
        ])
        let sources = router.sent().map { Array($0.packet.bytes[26..<30]) }
        #expect(sources == [[20, 9, 9, 1], [10, 0, 1, 1]])
    }

    @Test func whatMustNotBeAnsweredIsNot() throws {
        let far = address(99, 0, 0, 1)
        func icmp(_ type: UInt8) -> [UInt8] { Packet.icmp(type: type, data: [1, 2, 3]) }
        let cases: [(Packet.IPv4, String, UInt16)] = [
            (.init(destination: far, number: 1, payload: icmp(3)), "an error message", 1),
            (.init(destination: far, number: 1, payload: icmp(11)), "an error message", 1),
            (.init(destination: far, number: 1, payload: icmp(5)), "an error message", 1),
            (.init(destination: far, number: 1, payload: []), "an error message", 1),
            (.init(destination: far, fragment: 8), "a later fragment", 1),
            (.init(destination: address(10, 0, 1, 255), timeToLive: 0), "a broadcast", 1),
        ]
        for (packet, what, interface) in cases {
            let router = try TestRouter()
            try router.run([packet.frame], interface: interface)
            #expect(router.sent().isEmpty)
            #expect(router.counter("ip4-icmp-error", "no error message about \(what)") == 1)
            #expect(router.interfaceDrops == 1)
            #expect(router.pool.available == router.buffers)
        }
    }

    @Test func aSenderThatIsABroadcastAddressIsNotAnswered() throws {
        let router = try TestRouter()
        try router.run([Packet.IPv4(source: address(10, 0, 1, 255), destination: 0x6300_0001).frame]
        )
        let reason = "no error message to an address that is no host's"
        #expect(router.counter("ip4-icmp-error", reason) == 1)
        #expect(router.sent().isEmpty)
    }

    @Test func anInterfaceWithoutAddressIsNoPartOfTheRouter() throws {
        let router = try TestRouter()
        try router.run(
            [Packet.IPv4(to: Packet.mac(5), destination: 0x6300_0001).frame],
            interface: 5
        )
        #expect(router.counter("ethernet-input", "ip4 not enabled on interface") == 1)
        #expect(router.interfaceDrops == 1)
        #expect(router.sent().isEmpty)
    }

    @Test func queriesAreAnsweredWithErrors() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            destination: address(99, 0, 0, 1),
            number: 1,
            payload: Packet.icmp(type: 8, data: [1])
        )
        try router.run([packet.frame])
        #expect(router.sent().count == 1)
    }

    @Test func messagesAreThrottledForTenMicroseconds() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(destination: address(99, 0, 0, 1)).frame
        try router.run([packet, packet, packet])
        #expect(router.sent().count == 1)
        #expect(router.counter("ip4-icmp-error", "error message throttled") == 2)
        router.context.pointee.now += 9_999
        try router.run([packet])
        #expect(router.sent().isEmpty)
        router.context.pointee.now += 1
        try router.run([packet])
        #expect(router.sent().count == 1)
        #expect(router.pool.available == router.buffers)
    }

    @Test func ownPacketsAreNotAnswered() throws {
        let router = try TestRouter()
        // An echo request from an address that has no route back.
        let packet = Packet.IPv4(
            source: address(99, 0, 0, 1),
            destination: address(10, 0, 1, 1),
            number: 1,
            payload: Packet.icmp(type: 8, data: [])
        )
        try router.run([packet.frame])
        #expect(router.sent().isEmpty)
        #expect(router.counter("ip4-icmp-error", "no error message about an own packet") == 1)
    }

    @Test func aReplyThatDoesNotFitAndMayNotBeCutIsDropped() throws {
        let router = try TestRouter()
        let packet = Packet.IPv4(
            source: address(24, 0, 0, 1),
            destination: address(10, 0, 1, 1),
            number: 1,
            fragment: 0x4000,
            payload: Packet.icmp(type: 8, data: Array(repeating: 0, count: 600))
        )
        try router.run([packet.frame])
        #expect(router.sent().isEmpty)
        #expect(router.counter("ip4-rewrite", "ip4 own packet, MTU exceeded and DF set") == 1)
    }

    @Test func aPacketWithoutHeadroomIsDroppedNotOverrun() throws {
        let router = try TestRouter()
        for (destination, node, reason) in [
            (address(20, 0, 0, 1), "ip4-rewrite", "no room for the ethernet header"),
            (address(99, 0, 0, 1), "ip4-icmp-error", "no room for the error message"),
        ] {
            let mbuf = try router.mbuf(Packet(Packet.IPv4(destination: destination).inner))
            let bytes = mbuf.length
            mbuf.advance(-mbuf.headroom)
            mbuf.setLength(bytes)
            mbuf.data.copyMemory(
                from: Packet.IPv4(destination: destination).inner,
                byteCount: bytes
            )
            let index = try #require(router.description.index(of: "ip4-input"))
            router.graph.append([mbuf], count: 1, to: UInt16(index))
            router.graph.dispatchPending()
            #expect(router.counter(node, reason) == 1)
        }
        #expect(router.pool.available == router.buffers)
    }
}
