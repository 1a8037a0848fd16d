import ControlProtocol
import Coordination
import PacketBuffers
import PacketNodes
import Testing

/// Replayed packets, limits, output at once, changes, and where a successor goes on.
@MainActor
@Suite struct GeneratorReplayTests {
    let router: TestRouter
    let generator: PacketGenerator

    init() throws {
        router = try TestRouter()
        generator = PacketGenerator(feeds: [router.feed], bufferBytes: 2048)
    }

    private static func output(_ change: (inout PacketGeneratorStream) -> Void = { _ in })
        -> PacketGeneratorStream
    {
        var stream = PacketGeneratorTests.stream(Packet.IPv4().frame, node: "interface-output")
        stream.interface = 0
        stream.txInterface = 2
        change(&stream)
        return stream
    }

    private func start(_ stream: PacketGeneratorStream, _ packets: [[UInt8]] = []) throws {
        _ = try generator.apply(.create(stream))
        if !packets.isEmpty { _ = try generator.apply(.append(name: "s", packets: packets)) }
        _ = try generator.apply(.enable(name: "s", isEnabled: true))
    }

    /// Turns the lane until it makes nothing more.
    private func run() -> [[UInt8]] {
        while router.turn(afterMilliseconds: 1) > 0 {}
        return router.sent().map(\.packet.bytes)
    }

    @Test(arguments: [1, 255, 256, 257, 1025])
    func aLimitIsKeptToThePacket(limit: Int) throws {
        try start(Self.output { $0.limit = UInt64(limit) })
        let sent = run()
        #expect(sent == Array(repeating: Packet.IPv4().frame.bytes, count: limit))
        #expect(generator.made("s") == UInt64(limit))
        #expect(router.pool.available == router.buffers)
    }

    @Test func framesAreAsLargeAsTheyMayBe() throws {
        try start(
            Self.output {
                $0.limit = 20; $0.framePackets = 7
            }
        )
        #expect((0..<4).map { _ in router.turn(afterMilliseconds: 1) } == [7, 7, 6, 0])
    }

    @Test func packetsLeaveByAnInterfaceAtOnceUnlessItIsDown() throws {
        try start(Self.output { $0.limit = 3 })
        #expect(run().count == 3)
        #expect(router.counters.isEmpty)
        #expect(router.block.interface(0)[LaneBlock.InterfaceWord.rxPackets.rawValue] == 0)
        _ = try generator.apply(.delete(name: "s"))
        try start(
            Self.output {
                $0.limit = 3; $0.txInterface = 3
            }
        )
        #expect(run().isEmpty)
        #expect(router.counters == ["interface-output: interface is down": 3])
        #expect(router.pool.available == router.buffers)
    }

