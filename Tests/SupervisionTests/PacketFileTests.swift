import TestSupport
import Testing

@testable import Supervision

/// Capture files of all sorts, whole and broken.
@Suite struct PacketFileTests {
    private static let limits = PacketFile.Limits(packets: 100, bytes: 20_000, packetBytes: 9216)
    static let packets: [[UInt8]] = [
        Array(0..<60), [1], Array(repeating: 0xAB, count: 1513), Array(repeating: 7, count: 64),
    ]

    static func bytes(_ value: Int, _ count: Int, _ isBigEndian: Bool) -> [UInt8] {
        let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        return isBigEndian ? little.reversed() : little
    }

    static func pcap(
        _ packets: [[UInt8]] = packets,
        isBigEndian: Bool = false,
        magic: Int = 0xA1B2_C3D4,
        link: Int = 1
    ) -> [UInt8] {
        func number(_ value: Int, _ count: Int = 4) -> [UInt8] { bytes(value, count, isBigEndian) }
        var file = number(magic) + number(2, 2) + number(4, 2) + number(0) + number(0)
        file += number(65_535) + number(link)
        for (index, packet) in packets.enumerated() {
            file += number(index) + number(0) + number(packet.count) + number(packet.count)
            file += packet
        }
        return file
    }

    static func block(_ type: Int, _ body: [UInt8], _ isBigEndian: Bool) -> [UInt8] {
        let padded = body + Array(repeating: 0, count: (4 - body.count % 4) % 4)
        let length = bytes(padded.count + 12, 4, isBigEndian)
        return bytes(type, 4, isBigEndian) + length + padded + length
    }

    static func pcapng(isBigEndian: Bool, link: Int = 1) -> [UInt8] {
        func number(_ value: Int, _ count: Int = 4) -> [UInt8] { bytes(value, count, isBigEndian) }
        let section = number(0x1A2B_3C4D) + number(1, 2) + number(0, 2) + number(-1, 8)
        var file = block(0x0A0D_0D0A, section, isBigEndian)
        file += block(1, number(link, 2) + number(0, 2) + number(0), isBigEndian)
        for (index, packet) in packets.enumerated() {
            let count = number(packet.count)
            switch index % 3 {
            case 0:
                file += block(
                    6,
                    number(0) + number(0) + number(0) + count + count + packet,
                    isBigEndian
                )
            case 1: file += block(3, count + packet, isBigEndian)
            default:
                let head = number(0, 2) + number(0, 2) + number(0) + number(0)
                file += block(2, head + count + count + packet, isBigEndian)
            }
            // A block that means nothing here.
            file += block(0xBAD, [1, 2, 3], isBigEndian)
        }
        return file
    }

    private func fault(_ file: [UInt8], limits: PacketFile.Limits = limits) -> String {
        do throws(PacketFile.Fault) {
            _ = try PacketFile(file, limits: limits)
            return "none"
        } catch { return error.description }
    }

    @Test(arguments: [false, true], [0xA1B2_C3D4, 0xA1B2_3C4D])
    func readsPcapOfBothOrdersAndUnits(isBigEndian: Bool, magic: Int) throws {
        let file = try PacketFile(
            Self.pcap(isBigEndian: isBigEndian, magic: magic),
            limits: Self.limits
        )
        #expect(file.packets == Self.packets && file.link == .ethernet && file.cutPackets == 0)
    }

    @Test(arguments: [false, true])
    func readsPcapngOfBothOrders(isBigEndian: Bool) throws {
        let bytes = Self.pcapng(isBigEndian: isBigEndian)
        let file = try PacketFile(bytes, limits: Self.limits)
        #expect(file.packets == Self.packets && file.link == .ethernet)
        // Sections follow one another, each in its own order.
        let both = try PacketFile(
            bytes + Self.pcapng(isBigEndian: !isBigEndian),
            limits: Self.limits
        )
        #expect(both.packets == Self.packets + Self.packets)
    }

