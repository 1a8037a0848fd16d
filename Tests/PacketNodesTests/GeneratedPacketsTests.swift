import ControlProtocol
import Coordination
import PacketNodes
import TestSupport
import Testing

/// What a lane makes of templates, packet after packet, beside what a plain reference says.
@MainActor
@Suite struct GeneratedPacketsTests {
    private typealias Field = PacketGeneratorField

    /// A frame with tags, an IP header and UDP, whose checksums are right.
    private static func frame(tags: Int, isIPv6: Bool, payload: [UInt8]) -> [UInt8] {
        var frame = Packet.mac(1) + Packet.mac(2)
        for tag in 0..<tags { frame += [0x81, 0, 0, UInt8(tag + 1)] }
        let udp = Packet.udp(payload)
        guard isIPv6 else {
            let inner = PacketGeneratorTests.withChecksum(Packet.IPv4(payload: udp)).inner
            return frame + [8, 0] + inner
        }
        let addresses = (0..<32).map { UInt8($0 + 1) }
        let count = UInt8(udp.count)
        let pseudo = addresses + [0, 0, 0, count, 0, 0, 0, 17]
        let sum = Packet.checksum(pseudo + udp)
        var right = udp
        right[6] = UInt8(sum >> 8)
        right[7] = UInt8(sum & 255)
        return frame + [0x86, 0xDD, 0x60, 0, 0, 0, 0, count, 17, 64] + addresses + right
    }

    /// Writes a field's value bit by bit.
    private static func put(_ value: UInt64, _ field: Field, in packet: inout [UInt8]) {
        for bit in 0..<Int(field.bits) {
            let place = Int(field.bitOffset) + Int(field.bits) - 1 - bit
            let mask = UInt8(0x80) >> UInt8(place % 8)
            packet[place / 8] &= ~mask
            if value >> UInt64(bit) & 1 == 1 { packet[place / 8] |= mask }
        }
    }

