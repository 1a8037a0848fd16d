import Coordination
import LinuxSystem
import PacketBuffers
import PacketGraph
import Testing

@testable import PacketNodes

/// What a lane captures of the packets of interfaces.
@MainActor
@Suite struct PacketCaptureTests {
    private static func plain(_ last: UInt8 = 3) -> Packet {
        Packet.IPv4(destination: address(20, 1, 2, last)).frame
    }

    private func start(
        _ traced: PacketTraceTests.Traced,
        _ captures: CaptureSet,
        interface: Int = 0,
        packets: Int = 100,
        bytes: Int = 1 << 20
    ) throws {
        try traced.buffer.reserve(path: traced.path, records: false, captureBytes: bytes)
        traced.buffer.startCapture(captures, interface: interface, packets: packets)
    }

    @Test func takesFramesAsTheyComeAndAsTheyLeave() throws {
        let traced = try PacketTraceTests.Traced()
        try traced.arrive([Self.plain(1)])
        try start(traced, [.rx, .tx])
        let packets = (2...9).map { Self.plain($0) }
        try traced.arrive(packets)
        let captured = traced.buffer.captured(of: 0)
        let received = captured.packets.filter { $0.header.what == UInt16(CaptureSet.rx.rawValue) }
        let sent = captured.packets.filter { $0.header.what == UInt16(CaptureSet.tx.rawValue) }
        #expect(received.map(\.bytes) == packets.map(\.bytes))
        #expect(received.allSatisfy { $0.header.interface == 1 })
        let left = traced.router.sent().dropFirst().map(\.packet.bytes)
        #expect(sent.map(\.bytes) == Array(left))
        #expect(sent.allSatisfy { $0.header.interface == 2 })
        traced.buffer.stopCapture()
        try traced.arrive([Self.plain(1)])
        #expect(traced.buffer.captureCounts.packets == 16)
    }

