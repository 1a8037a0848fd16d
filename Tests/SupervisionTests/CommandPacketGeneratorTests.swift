import ControlProtocol
import Synchronization
import TestSupport
import Testing

@testable import Supervision

@Suite struct CommandPacketGeneratorTests {
    private func stream(
        _ options: String,
        on dataplane: FakeDataplane? = nil
    ) async throws -> PacketGeneratorStream {
        let fake = try dataplane ?? FakeDataplane()
        let line = "packet-generator new { \(options) }"
        let outcome = await CommandRunner(dataplane: fake).run(line: line)
        #expect(!outcome.isError, "\(outcome.text)")
        guard case .create(let stream) = fake.recorded.withLock({ $0.generator }).first?.command
        else {
            throw CommandFailure(kind: .refused, message: "no stream was made")
        }
        return stream
    }

    private func refusal(_ options: String) async throws -> String {
        let fake = try FakeDataplane()
        let outcome = await CommandRunner(dataplane: fake).run(
            line: "packet-generator new { \(options) }"
        )
        #expect(fake.recorded.withLock { $0.generator.isEmpty })
        return outcome.failure?.message ?? ""
    }

    private static let data =
        "data { IP4: 1.2.3 -> 4.5.6 UDP: 10.0.0.1 -> 10.0.1.1 UDP: 1000 -> 2000 incrementing 4 }"