    @Test(arguments: [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)])
    func everyPacketHasItsFieldsItsSizeAndRightChecksums(tags: Int, isIPv6: Bool) throws {
        let template = Self.frame(tags: tags, isIPv6: isIPv6, payload: [1, 2, 3])
        let network = 14 + 4 * tags
        let transport = network + (isIPv6 ? 40 : 20)
        let fields = [
            Field(bitOffset: 0, bits: 48, first: 0x02FE_0000_0001, last: 0x02FE_0000_0004),
            // The last 32 bits of the source, and 64 that begin at a word.
            Field(
                bitOffset: UInt32(network + (isIPv6 ? 20 : 12)) * 8,
                bits: 32,
                first: 0xFFFF_FFF0,
                last: 0xFFFF_FFFF
            ),
            Field(bitOffset: UInt32(network + 1) * 8, bits: 4, first: 3, last: 9),
            Field(bitOffset: UInt32(transport) * 8, bits: 16, first: 0, last: 0xFFFF),
            Field(bitOffset: UInt32(transport + 8) * 8 + 3, bits: 13, first: 0, last: 8191),
        ]
        let stream = PacketGeneratorStream(
            name: "s",
            interface: 1,
            minimumBytes: UInt16(template.count),
            maximumBytes: UInt16(template.count + 100),
            template: template,
            fields: fields
        )
        var packets = try GeneratedPackets(stream)
        for index in 0..<3000 {
            let packet = packets.next()
            #expect(packet.count == template.count + index % 101)
            let judge = PacketJudge(packet)
            let layers = [isIPv6 ? "ipv6" : "ipv4", "udp"]
            #expect(judge.layers == Array(repeating: "vlan", count: tags) + layers)
            // IPv6's fourth bit of the second byte is the traffic class; IPv4's is the class too.
            #expect(judge.faults.isEmpty, "packet \(index): \(judge.faults)")
            var expected = template
            for field in fields {
                Self.put(
                    field.first + UInt64(index) % (field.last - field.first + 1),
                    field,
                    in: &expected
                )
            }
            // All but lengths, checksums and padding.
            for place in [network + 2, network + 4, network + 10, transport + 4, transport + 6] {
                if isIPv6, place == network + 2 || place == network + 10 { continue }
                if !isIPv6, place == network + 4 { continue }
                expected[place] = packet[place]
                expected[place + 1] = packet[place + 1]
            }
            #expect(Array(packet.prefix(template.count)) == expected, "packet \(index)")
        }
    }

    @Test func aChecksumThatIsZeroIsWrittenAsItsOtherForm() throws {
        // Over all source ports some sum is 0; in UDP that is no checksum.
        let template = Self.frame(tags: 0, isIPv6: false, payload: [])
        var packets = try GeneratedPackets(
            PacketGeneratorStream(
                name: "s",
                interface: 1,
                minimumBytes: UInt16(template.count),
                maximumBytes: UInt16(template.count),
                template: template,
                fields: [Field(bitOffset: 34 * 8, bits: 16, first: 0, last: 0xFFFF)]
            )
        )
        var ones = 0
        for index in 0..<65_536 {
            let packet = packets.next()
            let sum = UInt16(packet[40]) << 8 | UInt16(packet[41])
            #expect(sum != 0)
            ones += sum == 0xFFFF ? 1 : 0
            let judge = PacketJudge(packet)
            if !judge.faults.isEmpty { Issue.record("port \(index): \(judge.faults)") }
        }
        #expect(ones > 0)
    }

    @Test func randomValuesAndSizesLieInTheirRanges() throws {
        let template = Self.frame(tags: 1, isIPv6: true, payload: [1, 2, 3, 4])
        var packets = try GeneratedPackets(
            PacketGeneratorStream(
                name: "s",
                interface: 1,
                minimumBytes: UInt16(template.count),
                maximumBytes: UInt16(template.count + 9),
                sizesAreRandom: true,
                template: template,
                fields: [
                    Field(
                        bitOffset: 18 * 8 + 34 * 8,
                        bits: 64,
                        first: 0,
                        last: .max,
                        isRandom: true
                    ),
                    Field(bitOffset: 14 * 8 + 4, bits: 12, first: 100, last: 103, isRandom: true),
                ]
            )
        )
        var (sizes, tags, addresses) = (Set<Int>(), Set<Int>(), Set<[UInt8]>())
        for _ in 0..<2000 {
            let packet = packets.next()
            #expect(PacketJudge(packet).faults.isEmpty)
            sizes.insert(packet.count - template.count)
            tags.insert(Int(packet[14] & 15) << 8 | Int(packet[15]))
            addresses.insert(Array(packet[52..<60]))
        }
        #expect(sizes == Set(0...9) && tags == Set(100...103) && addresses.count == 2000)
    }

    @Test func whatIsWrongInTheTemplateStaysAsItIs() throws {
        var template = Self.frame(tags: 0, isIPv6: false, payload: [1, 2])
        template[41] ^= 1
        let wrong = Array(template[40...41])
        var packets = try GeneratedPackets(
            PacketGeneratorStream(
                name: "s",
                interface: 1,
                minimumBytes: UInt16(template.count),
                maximumBytes: UInt16(template.count + 5),
                template: template,
                fields: [Field(bitOffset: 26 * 8, bits: 32, first: 1, last: 9)]
            )
        )
        for _ in 0..<20 {
            let packet = packets.next()
            // The IPv4 header goes with size and address, UDP's length with the size.
            #expect(PacketJudge(packet).faults == ["UDP checksum"])
            #expect(Array(packet[40...41]) == wrong)
        }
    }

    /// Neither IPv4 nor IPv6: only the fields differ.
    @Test func packetsOfAnotherVersionAreMadeAsTheyAre() throws {
        for first in [UInt8(0x50), 0, 0xF5] {
            var template = Self.frame(tags: 0, isIPv6: false, payload: [1, 2])
            template[14] = first
            var packets = try GeneratedPackets(
                PacketGeneratorStream(
                    name: "s",
                    interface: 1,
                    minimumBytes: UInt16(template.count),
                    maximumBytes: UInt16(template.count + 5),
                    template: template,
                    fields: [Field(bitOffset: 26 * 8, bits: 32, first: 1, last: 9)]
                )
            )
            for index in 0..<20 {
                template.replaceSubrange(26..<30, with: [0, 0, 0, UInt8(1 + index % 9)])
                #expect(Array(packets.next().prefix(template.count)) == template)
            }
        }
    }
}
