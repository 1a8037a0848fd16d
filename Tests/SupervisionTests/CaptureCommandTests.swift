import Coordination
import Glibc
import LinuxSystem
import Synchronization
import TestSupport
import Testing

@testable import Supervision

/// `pcap trace`, from the words to the file.
@Suite struct CaptureCommandTests {
    /// A dataplane with a worker that has captured what a test wrote.
    private final class Machine {
        let dataplane: FakeDataplane
        let runner: CommandRunner
        let life: TracedLife

        init() throws {
            let dataplane = try FakeDataplane()
            self.dataplane = dataplane
            runner = CommandRunner(dataplane: dataplane)
            let path = "/dev/shm/causeway-trace-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
            let buffer = try TraceBuffer.create(path: path, node: 0, incarnation: 1, lanes: 2)
            buffer.setProcess(Int(getpid()))
            life = TracedLife(
                buffer: buffer,
                path: path,
                segment: dataplane.segments[0],
                isOver: false
            )
            let life = life
            dataplane.recorded.withLock { $0.traced = [life] }
        }

        deinit { SmallFile.remove(life.path) }

        func run(_ line: String) async throws -> String {
            let outcome = await runner.run(line: line)
            #expect(!outcome.isError, "\(line): \(outcome.text)")
            return outcome.text
        }

        func refusal(_ line: String) async -> String {
            let outcome = await runner.run(line: line)
            #expect(outcome.isError, "\(line) was taken")
            return outcome.text
        }

        /// Writes packets as a lane does.
        func capture(_ packets: [(header: CapturedPacket, bytes: [UInt8])], lane: Int) {
            let area = life.buffer.lane(lane)
            area.store(.captureSeen, life.buffer.load(.captureEpoch))
            var used = 0
            for (header, bytes) in packets {
                (area.capture + used).storeBytes(of: header, as: CapturedPacket.self)
                let start = area.capture + used + CapturedPacket.headerBytes
                start.copyMemory(from: bytes, byteCount: bytes.count)
                used += CapturedPacket.headerBytes + (bytes.count + 7) / 8 * 8
            }
            area.store(.capturedBytes, UInt64(used))
            area.store(.captured, UInt64(packets.count))
        }

        func word(_ word: TraceBuffer.Word) -> UInt64 { life.buffer.load(word) }
    }

    private static func header(
        _ time: UInt64,
        _ what: CaptureSet,
        length: Int,
        error: UInt16 = 0
    ) -> CapturedPacket {
        CapturedPacket(
            time: time,
            length: UInt32(length),
            what: UInt16(what.rawValue),
            interface: what == .tx ? 2 : 1,
            error: error,
            node: 0
        )
    }

