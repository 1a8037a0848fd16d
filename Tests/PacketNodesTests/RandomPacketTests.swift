import ControlProtocol
import Coordination
import Forwarding
import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct RandomPacketTests {
    /// xorshift64*, so that a failure can be repeated.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D
        }
    }

    /// Packets of every kind that the graph treats differently.
    static func templates() -> [Packet] {
        var packets: [Packet] = []
        for destination in [
            address(20, 1, 1, 1), address(24, 1, 1, 1), address(30, 1, 1, 1), address(40, 1, 1, 1),
            address(41, 1, 1, 1), address(99, 1, 1, 1), address(10, 0, 1, 1), address(10, 0, 2, 1),
            address(10, 0, 2, 50), address(10, 0, 2, 255), address(50, 0, 0, 1),
            address(21, 0, 0, 1),
        ] {
            for (number, payload) in [
                (17, Packet.udp(Array(repeating: 3, count: 40))),
                (6, Array(repeating: UInt8(5), count: 40)),
                (1, Packet.icmp(type: 8, data: Array(repeating: 1, count: 33))),
                (1, Packet.icmp(type: 3, data: Array(repeating: 1, count: 33))),
                (17, Packet.udp(Array(repeating: 3, count: 1200))),
            ] as [(UInt8, [UInt8])] {
                for options in [[], [0x94, 4, 0, 0], [7, 7, 4, 0, 0, 0, 0, 0]] as [[UInt8]] {
                    packets.append(
                        Packet.IPv4(
                            destination: destination,
                            timeToLive: 2,
                            number: number,
                            options: options,
                            payload: payload
                        ).frame
                    )
                }
            }
        }
        packets.append(Packet.ARP().frame)
        packets.append(Packet.ARP(operation: 2, target: address(10, 0, 1, 1)).frame)
        packets.append(
            Packet.ARP(sender: address(10, 0, 1, 42), target: address(10, 0, 1, 42)).frame
        )
        return packets
    }

    /// Damages a packet: bytes anywhere, lengths, and often a checksum that is right again.
    static func mutate(_ packet: Packet, _ generator: inout Generator) -> Packet {
        var packet = packet
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !packet.bytes.isEmpty {
            let limit =
                Bool.random(using: &generator) ? min(64, packet.bytes.count) : packet.bytes.count
            packet[Int.random(in: 0..<limit, using: &generator)] = UInt8.random(
                in: 0...255,
                using: &generator
            )
        }
        switch UInt8.random(in: 0..<8, using: &generator) {
        case 0: packet.bytes.removeLast(Int.random(in: 0...packet.bytes.count, using: &generator))
        case 1:
            packet.bytes += Array(
                repeating: 0xCC,
                count: Int.random(in: 1...700, using: &generator)
            )
        case 2:
            packet.bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
        default: break
        }
        let header = packet.bytes.count > 14 ? Int(packet[14] & 15) * 4 : 0
        if header >= 20, packet.bytes.count >= 14 + header,
            Int.random(in: 0..<8, using: &generator) > 0
        {
            packet.setWord(0, at: 24)
            packet.setWord(Packet.checksum(packet.bytes[14..<14 + header]), at: 24)
        }
        return packet
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func noInputTrapsOrLosesABuffer(seed: UInt64) throws {
        let router = try TestRouter()
        let templates = Self.templates()
        var generator = Generator(state: seed &* 0x9E37_79B9_7F4A_7C15)
        var total = 0
        while total < 50_000 {
            let count = Int.random(in: 1...256, using: &generator)
            let packets = (0..<count).map { _ in
                Self.mutate(
                    templates[Int.random(in: 0..<templates.count, using: &generator)],
                    &generator
                )
            }
            let interface = UInt16.random(in: 1...7, using: &generator)
            let sent = try Self.run(packets, router, interface, &generator)
            for (node, packet, _, _) in sent where node != "worker-handoff" {
                try Self.check(packet, "seed \(seed), packet \(total)")
            }
            total += count
            if UInt8.random(in: 0..<16, using: &generator) == 0 {
                router.epoch += 1
                router.publish()
            }
            router.turn(afterMilliseconds: 1)
            _ = router.sent()
        }
        // Three seconds for the last packets, and three for messages about them to hosts that do
        // not answer either.
        for _ in 0..<70 { router.turn(afterMilliseconds: 100) }
        #expect(router.pool.available == router.buffers, "seed \(seed)")
        #expect(router.counter("error-drop", "no reason given") == 0)
        #expect(router.block.pointer(.frameFailures).pointee == 0)
        #expect(router.counters.count > 40, "\(router.counters.keys.sorted())")
    }

    private static func run(
        _ packets: [Packet],
        _ router: TestRouter,
        _ interface: UInt16,
        _ generator: inout Generator
    ) throws -> [(node: String, packet: Packet, rxInterface: UInt16, flowHash: UInt32)] {
        // The receive interface's own address, so that most get past the door.
        let addressed = packets.map { packet in
            var packet = packet
            if packet.bytes.count > 5, packet[0] == 2 { packet[5] = UInt8(interface) }
            return packet
        }
        try router.run(addressed, interface: interface)
        return router.sent()
    }

    /// Whatever leaves must be well formed.
    private static func check(_ frame: Packet, _ what: String) throws {
        #expect(frame.bytes.count >= 34, "\(what)")
        guard frame.word(12) == 0x0800 else {
            #expect(frame.word(12) == 0x0806, "\(what)")
            return
        }
        let header = Int(frame[14] & 15) * 4
        #expect(Packet.checksum(frame.bytes[14..<14 + header]) == 0, "\(what): \(frame)")
        #expect(Int(frame.word(16)) == frame.bytes.count - 14, "\(what): \(frame)")
        #expect(frame[22] > 0, "\(what)")
    }
}
