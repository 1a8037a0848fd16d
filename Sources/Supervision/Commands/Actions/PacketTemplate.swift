internal import ControlProtocol

/// A packet as `packet-generator new { data { ... } }` describes it, turned into bytes.
///
/// The words are VPP's: each line names the header that follows (`IP4:` an Ethernet header with
/// that type, then `UDP:` an IPv4 header with that protocol, then `UDP:` the UDP header itself).
struct PacketTemplate {
    /// The upper-layer header.
    enum Transport {
        case none
        case udp(source: UInt16, destination: UInt16)
        case tcp(source: UInt16, destination: UInt16)
        case icmp(type: UInt8, code: UInt8, identifier: UInt16, sequence: UInt16)
    }

    /// The Ethernet addresses, destination first; nil: the packet starts with its IPv4 header.
    private var ethernet: (source: MACAddress, destination: MACAddress)?
    private var addressing: (sources: ClosedRange<UInt32>, destinations: ClosedRange<UInt32>)?
    private var proto: UInt8 = 0
    private var timeToLive: UInt8 = 64
    private var typeOfService: UInt8 = 0
    private var transport = Transport.none
    private var payload: [UInt8] = []
    /// Whether varied addresses are drawn at random.
    private(set) var isRandom = false

    /// The range of source addresses; 0...0 without an IPv4 header.
    var sources: ClosedRange<UInt32> { addressing?.sources ?? 0...0 }
    /// The range of destination addresses; 0...0 without an IPv4 header.
    var destinations: ClosedRange<UInt32> { addressing?.destinations ?? 0...0 }

    /// A range as a stream has it: 0...0 for a single address.
    func varied(_ range: ClosedRange<UInt32>) -> ClosedRange<UInt32> {
        range.count > 1 ? range : 0...0
    }

    /// Takes the arguments that `syntax` keeps.
    ///
    /// - Parameters:
    ///   - input: the arguments of the command.
    ///   - startsAtIPv4: whether the first header must be the IPv4 one.
    /// - Throws: `CommandFailure` for headers that do not go together.
    init(_ input: CommandInput, startsAtIPv4: Bool) throws(CommandFailure) {
        if let source = input.mac("source-mac"), let destination = input.mac("destination-mac") {
            guard !startsAtIPv4 else {
                throw .refused(
                    "packets that start at ip4-input have no Ethernet header: leave IP4: out"
                )
            }
            ethernet = (source, destination)
        }
        for capture in input.captures where capture.key == "payload" {
            switch capture.value {
            case .bytes(let bytes): payload += bytes
            case .integer(let count): payload += Self.pattern(count)
            default: break
            }
        }
        guard let sources = try Self.range(input, "source"),
            let destinations = try Self.range(input, "destination")
        else { return }
        guard ethernet != nil || startsAtIPv4 else {
            throw .refused("packets that start at ethernet-input begin with IP4: MAC -> MAC")
        }
        addressing = (sources, destinations)
        timeToLive = UInt8(input.integer("ttl") ?? 64)
        typeOfService = UInt8(input.integer("tos") ?? 0)
        isRandom = input.has("random")
        takeTransport(input)
    }

    private mutating func takeTransport(_ input: CommandInput) {
        let source = UInt16(input.integer("source-port") ?? 0)
        let destination = UInt16(input.integer("destination-port") ?? 0)
        let hasPorts = input.integer("source-port") != nil
        if input.has("UDP:") {
            proto = 17
            if hasPorts { transport = .udp(source: source, destination: destination) }
        } else if input.has("TCP:") {
            proto = 6
            if hasPorts { transport = .tcp(source: source, destination: destination) }
        } else {
            proto = 1
            guard input.has("ICMP") else { return }
            let type = input.has("echo_reply") ? 0 : input.integer("type") ?? 8
            transport = .icmp(
                type: UInt8(type),
                code: UInt8(input.integer("code") ?? 0),
                identifier: UInt16(input.integer("id") ?? 0),
                sequence: UInt16(input.integer("seq") ?? 0)
            )
        }
    }

    private static func range(
        _ input: CommandInput,
        _ key: String
    ) throws(CommandFailure) -> ClosedRange<UInt32>? {
        guard case .addressRange(let range) = input.value(key) else { return nil }
        guard let last = input.address(key + "-last") else { return range }
        guard range.lowerBound <= last.bits else {
            let first = IPv4Address(bits: range.lowerBound)
            throw .refused("the range \(first) - \(last) does not ascend")
        }
        return range.lowerBound...last.bits
    }

