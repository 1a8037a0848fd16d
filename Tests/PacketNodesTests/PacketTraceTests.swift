import Coordination
import Glibc
import LinuxSystem
import PacketBuffers
import PacketGraph
import Testing

@testable import PacketNodes

/// What a lane's graph writes of single packets.
@MainActor
@Suite struct PacketTraceTests {
    /// A router whose lane has a trace buffer.
    @MainActor
    final class Traced {
        let buffer: TraceBuffer
        let router: TestRouter
        let arriving = Arriving()
        let path: String

        init(hasRoom: Bool = true) throws {
            path = "/dev/shm/causeway-trace-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
            buffer = try TraceBuffer.create(path: path, node: 0, incarnation: 1, lanes: 1)
            if hasRoom { try buffer.reserve(path: path, records: true) }
            router = try TestRouter(tracing: buffer.lane(0), arriving: arriving)
        }

        deinit { SmallFile.remove(path) }

        /// Traces further packets of the input node.
        func add(_ packets: Int) throws {
            buffer.add(
                packets: packets,
                of: try #require(router.description.index(of: "dpdk-input"))
            )
        }

        /// Lets packets arrive in one turn.
        func arrive(_ packets: [Packet], interface: UInt16 = 1) throws {
            arriving.mbufs += try packets.map { try router.mbuf($0, interface: interface) }
            router.turn(afterMilliseconds: 0)
        }

        var steps: [TracedStep] { buffer.traces(of: 0).steps }

        func name(_ index: UInt16) -> String {
            let entries = router.description.entries
            return Int(index) < entries.count ? entries[Int(index)].name : "none"
        }

        /// The graph nodes that each trace went through, by its number.
        var ways: [[String]] {
            var ways: [UInt32: [String]] = [:]
            for step in steps {
                ways[step.record.index, default: []].append(name(step.record.node))
            }
            return ways.sorted { $0.key < $1.key }.map(\.value)
        }

        /// The text of a record's drop reason.
        func reason(_ error: UInt16) -> String {
            let entry = router.description.entries.last { $0.errorBase <= Int(error) }
            return entry.map { $0.errors[Int(error) - $0.errorBase] } ?? "none"
        }
    }

    private static let forwarded = [
        "dpdk-input", "ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite",
        "interface-output", "port2-tx",
    ]

    private static func plain(_ last: UInt8 = 3, timeToLive: UInt8 = 64) -> Packet {
        Packet.IPv4(destination: address(20, 1, 2, last), timeToLive: timeToLive).frame
    }