    @Test func readsWhatCapturesWrite() throws {
        let written = PcapngFile(
            application: "test",
            Self.packets.map {
                PcapngFile.Packet(
                    interface: PcapngFile.Interface(name: "left0", link: .ethernet),
                    nanoseconds: 5,
                    isInbound: false,
                    comment: "",
                    bytes: $0
                )
            }
        )
        #expect(try PacketFile(written.bytes, limits: Self.limits).packets == Self.packets)
    }

    @Test func saysWhereAFileIsBroken() {
        let whole = Self.pcap()
        #expect(fault([]) == "byte 0: 0 bytes are no capture file")
        #expect(
            fault(Array("not a capture".utf8))
                == "byte 0: 0x6e6f7420 begins neither a pcap nor a pcapng file"
        )
        #expect(fault(Array(whole[..<20])) == "byte 20: the file ends within its header")
        #expect(fault(Array(whole[..<24])) == "byte 24: the file ends without a packet")
        #expect(fault(Array(whole[..<30])).hasPrefix("byte 24: the file ends within the header of"))
        #expect(
            fault(Array(whole[..<50]))
                == "byte 24: packet 1 has 60 bytes by its header, and 10 are left in the file"
        )
        #expect(fault(Self.pcap(link: 105)).hasPrefix("byte 24: packet 1 is of link type 105"))
        #expect(fault(Self.pcap([[1], []])).hasPrefix("byte 41: packet 2 has 0 bytes"))
        var other = whole
        other[4] = 9
        #expect(fault(other) == "byte 4: version 9; only 2 is known")
        let few = PacketFile.Limits(packets: 3, bytes: 20_000, packetBytes: 9216)
        #expect(fault(whole, limits: few).hasSuffix("there are more than 3 packets"))
        let small = PacketFile.Limits(packets: 9, bytes: 1000, packetBytes: 9216)
        #expect(fault(whole, limits: small).contains("up to number 3 have more than"))
        let narrow = PacketFile.Limits(packets: 9, bytes: 20_000, packetBytes: 1500)
        #expect(
            fault(whole, limits: narrow).contains("packet 3 has 1513 bytes; it can have 1...1500")
        )

        let next = Self.pcapng(isBigEndian: false)
        #expect(fault(Array(next[..<10])).hasSuffix("the file ends within the header of a block"))
        #expect(
            fault(Array(next[..<40])).contains("byte 28: a block of 20 bytes, where 12 are left")
        )
        var twisted = next
        twisted[24] = 99
        #expect(
            fault(twisted).contains("the length at the block's end is not the one at its start")
        )
        let withoutInterface = Array(next[..<28]) + next[48...]
        #expect(
            fault(withoutInterface).contains("of interface 0, which the file does not describe")
        )
    }

    @Test func packetsOfWhichAPartIsThereAreCounted() throws {
        var bytes = Self.pcap([[1, 2, 3], [4]])
        bytes[24 + 12] = 200
        let file = try PacketFile(bytes, limits: Self.limits)
        #expect(file.cutPackets == 1 && file.packets == [[1, 2, 3], [4]])
    }

    /// Whatever the bytes are, they are read or refused.
    @Test func anyBytesAreReadOrRefusedInBounds() {
        let files = [
            Self.pcap(), Self.pcap(isBigEndian: true), Self.pcapng(isBigEndian: false),
            Self.pcapng(isBigEndian: true),
        ]
        var mutator = Mutator(texts: files, seed: 20_261_123)
        var random = SeededNumbers(seed: 9)
        var (read, refused) = (0, 0)
        for _ in 0..<20_000 {
            var bytes = mutator.next()
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                    in: 0...255,
                    using: &random
                )
            }
            do throws(PacketFile.Fault) {
                let file = try PacketFile(bytes, limits: Self.limits)
                #expect(file.packets.count <= 100 && !file.packets.isEmpty)
                #expect(file.packets.reduce(0) { $0 + $1.count } <= bytes.count)
                read += 1
            } catch {
                #expect(0...bytes.count ~= error.offset)
                refused += 1
            }
        }
        #expect(read > 100 && refused > 100, "\(read) read, \(refused) refused")
    }
}