    /// Bytes that count up from 0.
    static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }
}

extension PacketTemplate {
    /// The packet: `size` bytes, the payload going on with bytes that count up; nil: what the words
    /// make.
    ///
    /// Lengths and checksums are those of the whole packet. A stream with varied addresses has no
    /// UDP checksum (RFC 768 allows that), because its packets differ.
    func bytes(size: Int?) throws(CommandFailure) -> [UInt8] {
        let header = headerBytes
        var content = payload
        if let size {
            guard size >= header + payload.count else {
                throw .refused(
                    "a size of \(size) bytes is less than the \(header + payload.count) of data { }"
                )
            }
            let missing = size - header - payload.count
            content += Self.pattern(payload.count + missing).suffix(missing)
        }
        guard header + content.count > 0, header + content.count <= 9216 else {
            throw .refused("a packet of \(header + content.count) bytes; it can have 1...9216")
        }
        var bytes = ethernetBytes
        guard let addressing else { return bytes + content }
        let segment = transportBytes(content, addressing)
        bytes += ipv4Bytes(length: 20 + segment.count, addressing)
        return bytes + segment
    }

    private var headerBytes: Int {
        let transportBytes =
            switch transport {
            case .none: 0
            case .udp, .icmp: 8
            case .tcp: 20
            }
        return (ethernet == nil ? 0 : 14) + (addressing == nil ? 0 : 20 + transportBytes)
    }

    private var ethernetBytes: [UInt8] {
        guard let ethernet else { return [] }
        return (0..<6).map { ethernet.destination[$0] } + (0..<6).map { ethernet.source[$0] } + [
            8, 0,
        ]
    }

    private func ipv4Bytes(
        length: Int,
        _ addresses: (sources: ClosedRange<UInt32>, destinations: ClosedRange<UInt32>)
    ) -> [UInt8] {
        var header: [UInt8] = [0x45, typeOfService]
        header += Self.pair(UInt16(length))
        header += [0, 0, 0, 0, timeToLive, proto, 0, 0]
        header += Self.quad(addresses.sources.lowerBound)
        header += Self.quad(addresses.destinations.lowerBound)
        header.replaceSubrange(10..<12, with: Self.pair(InternetChecksum.of(header)))
        return header
    }

    private func transportBytes(
        _ content: [UInt8],
        _ addresses: (sources: ClosedRange<UInt32>, destinations: ClosedRange<UInt32>)
    ) -> [UInt8] {
        let pseudoHeader =
            Self.quad(addresses.sources.lowerBound)
            + Self.quad(addresses.destinations.lowerBound) + [0, proto]
        switch transport {
        case .none: return content
        case .udp(let source, let destination):
            let length = Self.pair(UInt16(8 + content.count))
            var segment = Self.pair(source) + Self.pair(destination) + length + [0, 0] + content
            if addresses.sources.count == 1, addresses.destinations.count == 1 {
                let sum = InternetChecksum.of(pseudoHeader + length + segment)
                segment.replaceSubrange(6..<8, with: Self.pair(sum == 0 ? 0xFFFF : sum))
            }
            return segment
        case .tcp(let source, let destination):
            var segment = Self.pair(source) + Self.pair(destination)
            segment += [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xFF, 0xFF, 0, 0, 0, 0] + content
            let sum = InternetChecksum.of(
                pseudoHeader + Self.pair(UInt16(segment.count)) + segment
            )
            segment.replaceSubrange(16..<18, with: Self.pair(sum))
            return segment
        case .icmp(let type, let code, let identifier, let sequence):
            var message =
                [type, code, 0, 0] + Self.pair(identifier) + Self.pair(sequence) + content
            message.replaceSubrange(2..<4, with: Self.pair(InternetChecksum.of(message)))
            return message
        }
    }

    private static func pair(_ value: UInt16) -> [UInt8] {
        [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    private static func quad(_ value: UInt32) -> [UInt8] {
        pair(UInt16(value >> 16)) + pair(UInt16(truncatingIfNeeded: value))
    }
}

/// The checksum of IPv4, ICMP, UDP and TCP (RFC 1071).
enum InternetChecksum {
    /// The one's complement of the one's complement sum of the 16-bit words, big-endian; an odd
    /// byte at the end counts as the upper half of a word.
    static func of(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for (index, byte) in bytes.enumerated() {
            sum += index.isMultiple(of: 2) ? UInt32(byte) << 8 : UInt32(byte)
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + (sum >> 16) }
        return ~UInt16(sum)
    }
}