    @Test func packetsAreReplayedByteForByteAndStartOver() throws {
        let packets = (0..<300).map { number in
            (0..<60 + number % 700).map { UInt8(truncatingIfNeeded: $0 * 7 + number) }
        }
        let stream = Self.output {
            $0.isReplay = true; $0.limit = 700; $0.template = []
        }
        #expect(throws: PacketGeneratorError.nothingToReplay("s")) { try start(stream) }
        _ = try generator.apply(.append(name: "s", packets: Array(packets[..<100])))
        _ = try generator.apply(.append(name: "s", packets: Array(packets[100...])))
        _ = try generator.apply(.enable(name: "", isEnabled: true))
        let sent = run()
        #expect(sent == (0..<700).map { packets[$0 % 300] })
        #expect(throws: PacketGeneratorError.packet(number: 302, bytes: 2049, highest: 2048)) {
            let long = [UInt8](repeating: 0, count: 2049)
            _ = try generator.apply(.append(name: "s", packets: [[1], long]))
        }
        let most = [[UInt8]](repeating: [1], count: PacketGeneratorStream.mostReplayed)
        #expect(throws: PacketGeneratorError.tooMuchToReplay) {
            _ = try generator.apply(.append(name: "s", packets: most))
        }
    }

    @Test func aStreamTakesChangesWhereItIs() throws {
        try start(Self.output { $0.limit = 10 })
        #expect(run().count == 10)
        _ = try generator.apply(.configure(name: "s", PacketGeneratorChange(limit: 600)))
        #expect(run().count == 590)
        _ = try generator.apply(.configure(name: "s", PacketGeneratorChange(limit: 5)))
        #expect(run().isEmpty)
        let slow = PacketGeneratorChange(limit: 0, packetsPerSecond: 2000, framePackets: 1)
        _ = try generator.apply(.configure(name: "s", slow))
        var made = router.turn(afterMilliseconds: 1)
        for _ in 0..<100 { made += router.turn(afterMilliseconds: 1) }
        // A frame of one packet a turn is less than two packets a millisecond.
        #expect((100...101).contains(made))
        #expect(throws: PacketGeneratorError.framePackets(0)) {
            try generator.apply(
                .configure(name: "s", PacketGeneratorChange(framePackets: 0))
            )
        }
        #expect(throws: PacketGeneratorError.unknownStream("t")) {
            try generator.apply(.configure(name: "t", slow))
        }
    }

    /// A successor makes the packets that its predecessor would have made next.
    @Test(arguments: [false, true])
    func aSuccessorGoesOnWithTheNextPacket(isReplay: Bool) throws {
        let packets = (0..<13).map { [UInt8](repeating: UInt8($0), count: 64 + $0) }
        let size = UInt16(Packet.IPv4().frame.bytes.count)
        let stream = Self.output {
            $0.limit = 200
            $0.isReplay = isReplay
            $0.maximumBytes = size + 10
            $0.fields = [
                PacketGeneratorTests.field(at: 26, 5, 9), PacketGeneratorTests.field(at: 30, 0, 6),
            ]
        }
        try start(stream, isReplay ? packets : [])
        let whole = run()
        #expect(whole.count == 200)
        _ = try generator.apply(.delete(name: "s"))
        router.turn(afterMilliseconds: 1)

        try start(Self.changed(stream, limit: 77), isReplay ? packets : [])
        let first = run()
        let progress = generator.progress
        _ = try generator.apply(.delete(name: "s"))
        router.turn(afterMilliseconds: 1)
        let successor = PacketGenerator(feeds: [router.feed], bufferBytes: 2048)
        _ = try successor.apply(.create(stream))
        if isReplay { _ = try successor.apply(.append(name: "s", packets: packets)) }
        _ = try successor.apply(.enable(name: "s", isEnabled: true))
        successor.resume(progress)
        #expect(first + run() == whole)
    }

    private static func changed(_ stream: PacketGeneratorStream, limit: UInt64)
        -> PacketGeneratorStream
    {
        var stream = stream
        stream.limit = limit
        return stream
    }

    /// IPv6 has no graph yet: what its packets are dropped for says so.
    @Test func packetsThatTheGraphDoesNotKnowAreCountedAsThat() throws {
        let frame =
            Packet.mac(1) + Packet.mac(2) + [0x86, 0xDD] + [UInt8](repeating: 0x60, count: 46)
        let tagged =
            Packet.mac(1) + Packet.mac(2) + [0x81, 0, 0, 5, 8, 0]
            + [UInt8](repeating: 0x45, count: 46)
        for (packet, name) in [(frame, "s"), (tagged, "t")] {
            _ = try generator.apply(
                .create(PacketGeneratorTests.stream(Packet(packet), name: name, limit: 5))
            )
        }
        _ = try generator.apply(.enable(name: "", isEnabled: true))
        #expect(run().isEmpty)
        #expect(
            router.counters == [
                "ethernet-input: unknown ethernet type": 5, "ethernet-input: unknown vlan": 5,
            ]
        )
    }

    @Test func anAnswerHasAsManyStreamsAsGoIntoIt() throws {
        for number in 0..<16 {
            var stream = Self.output()
            stream.name = "stream \(number)"
            stream.fields = (0..<32).map { field in
                PacketGeneratorField(
                    bitOffset: 8,
                    bits: 8,
                    first: 0,
                    last: 1,
                    text: String(repeating: "f", count: 80 + field)
                )
            }
            _ = try generator.apply(.create(stream))
        }
        var names: [String] = []
        while true {
            let text = try generator.apply(.show(from: UInt16(names.count)))
            #expect(text.utf8.count <= 49_152)
            let lines = text.split(separator: "\n")
            if lines.isEmpty { break }
            #expect(lines.count < 16)
            names += try lines.map { try #require(PacketGeneratorStatus(line: $0)).stream.name }
        }
        #expect(names == (0..<16).map { "stream \($0)" })
    }
}