    @Test func writesWhatEachNodeDid() throws {
        let traced = try Traced()
        try traced.add(1)
        try traced.arrive([Self.plain()])
        #expect(traced.ways == [Self.forwarded])
        let steps = traced.steps
        try #require(steps.count == 7)
        for (step, next) in zip(steps, Self.forwarded.dropFirst()).prefix(5) {
            #expect(traced.name(step.record.next) == next)
        }
        #expect(steps.allSatisfy { $0.record.isComplete })
        #expect(steps.allSatisfy { $0.record.rxInterface == 1 })
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.record.time <= $1.record.time })
        let packet = Self.plain()
        #expect(steps[1].bytes == Array(packet.bytes.prefix(64)))
        #expect(steps[2].bytes == Array(packet.bytes.dropFirst(14).prefix(64)))
        #expect(steps[3].record.adjacency == TestRouter.Index.rewrite + 2)
        #expect(steps[3].record.txInterface == 2)
        // A node that puts a header in front is shown by the packet that it made.
        #expect(Array(steps[4].bytes.prefix(6)) == Packet.mac(0x29))
        #expect(steps[4].bytes[22] == 63)
        #expect(steps[6].record.next == TraceRecord.ended)
    }

    @Test(arguments: [1, 3, 40])
    func whatLeavesIsTheSameTracedOrNot(wanted: Int) throws {
        let traced = try Traced()
        let plain = try TestRouter()
        let templates = RandomPacketTests.templates()
        let packets = (0..<250).map { index in
            var packet = templates[index % templates.count]
            packet[5] = 1
            return packet
        }
        try traced.add(wanted)
        try traced.arrive(packets)
        try plain.run(packets)
        func seen(_ router: TestRouter) -> [[UInt8]] {
            router.sent().map(\.packet.bytes).sorted { $0.lexicographicallyPrecedes($1) }
        }
        #expect(seen(traced.router) == seen(plain))
        #expect(traced.router.counters == plain.counters)
        #expect(traced.ways.count == wanted)
        for (index, entry) in plain.description.entries.enumerated() {
            guard let own = traced.router.description.index(of: entry.name) else { continue }
            let word = LaneBlock.NodeWord.vectors.rawValue
            #expect(
                traced.router.block.node(own)[word] == plain.block.node(index)[word],
                "\(entry.name)"
            )
        }
        // Those that wait for their neighbours are given up.
        for router in [traced.router, plain] {
            for _ in 0..<70 { router.turn(afterMilliseconds: 100) }
        }
        #expect(plain.pool.available == plain.buffers)
    }

    @Test func countsPacketsOfEachInputToItsLimit() throws {
        let traced = try Traced()
        try traced.arrive([Self.plain()])
        #expect(traced.steps.isEmpty)
        try traced.add(2)
        try traced.add(1)
        try traced.arrive(Array(repeating: Self.plain(), count: 5))
        #expect(traced.ways == Array(repeating: Self.forwarded, count: 3))
        try traced.arrive([Self.plain()])
        #expect(traced.ways.count == 3)
        try traced.add(5)
        try traced.add(0)
        try traced.arrive([Self.plain()])
        #expect(traced.ways.count == 3)
        let handoff = try #require(traced.router.description.index(of: "arp-hold-input"))
        traced.buffer.add(packets: 5, of: handoff)
        try traced.arrive([Self.plain()])
        #expect(traced.ways.count == 3)
    }

    @Test func saysWhyAPacketWasDropped() throws {
        let traced = try Traced()
        try traced.add(10)
        var broken = Self.plain()
        broken[24] ^= 1
        let cases: [(Packet, String)] = [
            (broken, "bad ip4 checksum"),
            (Packet(Array(Self.plain().bytes.prefix(12))), "packet too short"),
            (Packet.IPv4(destination: address(40, 1, 1, 1)).frame, "ip4 adjacency drop"),
        ]
        for (packet, reason) in cases {
            try traced.arrive([packet])
            let last = try #require(traced.steps.last)
            #expect(traced.name(last.record.node) == "error-drop")
            #expect(traced.reason(last.record.error) == reason)
        }
    }

    @Test func followsAPacketThatWaitedForItsNeighbour() throws {
        let traced = try Traced()
        try traced.add(1)
        try traced.arrive([Packet.IPv4(destination: address(50, 0, 0, 1)).frame])
        let begin = ["dpdk-input", "ethernet-input", "ip4-input", "ip4-lookup", "ip4-arp"]
        #expect(traced.ways == [begin])
        traced.router.adjacencies[Int(TestRouter.Index.arp) + 2] = TestRouter.rewrite(
            interface: 2,
            nextHop: address(10, 0, 2, 77),
            mac: Packet.mac(0x77),
            mtu: 1500
        )
        traced.router.epoch += 1
        traced.router.publish()
        traced.router.turn(afterMilliseconds: 1)
        #expect(traced.ways == [begin + Self.forwarded.dropFirst(3)])
    }

    @Test func forgetsWhatItIsToldTo() throws {
        let traced = try Traced()
        try traced.add(5)
        // This one waits for its neighbour, beyond the clearing.
        try traced.arrive([Packet.IPv4(destination: address(50, 0, 0, 1)).frame, Self.plain()])
        #expect(traced.ways.count == 2)
        traced.buffer.clear()
        #expect(traced.steps.isEmpty, "the lane has not even turned")
        traced.router.epoch += 1
        traced.router.publish()
        traced.router.turn(afterMilliseconds: 1)
        try traced.arrive([Self.plain()])
        #expect(traced.steps.isEmpty)
        try traced.add(1)
        try traced.arrive([Self.plain()])
        #expect(traced.ways == [Self.forwarded])
        for _ in 0..<50 { traced.router.turn(afterMilliseconds: 100) }
        #expect(traced.ways == [Self.forwarded])
        #expect(traced.router.pool.available == traced.router.buffers)
    }

    @Test func countsWhatFindsNoRoom() throws {
        let traced = try Traced()
        try traced.add(10_000)
        let begun = (TraceBuffer.recordLimit + 7 - 1) / 7
        for _ in 0..<12 { try traced.arrive(Array(repeating: Self.plain(), count: 250)) }
        let traces = traced.buffer.traces(of: 0)
        #expect(traces.steps.count == TraceBuffer.recordLimit)
        #expect(traces.refusedPackets > 0)
        // In each turn all input records come first, so more packets are begun than could go all the way.
        let kept = Set(traces.steps.map(\.record.index)).count
        #expect(kept + traces.refusedPackets == 3000)
        #expect(kept >= begun)
        #expect(traces.lostRecords == kept * 7 - TraceBuffer.recordLimit)
        #expect(traced.router.sent().count == 3000)
    }

    @Test func writesNothingWithoutMemory() throws {
        let traced = try Traced(hasRoom: false)
        try traced.add(3)
        try traced.arrive(Array(repeating: Self.plain(), count: 5))
        let traces = traced.buffer.traces(of: 0)
        #expect(traces.steps.isEmpty)
        #expect(traces.refusedPackets == 3)
        #expect(traced.router.sent().count == 5)
    }

    @Test func fragmentsBelongToTheirPacket() throws {
        let traced = try Traced()
        try traced.add(1)
        let packet = Packet.IPv4(
            destination: address(24, 1, 1, 1),
            payload: Packet.udp(Array(repeating: 7, count: 1200))
        ).frame
        try traced.arrive([packet])
        let sent = traced.router.sent().count
        #expect(sent > 1)
        #expect(traced.ways.count == 1)
        #expect(traced.ways[0].filter { $0 == "port4-tx" }.count == sent)
    }
}