    @Test func wordsBecomeOrders() async throws {
        let machine = try Machine()
        #expect(try await machine.run("pcap trace status") == "pcap trace is off\n")
        #expect(try await machine.run("pcap trace rx tx max 7 intfc tap1 file x.pcapng") == "")
        #expect(machine.word(.captures) == 3)
        #expect(machine.word(.captureInterface) == 2)
        #expect(machine.word(.capturePackets) == 7)
        #expect(machine.word(.captureBytes) > 7 * 2048)
        let status = try await machine.run("pcap trace status")
        #expect(
            status
                == "pcap rx tx trace is on, tap1: 0 of 7 packets, to be written to x.pcapng\n"
        )
        #expect(
            try await machine.run("pcap trace off") == "no packets captured; no file is written\n"
        )
        #expect(machine.word(.captures) == 0)
        _ = try await machine.run("pcap trace drop intfc any")
        #expect(machine.word(.captures) == 4)
        #expect(machine.word(.captureInterface) == 0)
        #expect(machine.word(.capturePackets) == 100)
        #expect(try await machine.run("pcap trace status").contains("drop.pcapng"))
    }

    @Test func refusalsSayWhatToChange() async throws {
        let machine = try Machine()
        #expect(await machine.refusal("pcap trace").contains("rx, tx or drop"))
        #expect(await machine.refusal("pcap trace off").contains("no packets are being captured"))
        #expect(await machine.refusal("pcap trace rx file /tmp/x").contains("no folder"))
        #expect(await machine.refusal("pcap trace rx intfc eth9").contains("eth9"))
        #expect(await machine.refusal("pcap trace rx max 0").contains("1...1000000"))
        _ = try await machine.run("pcap trace rx")
        #expect(await machine.refusal("pcap trace tx").contains("pcap trace off ends"))
    }

    @Test func wordsOfTheDispatchTraceBecomeOrders() async throws {
        let machine = try Machine()
        #expect(try await machine.run("pcap dispatch trace on max 7") == "")
        #expect(machine.word(.captures) == 8)
        #expect(machine.word(.captureInterface) == 0)
        #expect(machine.word(.capturePackets) == 7)
        let status = try await machine.run("pcap dispatch trace status")
        #expect(
            status == "pcap dispatch trace is on, any interface: 0 of 7 packets, to be written to "
                + "dispatch.pcapng\n"
        )
        #expect(await machine.refusal("pcap trace rx").contains("pcap dispatch trace off ends"))
        #expect(await machine.refusal("pcap trace off").contains("pcap dispatch trace off ends"))
        let again = await machine.refusal("pcap dispatch trace on buffer-trace tap-input 3")
        #expect(again.contains("pcap dispatch trace off ends"))
        #expect(
            try await machine.run("pcap dispatch trace off")
                == "no packets captured; no file is written\n"
        )
        _ = try await machine.run("pcap trace rx")
        #expect(await machine.refusal("pcap dispatch trace off").contains("pcap trace off ends"))
        #expect(await machine.refusal("pcap dispatch trace").contains("on, off and status"))
        #expect(await machine.refusal("pcap dispatch trace on off").contains("one of"))
        _ = try await machine.run("pcap trace off")
        let unknown = await machine.refusal("pcap dispatch trace on buffer-trace nonsense 3")
        #expect(unknown.contains("nonsense is no input node"))
        #expect(machine.word(.captures) == 0)
    }

    /// By the form that VPP describes: version 1.0, strings, protocol, buffer, strings, packet.
    @Test func packetsAtCallsHaveVPPsForm() async throws {
        let machine = try Machine()
        _ = try await machine.run("pcap dispatch trace on")
        var header = CapturedPacket(
            time: try #require(machine.dataplane.events.log).clock.baseTSC + 5,
            length: 2,
            what: CaptureSet.dispatch.mask | CapturedPacket.bareBit,
            interface: 1,
            error: 0,
            node: 0
        )
        header.buffer = 0x0102_0304
        header.rxInterface = 1
        header.headroom = 142
        machine.capture([(header, [0x45, 0])], lane: 1)
        _ = try await machine.run("pcap dispatch trace off")
        let saved = machine.dataplane.recorded.withLock { $0.saved["dispatch.pcapng"] }
        let file = try PcapngReader(#require(saved))
        #expect(file.interfaces.map(\.name) == ["node 0 lane 1"])
        #expect(file.interfaces.map(\.linkType) == [280])
        let packet = try #require(file.packets.first)
        #expect(Array(packet.bytes.prefix(8)) == [1, 0, 4, 2, 1, 2, 3, 4])
        let parts = packet.bytes.dropFirst(8).split(
            separator: 0,
            maxSplits: 4,
            omittingEmptySubsequences: false
        )
        try #require(parts.count == 5)
        let strings = parts.prefix(4).map { String(decoding: $0, as: UTF8.self) }
        #expect(strings[0] == machine.dataplane.segments[0].nodeNames[0].name)
        #expect(strings[1] == "headroom 142, length 2, l3 offset 0\nflags 0x0000")
        #expect(strings[2] == "rx tap0, tx none\nadjacency 0, flow hash 0x00000000")
        #expect(strings[3] == "node 0 lane 1")
        #expect(Array(parts[4]) == [0x45, 0])
        #expect(packet.direction == 0 && packet.comment.isEmpty)
    }

    @Test func lanesAreMergedByTimeIntoTheFile() async throws {
        let machine = try Machine()
        _ = try await machine.run("pcap trace rx tx drop max 3")
        let base = try #require(machine.dataplane.events.log).clock.baseTSC
        machine.capture(
            [
                (Self.header(base + 100, .rx, length: 3), [1, 2, 3]),
                (Self.header(base + 900, .tx, length: 1), [9]),
            ],
            lane: 0
        )
        machine.capture(
            [
                (Self.header(base + 50, .drop, length: 4, error: 2), [4, 5, 6, 7]),
                (Self.header(base + 200, .tx, length: 2), [8, 8]),
            ],
            lane: 1
        )
        machine.life.buffer.lane(1).store(.captureLost, 5)
        let text = try await machine.run("pcap trace off")
        #expect(
            text == """
                3 packets written to /run/test/rxtxdrop.pcapng
                no room was left for 5 packets

                """
        )
        let saved = machine.dataplane.recorded.withLock { $0.saved["rxtxdrop.pcapng"] }
        let file = try PcapngReader(#require(saved))
        #expect(file.interfaces.map(\.name) == ["tap0", "tap1"])
        #expect(file.interfaces.allSatisfy { $0.linkType == 1 && $0.resolution == 9 })
        #expect(file.packets.map(\.bytes) == [[4, 5, 6, 7], [1, 2, 3], [8, 8]])
        #expect(file.packets.map(\.interface) == [0, 0, 1])
        #expect(file.packets.map(\.direction) == [1, 1, 2])
        #expect(file.packets.map(\.comment) == ["dropped: ip4-input: bad ip4 checksum", "", ""])
        let times = file.packets.map(\.nanoseconds)
        #expect(times == times.sorted())
    }
}