    @Test func takesDroppedPacketsWithTheirReasonAndEthernetHeader() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, .drop)
        var broken = Self.plain()
        broken[24] ^= 1
        var foreign = Self.plain()
        foreign[5] = 0x55
        let arp = Packet.ARP(sender: address(10, 0, 2, 9)).frame
        let cases = [
            (broken, "bad ip4 checksum"), (foreign, "l3 mac mismatch"),
            (arp, "IP4 source address not local to subnet"),
        ]
        for (packet, reason) in cases {
            try traced.arrive([packet])
            let captured = try #require(traced.buffer.captured(of: 0).packets.last)
            #expect(captured.bytes == packet.bytes)
            #expect(traced.reason(captured.header.error) == reason)
            #expect(captured.header.what == UInt16(CaptureSet.drop.rawValue))
        }
        #expect(traced.buffer.captureCounts.packets == 3)
    }

    /// An answer that has no way back has only its IPv4 header.
    @Test func saysWhichPacketsHaveNoEthernetHeader() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, .drop)
        let packet = Packet.IPv4(
            source: address(40, 1, 1, 1),
            destination: address(20, 1, 1, 1),
            timeToLive: 1
        ).frame
        try traced.arrive([packet])
        let captured = try #require(traced.buffer.captured(of: 0).packets.last)
        #expect(captured.header.what == UInt16(CaptureSet.drop.rawValue) | CapturedPacket.bareBit)
        #expect(captured.bytes.first == 0x45)
    }

    @Test func takesPacketsOfOneInterfaceAndNoMoreThanAskedFor() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, [.rx, .tx], interface: 2, packets: 3)
        try traced.arrive([Self.plain()])
        #expect(traced.buffer.captured(of: 0).packets.map(\.header.interface) == [2])
        try traced.arrive(Array(repeating: Self.plain(), count: 10))
        #expect(traced.buffer.captured(of: 0).packets.count == 3)
        traced.buffer.stopCapture()
        try start(traced, .rx, packets: 5)
        #expect(traced.buffer.captured(of: 0).packets.isEmpty, "the lane has not turned since")
        try traced.arrive(Array(repeating: Self.plain(), count: 10))
        let again = traced.buffer.captured(of: 0).packets
        #expect(again.map(\.header.what) == Array(repeating: 1, count: 5))
    }

    /// Each packet once before each node's call, as that gets it, and no packet by the fast path.
    @Test func takesPacketsBeforeEachCall() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, .dispatch)
        let packets = (2...4).map { Self.plain($0) }
        try traced.arrive(packets)
        let captured = traced.buffer.captured(of: 0).packets
        let way = [
            "ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite", "interface-output",
            "port2-tx",
        ]
        #expect(captured.map { traced.name($0.header.node) } == way.flatMap { [$0, $0, $0] })
        #expect(captured.allSatisfy { $0.header.what & CaptureSet.dispatch.mask != 0 })
        let bare = captured.map { $0.header.what & CapturedPacket.bareBit != 0 }
        #expect(bare == way.flatMap { name in Array(repeating: name.hasPrefix("ip4"), count: 3) })
        try #require(captured.count == 18)
        let sent = traced.router.sent()
        try #require(sent.count == 3)
        for (place, packet) in packets.enumerated() {
            let own = stride(from: place, to: 18, by: 3).map { captured[$0] }
            #expect(own[0].bytes == packet.bytes)
            #expect(own[1].bytes == Array(packet.bytes.dropFirst(14)))
            #expect(own[5].bytes == sent[place].packet.bytes)
            #expect(Set(own.map(\.header.buffer)).count == 1)
            #expect(own.map(\.header.txInterface) == [0, 0, 0, 2, 2, 2])
            #expect(own[3].header.adjacency == TestRouter.Index.rewrite + 2)
            #expect(own.allSatisfy { $0.header.flags & CapturedPacket.tracedFlag == 0 })
        }
        #expect(Set(captured.map(\.header.buffer)).count == 3)
        traced.buffer.stopCapture()
        try traced.arrive([Self.plain(1)])
        #expect(traced.buffer.captureCounts.packets == 18)
    }

    @Test func packetsAtCallsKnowTheirTrace() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, .dispatch)
        try traced.add(1)
        try traced.arrive([Self.plain(2), Self.plain(3)])
        let captured = traced.buffer.captured(of: 0).packets
        let ways = captured.map { $0.header.flags & CapturedPacket.tracedFlag != 0 }
        #expect(ways.filter { $0 }.count == 6 && ways.count == 12)
        #expect(CapturedPacket.tracedFlag == MbufFlags.traced)
        let index = try #require(traced.steps.first?.record.index)
        for packet in captured where packet.header.flags & CapturedPacket.tracedFlag != 0 {
            #expect(packet.header.trace == index)
        }
    }

    /// ARP stands behind an Ethernet header that is still there.
    @Test func packetsOfOtherProtocolsKeepTheirFrameAtCalls() throws {
        let traced = try PacketTraceTests.Traced()
        try start(traced, .dispatch)
        let packet = Packet.ARP(sender: address(10, 0, 1, 9)).frame
        try traced.arrive([packet])
        let captured = try #require(
            traced.buffer.captured(of: 0).packets.first {
                traced.name($0.header.node) == "arp-input"
            }
        )
        #expect(captured.bytes == packet.bytes)
        #expect(captured.header.what == CaptureSet.dispatch.mask)
    }

    @Test func countsWhatFindsNoRoom() throws {
        let traced = try PacketTraceTests.Traced()
        let packet = Self.plain()
        let stride = CapturedPacket.headerBytes + (packet.bytes.count + 7) / 8 * 8
        try start(traced, .rx, bytes: stride * 4 + 8)
        try traced.arrive(Array(repeating: packet, count: 10))
        let captured = traced.buffer.captured(of: 0)
        #expect(captured.packets.map(\.bytes) == Array(repeating: packet.bytes, count: 4))
        #expect(captured.lost == 6)
    }

    @Test func writesNothingWithoutMemory() throws {
        let traced = try PacketTraceTests.Traced()
        traced.buffer.startCapture(.rx, interface: 0, packets: 10)
        try traced.arrive([Self.plain()])
        #expect(traced.buffer.captureCounts == (0, 1))
    }
}