    @Test func makesTheBytesOfAUDPPacket() async throws {
        let stream = try await stream("name x interface tap1 limit 10 rate 1e3 \(Self.data)")
        #expect(
            stream.template == [
                0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x08, 0x00,
                0x45, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x40, 0x11, 0x65, 0xCC, 10, 0, 0, 1,
                10, 0, 1, 1, 0x03, 0xE8, 0x07, 0xD0, 0x00, 0x0C, 0xDD, 0x18, 0, 1, 2, 3,
            ]
        )
        #expect(stream.name == "x")
        #expect(stream.interface == 2)
        #expect(stream.limit == 10)
        #expect(stream.packetsPerSecond == 1000)
        #expect(stream.minimumBytes == 46 && stream.maximumBytes == 46)
        #expect(stream.fields.isEmpty && stream.txInterface == 0 && !stream.isReplay)
    }

    @Test func makesChecksumsThatAddUp() async throws {
        for data in [
            "UDP: 1.2.3.4 -> 5.6.7.8 ttl 3 tos 16 UDP: 7 -> 9 incrementing 31",
            "TCP: 1.2.3.4 -> 5.6.7.8 TCP: 7 -> 9 hex 0xffffff",
            "ICMP: 1.2.3.4 -> 5.6.7.8 ICMP echo_request id 7 seq 9 incrementing 57",
            "ICMP: 1.2.3.4 -> 5.6.7.8 ICMP 11 code 1", "UDP: 9.9.9.9 -> 9.9.9.9",
        ] {
            let bytes = try await stream("name x interface tap0 node ip4-input data { \(data) }")
                .template
            #expect(InternetChecksum.of(Array(bytes[0..<20])) == 0, "\(data)")
            #expect(Int(bytes[2]) << 8 | Int(bytes[3]) == bytes.count)
            let segment = Array(bytes[20...])
            if segment.isEmpty { continue }
            let pseudoHeader = bytes[12..<20] + [0, bytes[9], 0, UInt8(segment.count)]
            let covered = bytes[9] == 1 ? segment : Array(pseudoHeader) + segment
            #expect(InternetChecksum.of(covered) == 0, "\(data)")
        }
    }

    @Test func knowsTheChecksumOfRFC1071() {
        #expect(InternetChecksum.of([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]) == 0x220D)
        #expect(InternetChecksum.of([]) == 0xFFFF)
        #expect(InternetChecksum.of([0x12]) == 0xEDFF)
    }

    @Test func fillsAPacketUpToItsSize() async throws {
        let stream = try await stream("name x interface tap0 size 64 \(Self.data)")
        #expect(stream.template.count == 64)
        #expect(Array(stream.template[16...17]) == [0, 50])
        #expect(Array(stream.template[42...]) == (0..<22).map { UInt8($0) })
        let sizes = try await self.stream("name x interface tap0 size 60-70 \(Self.data)")
        #expect(sizes.template.count == 60)
        #expect(sizes.minimumBytes == 60 && sizes.maximumBytes == 70)
    }

    @Test func variesAddressesOverRanges() async throws {
        let stream = try await stream(
            """
            name x interface tap0 node ip4-input data {
            UDP: 10.0.0.1 - 10.0.0.9 -> 20.0.0.0-20.0.255.255 random UDP: 1 -> 2 }
            """
        )
        #expect(
            stream.fields == [
                PacketGeneratorField(
                    bitOffset: 96,
                    bits: 32,
                    first: 0x0A00_0001,
                    last: 0x0A00_0009,
                    isRandom: true,
                    text: "IPv4 source 10.0.0.1 - 10.0.0.9 random"
                ),
                PacketGeneratorField(
                    bitOffset: 128,
                    bits: 32,
                    first: 0x1400_0000,
                    last: 0x1400_FFFF,
                    isRandom: true,
                    text: "IPv4 destination 20.0.0.0 - 20.0.255.255 random"
                ),
            ]
        )
        #expect(PacketJudge(stream.template, startsAtNetwork: true).faults.isEmpty)
    }

    @Test func takesBytesAsTheyAre() async throws {
        let stream = try await stream(
            "name x interface tap0 data { hex 0xffffffffffff 0x00010203 0xff }"
        )
        #expect(stream.template == Array(repeating: 0xFF, count: 6) + [0, 1, 2, 3, 0xFF])
    }

    @Test func makesAStreamOnTheInterfacesNodeOrTheOneGiven() async throws {
        let fake = try FakeDataplane()
        _ = try await stream("name x interface tap1 \(Self.data)", on: fake)
        _ = await CommandRunner(dataplane: fake).run(
            line:
                "packet-generator new { name y numa 0 worker 1 maxframe 7 interface tap1 \(Self.data) }"
        )
        let made = fake.recorded.withLock { $0.generator }
        #expect(made.map(\.node) == [1, 0])
        guard case .create(let second) = made[1].command else { return }
        #expect(second.lane == 1 && second.framePackets == 7)
    }

    @Test func saysWhatIsWrongWithAStream() async throws {
        #expect(
            try await refusal("interface tap0 \(Self.data)")
                == "packet-generator new lacks name STREAM"
        )
        #expect(
            try await refusal("name x \(Self.data)")
                == "packet-generator new lacks interface INTERFACE"
        )
        #expect(
            try await refusal("name x interface tap0")
                == "packet-generator new lacks data { ... } or pcap /FILE"
        )
        #expect(
            try await refusal("name x interface tap1 worker 1 \(Self.data)")
                == "NUMA node 1 has 1 lanes, numbered from 0; no lane 1"
        )
        #expect(
            try await refusal("name x interface tap0 size 20 \(Self.data)")
                == "a size of 20 bytes is less than the 42 of the headers"
        )
        #expect(
            try await refusal("name x interface tap0 node ip6-input \(Self.data)")
                == "packets start at ethernet-input, ip4-input or INTERFACE-output, not at \"ip6-input\""
        )
        #expect(
            try await refusal("name x interface tap0 data { UDP: 1.2.3.4 -> 5.6.7.8 }")
                == "packets that start with an Ethernet header begin with IP4: MAC -> MAC"
        )
        #expect(try await refusal("name x name y \(Self.data)").hasPrefix("unknown word \"name\""))
    }

    @Test func startsAndStopsStreamsWhereverTheyAre() async throws {
        let fake = try FakeDataplane()
        fake.recorded.withLock { $0.refuseGenerator = { $0 == 0 ? "no stream x" : nil } }
        let runner = CommandRunner(dataplane: fake)
        for line in ["enable-stream x", "disable-stream", "delete x", "configure x limit 1e3"] {
            let outcome = await runner.run(line: "packet-generator \(line)")
            #expect(!outcome.isError)
        }
        let made = fake.recorded.withLock { $0.generator.map(\.command) }
        #expect(
            made == [
                .enable(name: "x", isEnabled: true), .enable(name: "", isEnabled: false),
                .delete(name: "x"),
                .configure(name: "x", PacketGeneratorChange(limit: 1000)),
            ]
        )
        fake.recorded.withLock { $0.refuseGenerator = { _ in "no stream x" } }
        let refused = await runner.run(line: "packet-generator enable-stream x")
        #expect(refused.failure?.message == "NUMA node 0: no stream x; NUMA node 1: no stream x")
    }
}