/// Reads a pcapng file by the draft, for tests; what is wrong is a failed test.
struct PcapngReader {
    struct Interface {
        var linkType: Int
        var name = ""
        var resolution = 6
    }

    struct Packet {
        var interface: Int
        var nanoseconds: UInt64
        var bytes: [UInt8]
        var comment = ""
        var direction = 0
    }

    var interfaces: [Interface] = []
    var packets: [Packet] = []

    init(_ bytes: [UInt8]) throws {
        func word(_ offset: Int) -> Int {
            (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << ($1 * 8) }
        }
        func half(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
        func options(_ start: Int, _ end: Int) -> [Int: [UInt8]] {
            var found: [Int: [UInt8]] = [:]
            var offset = start
            while offset + 4 <= end, half(offset) != 0 {
                let length = half(offset + 2)
                found[half(offset)] = Array(bytes[offset + 4..<offset + 4 + length])
                offset += 4 + (length + 3) / 4 * 4
            }
            #expect(offset + 4 == end, "the options do not end with the block")
            return found
        }
        var offset = 0
        while offset < bytes.count {
            let (type, length) = (word(offset), word(offset + 4))
            try #require(length % 4 == 0 && length >= 12 && offset + length <= bytes.count)
            #expect(word(offset + length - 4) == length)
            let end = offset + length - 4
            switch type {
            case 0x0A0D_0D0A:
                #expect(offset == 0 && word(offset + 8) == 0x1A2B_3C4D && half(offset + 12) == 1)
                _ = options(offset + 24, end)
            case 1:
                let found = options(offset + 16, end)
                var interface = Interface(linkType: half(offset + 8))
                interface.name = String(decoding: found[2] ?? [], as: UTF8.self)
                interface.resolution = Int(found[9]?.first ?? 6)
                interfaces.append(interface)
            case 6:
                let count = word(offset + 20)
                #expect(word(offset + 24) == count)
                let padded = offset + 28 + (count + 3) / 4 * 4
                let found = options(padded, end)
                var packet = Packet(
                    interface: word(offset + 8),
                    nanoseconds: UInt64(word(offset + 12)) << 32 | UInt64(word(offset + 16)),
                    bytes: Array(bytes[offset + 28..<offset + 28 + count])
                )
                packet.comment = String(decoding: found[1] ?? [], as: UTF8.self)
                packet.direction = Int(found[2]?.first ?? 0)
                packets.append(packet)
            default: Issue.record("block type \(type)")
            }
            offset += length
        }
    }
}
