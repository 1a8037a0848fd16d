/// Packets as plain bytes, made and checked without the code under test.
struct Packet: Hashable, CustomStringConvertible {
    var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    subscript(index: Int) -> UInt8 {
        get { bytes[index] }
        set { bytes[index] = newValue }
    }

    func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }

    mutating func setWord(_ value: UInt16, at offset: Int) {
        bytes[offset] = UInt8(value >> 8)
        bytes[offset + 1] = UInt8(value & 255)
    }

    /// RFC 1071 by the book: big-endian words, one at a time.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var sum: UInt32 = 0
        for (index, byte) in bytes.enumerated() {
            sum += index % 2 == 0 ? UInt32(byte) << 8 : UInt32(byte)
            if sum > 0xFFFF { sum -= 0xFFFF }
        }
        return ~UInt16(sum)
    }

    static func bytes(of value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func mac(_ last: UInt8) -> [UInt8] { [2, 0xFE, 0, 0, 0, last] }

    /// The fields of an IPv4 packet in an Ethernet frame.
    struct IPv4 {
        var to = Packet.mac(1)
        var from = Packet.mac(0x19)
        var source = address(10, 0, 1, 9)
        var destination = address(20, 1, 2, 3)
        var timeToLive: UInt8 = 64
        var number: UInt8 = 17
        var typeOfService: UInt8 = 0
        var identification: UInt16 = 0x1234
        var fragment: UInt16 = 0
        var options: [UInt8] = []
        var payload: [UInt8] = Packet.udp(Array(repeating: 0xAB, count: 18))
        var padding = 0

        /// The packet without its Ethernet header.
        var inner: [UInt8] {
            let length = 20 + options.count + payload.count
            var header: [UInt8] = [
                0x40 | UInt8(5 + options.count / 4), typeOfService, UInt8(length >> 8),
                UInt8(length & 255), UInt8(identification >> 8), UInt8(identification & 255),
                UInt8(fragment >> 8), UInt8(fragment & 255), timeToLive, number, 0, 0,
            ]
            header += Packet.bytes(of: source) + Packet.bytes(of: destination) + options
            let checksum = Packet.checksum(header)
            header[10] = UInt8(checksum >> 8)
            header[11] = UInt8(checksum & 255)
            return header + payload
        }

        var frame: Packet {
            Packet(to + from + [8, 0] + inner + Array(repeating: 0, count: padding))
        }
    }

    static func udp(_ data: [UInt8], from: UInt16 = 1000, to: UInt16 = 2000) -> [UInt8] {
        let length = 8 + data.count
        return [
            UInt8(from >> 8), UInt8(from & 255), UInt8(to >> 8), UInt8(to & 255),
            UInt8(length >> 8), UInt8(length & 255), 0, 0,
        ] + data
    }

    static func icmp(type: UInt8, code: UInt8 = 0, rest: [UInt8] = [0, 1, 0, 2], data: [UInt8])
        -> [UInt8]
    {
        var message = [type, code, 0, 0] + rest + data
        let checksum = checksum(message)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 255)
        return message
    }

    /// An ARP message in an Ethernet frame of 42 bytes.
    struct ARP {
        var to: [UInt8] = Array(repeating: 0xFF, count: 6)
        var from: [UInt8]?
        var operation: UInt8 = 1
        var senderMAC = Packet.mac(0x19)
        var sender = address(10, 0, 1, 9)
        var targetMAC: [UInt8] = Array(repeating: 0, count: 6)
        var target = address(10, 0, 1, 1)

        var frame: Packet {
            Packet(
                to + (from ?? senderMAC) + [8, 6, 0, 1, 8, 0, 6, 4, 0, operation] + senderMAC
                    + Packet.bytes(of: sender) + targetMAC + Packet.bytes(of: target)
            )
        }
    }
}

/// An IPv4 address in host byte order.
func address(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) -> UInt32 {
    UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
}
