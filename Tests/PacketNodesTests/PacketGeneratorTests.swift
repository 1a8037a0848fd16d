import ControlProtocol
import Coordination
import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct PacketGeneratorTests {
    let router: TestRouter
    let generator: PacketGenerator

    init() throws {
        router = try TestRouter()
        generator = PacketGenerator(feeds: [router.feed], bufferBytes: 2048)
    }

    static func stream(
        _ packet: Packet,
        name: String = "s",
        limit: UInt64 = 0,
        rate: UInt64 = 0,
        sizes: ClosedRange<UInt16>? = nil,
        node: String = "ethernet-input"
    ) -> PacketGeneratorStream {
        let size = sizes ?? UInt16(packet.bytes.count)...UInt16(packet.bytes.count)
        return PacketGeneratorStream(
            name: name,
            graphNode: node,
            interface: 1,
            limit: limit,
            packetsPerSecond: rate,
            minimumBytes: size.lowerBound,
            maximumBytes: size.upperBound,
            template: packet.bytes
        )
    }

    func start(_ stream: PacketGeneratorStream) throws {
        _ = try generator.apply(.create(stream))
        _ = try generator.apply(.enable(name: stream.name, isEnabled: true))
    }

    @Test func aStreamMakesItsPacketsAndStopsAtItsLimit() throws {
        let packet = Packet.IPv4()
        try start(Self.stream(packet.frame, limit: 300))
        #expect((0..<3).map { _ in router.turn(afterMilliseconds: 1) } == [256, 44, 0])
        let sent = router.sent()
        #expect(sent.count == 300)
        #expect(Set(sent.map(\.packet)) == [ForwardingPathTests.forwarded(packet)])
        #expect(generator.made("s") == 300)
        let counters = router.block.interface(1)
        #expect(counters[LaneBlock.InterfaceWord.rxPackets.rawValue] == 300)
        #expect(
            counters[LaneBlock.InterfaceWord.rxBytes.rawValue]
                == UInt64(300 * packet.frame.bytes.count)
        )
        #expect(router.pool.available == router.buffers)
        // Enabling starts over.
        _ = try generator.apply(.enable(name: "", isEnabled: true))
        #expect(router.turn(afterMilliseconds: 1) == 256)
        #expect(generator.made("s") == 256)
    }

    @Test func aStreamStartsAtIPv4Input() throws {
        let packet = Packet.IPv4()
        try start(Self.stream(Packet(packet.inner), limit: 1, node: "ip4-input"))
        router.turn(afterMilliseconds: 1)
        #expect(router.sent().map(\.packet) == [ForwardingPathTests.forwarded(packet)])
    }

    @Test func aRateIsKeptOverSleepyAndBusyTurns() throws {
        try start(Self.stream(Packet.IPv4().frame, rate: 10_000))
        router.turn(afterMilliseconds: 1)
        var made = 0
        for _ in 0..<500 { made += router.turn(afterMilliseconds: 1) }
        #expect((4999...5001).contains(made))
        for _ in 0..<1000 {
            router.context.pointee.now += 10_000
            made += router.graph.pollInputs()
            router.graph.dispatchPending()
        }
        #expect((5099...5101).contains(made))
        // A second of sleep is made up for by one frame at most, and 10 ms.
        let late = router.turn(afterMilliseconds: 1000) + router.turn(afterMilliseconds: 0)
        #expect(late == 256)
    }

    @Test func sizesSweepAndHeadersFollow() throws {
        let template = Packet.IPv4(payload: Packet.udp([1, 2, 3, 4])).frame
        try start(Self.stream(template, limit: 250, sizes: 60...150))
        router.turn(afterMilliseconds: 1)
        let sent = router.sent().map(\.packet)
        #expect(sent.map(\.bytes.count) == (0..<250).map { 60 + $0 % 91 })
        for packet in sent {
            let pattern = (0..<packet.bytes.count - 46).map { UInt8($0) }
            let expected = Packet.IPv4(payload: Packet.udp([1, 2, 3, 4] + pattern))
            #expect(packet == ForwardingPathTests.forwarded(expected))
        }
    }

    /// A UDP payload with its checksum over the addresses of `packet`.
    static func withChecksum(_ packet: Packet.IPv4) -> Packet.IPv4 {
        var packet = packet
        let count = packet.payload.count
        packet.payload[6] = 0
        packet.payload[7] = 0
        let pseudo =
            Packet.bytes(of: packet.source) + Packet.bytes(of: packet.destination)
            + [0, 17, UInt8(count >> 8), UInt8(count & 255)]
        var checksum = Packet.checksum(pseudo + packet.payload)
        if checksum == 0 { checksum = 0xFFFF }
        packet.payload[6] = UInt8(checksum >> 8)
        packet.payload[7] = UInt8(checksum & 255)
        return packet
    }

    /// A field of whole bytes that counts up.
    static func field(
        at byte: Int,
        bits: UInt8 = 32,
        _ first: UInt32,
        _ last: UInt32,
        isRandom: Bool = false
    ) -> PacketGeneratorField {
        PacketGeneratorField(
            bitOffset: UInt32(byte * 8),
            bits: bits,
            first: UInt64(first),
            last: UInt64(last),
            isRandom: isRandom,
            text: "byte \(byte)"
        )
    }

    @Test func addressesCountUpThroughTheirRangesWithRightChecksums() throws {
        let base = Self.withChecksum(Packet.IPv4(payload: Packet.udp([9, 9, 9])))
        let (source, destination) = (address(10, 0, 1, 100), address(20, 0, 0, 250))
        var stream = Self.stream(base.frame, limit: 200, sizes: 60...61)
        stream.fields = [
            Self.field(at: 26, source, address(10, 0, 1, 106)),
            Self.field(at: 30, destination, address(20, 0, 1, 2)),
        ]
        try start(stream)
        router.turn(afterMilliseconds: 1)
        let sent = router.sent().map(\.packet)
        #expect(sent.count == 200)
        for (index, packet) in sent.enumerated() {
            var expected = base
            expected.destination = destination + UInt32(index % 9)
            expected.source = source + UInt32(index % 7)
            let padding = (0..<60 + index % 2 - 45).map { UInt8($0) }
            expected.payload = Packet.udp([9, 9, 9] + padding)
            expected = Self.withChecksum(expected)
            #expect(packet == ForwardingPathTests.forwarded(expected))
        }
    }

    @Test func randomAddressesFillTheirRange() throws {
        var stream = Self.stream(Packet.IPv4().frame, limit: 1024)
        stream.fields = [
            Self.field(at: 30, address(20, 0, 0, 0), address(20, 0, 0, 15), isRandom: true)
        ]
        try start(stream)
        for _ in 0..<4 { router.turn(afterMilliseconds: 1) }
        let sent = router.sent().map(\.packet)
        #expect(sent.count == 1024)
        #expect(Set(sent.map { $0[33] }) == Set(0...15))
        #expect(sent.allSatisfy { Packet.checksum($0.bytes[14..<34]) == 0 })
    }

    @Test func aBrokenTemplateStaysBroken() throws {
        var packet = Packet.IPv4().frame
        packet[24] ^= 0xFF
        try start(Self.stream(packet, limit: 10, sizes: 60...64))
        router.turn(afterMilliseconds: 1)
        #expect(router.counters == ["ip4-input: bad ip4 checksum": 10])
    }

    @Test func streamsRunSideBySideAndEnd() throws {
        try start(Self.stream(Packet.IPv4().frame, name: "a"))
        router.turn(afterMilliseconds: 1)
        try start(Self.stream(Packet.IPv4().frame, name: "b"))
        router.turn(afterMilliseconds: 1)
        #expect(generator.made("a") == 512)
        #expect(generator.made("b") == 256)
        _ = try generator.apply(.enable(name: "a", isEnabled: false))
        router.turn(afterMilliseconds: 1)
        _ = try generator.apply(.delete(name: "b"))
        #expect(router.turn(afterMilliseconds: 1) == 0)
        #expect(generator.made("a") == 512)
        #expect(generator.made("b") == nil)
        let text = try generator.apply(.show(from: 0))
        let status = try #require(PacketGeneratorStatus(line: text.dropLast()))
        #expect(status.stream.name == "a" && status.made == 512 && !status.isEnabled)
        #expect(try generator.apply(.show(from: 1)).isEmpty)
        _ = router.sent()
        #expect(router.pool.available == router.buffers)
    }

    @Test func withoutBuffersNothingIsMade() throws {
        try start(Self.stream(Packet.IPv4().frame, limit: 10))
        var taken: [Mbuf] = []
        while let mbuf = router.pool.take() { taken.append(mbuf) }
        #expect(router.turn(afterMilliseconds: 1) == 0)
        #expect(router.counter("pg-input", "no buffers to make packets in") == 10)
        router.pool.give(taken, count: taken.count)
        #expect(router.turn(afterMilliseconds: 1) == 10)
    }

    @Test func wrongStreamsAreRefused() throws {
        func refused(_ change: (inout PacketGeneratorStream) -> Void) -> PacketGeneratorError? {
            var stream = Self.stream(Packet.IPv4().frame)
            change(&stream)
            do throws(PacketGeneratorError) {
                _ = try generator.apply(.create(stream))
                return nil
            } catch {
                #expect(!error.description.isEmpty)
                return error
            }
        }
        #expect(refused { $0.lane = 1 } == .noSuchLane(1, lanes: 1))
        #expect(refused { $0.graphNode = "ip6-input" } == .graphNode("ip6-input"))
        #expect(refused { $0.interface = 256 } == .interface(256))
        #expect(refused { $0.framePackets = 257 } == .framePackets(257))
        #expect(refused { $0.minimumBytes = 0 } != nil)
        #expect(refused { $0.maximumBytes = 2049 } != nil)
        let byte = Self.field(at: 1, bits: 8, 3, 4)
        for field in [
            Self.field(at: 26, 9, 8), Self.field(at: 1000, 1, 2), Self.field(at: 1, bits: 0, 0, 0),
            Self.field(at: 1, bits: 4, 1, 16), Self.field(at: 1, bits: 64, 1, 16),
            Self.field(at: 1, bits: 65, 1, 2),
        ] {
            #expect(refused { $0.fields = [byte, field] } == .field("byte \(field.bitOffset / 8)"))
        }
        #expect(
            refused { $0.fields = Array(repeating: byte, count: 33) } == .tooManyFields(33)
        )
        #expect(refused { $0.txInterface = 2 } == .interface(2))
        #expect(refused { $0.graphNode = "interface-output" } == .interface(0))
        #expect(refused { $0.interface = 0 } == .interface(0))
        for number in 0..<PacketGenerator.streamLimit {
            #expect(refused { $0.name = "\(number)" } == nil)
        }
        #expect(refused { $0.name = "3" } == .duplicateName("3"))
        #expect(refused { $0.name = "more" } == .tooManyStreams(lane: 0, limit: 16))
        #expect(throws: PacketGeneratorError.unknownStream("x")) {
            try generator.apply(.delete(name: "x"))
        }
    }
}
