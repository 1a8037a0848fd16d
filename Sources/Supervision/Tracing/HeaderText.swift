internal import ControlProtocol

/// The headers of a packet in words, as VPP's packet tracer has them.
///
/// It reads what is there: bytes may end anywhere.
struct HeaderText {
    private let bytes: [UInt8]
    /// Bytes of the whole packet.
    private let length: Int

    /// Where a packet begins.
    enum Layer { case ethernet, ipv4, arp, other }

    init(_ bytes: [UInt8], length: Int) {
        self.bytes = bytes
        self.length = length
    }

    /// The lines about a packet that begins with this layer.
    func lines(_ layer: Layer) -> [String] {
        switch layer {
        case .ethernet: ethernet()
        case .ipv4: ipv4(at: 0)
        case .arp: arp(at: 0)
        case .other: hex()
        }
    }

    private func byte(_ offset: Int) -> Int? { offset < bytes.count ? Int(bytes[offset]) : nil }

    private func half(_ offset: Int) -> Int? {
        guard offset + 2 <= bytes.count else { return nil }
        return Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }

    private func word(_ offset: Int) -> UInt32? {
        guard let high = half(offset), let low = half(offset + 2) else { return nil }
        return UInt32(high << 16 | low)
    }

    private func mac(_ offset: Int) -> MACAddress {
        MACAddress(bits: bytes[offset..<offset + 6].reduce(0) { $0 << 8 | UInt64($1) })
    }

    static func hex(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    /// The bytes, 32 a line, at most two lines.
    func hex() -> [String] {
        stride(from: 0, to: min(bytes.count, 64), by: 32).map { start in
            let digits = bytes[start..<min(start + 32, bytes.count)].map {
                String(Self.hex(Int($0), 2).dropFirst(2))
            }
            return String(Self.hex(start, 8).dropFirst(2)) + ": " + digits.joined()
        }
    }

    private func ethernet() -> [String] {
        guard bytes.count >= 14, var type = half(12) else {
            return ["ethernet header of \(length) bytes"] + hex()
        }
        var offset = 14
        var tags = ""
        while type == 0x8100 || type == 0x88A8, let tag = half(offset), let inner = half(offset + 2)
        {
            tags += " 802.1\(type == 0x8100 ? "q" : "ad") vlan \(tag & 4095)"
            type = inner
            offset += 4
        }
        let line = "\(Self.name(ofType: type)): \(mac(6)) -> \(mac(0))\(tags)"
        switch type {
        case 0x0800: return [line] + ipv4(at: offset)
        case 0x0806: return [line] + arp(at: offset)
        default: return [line]
        }
    }

    private static func name(ofType type: Int) -> String {
        switch type {
        case 0x0800: "IP4"
        case 0x0806: "ARP"
        case 0x86DD: "IP6"
        case 0..<1536: "802.3 length \(type)"
        default: hex(type, 4)
        }
    }

    private func arp(at offset: Int) -> [String] {
        guard bytes.count >= offset + 28, let operation = half(offset + 6),
            let sender = word(offset + 14), let target = word(offset + 24)
        else { return ["ARP of \(max(0, length - offset)) bytes"] }
        let name = operation == 1 ? "request" : operation == 2 ? "reply" : "operation \(operation)"
        let kind =
            half(offset) == 1 && half(offset + 2) == 0x0800
            ? "ethernet/IP4"
            : "\(Self.hex(half(offset) ?? 0, 4))/\(Self.hex(half(offset + 2) ?? 0, 4))"
        return [
            "\(name), type \(kind), address size \(bytes[offset + 4])/\(bytes[offset + 5])",
            "\(mac(offset + 8))/\(IPv4Address(bits: sender)) -> "
                + "\(mac(offset + 18))/\(IPv4Address(bits: target))",
        ]
    }

    private func ipv4(at offset: Int) -> [String] {
        guard bytes.count >= offset + 20, let first = byte(offset), let service = byte(offset + 1),
            let total = half(offset + 2), let identification = half(offset + 4),
            let fragment = half(offset + 6), let timeToLive = byte(offset + 8),
            let number = byte(offset + 9), let checksum = half(offset + 10),
            let source = word(offset + 12), let destination = word(offset + 16)
        else { return ["IP4 header of \(max(0, length - offset)) bytes"] }
        var lines = [
            "\(Self.name(ofProtocol: number)): \(IPv4Address(bits: source)) -> "
                + "\(IPv4Address(bits: destination))"
        ]
        if first != 0x45 {
            lines.append("  version \(first >> 4), header length \(first & 15 * 4)")
        }
        lines.append(
            "  tos \(Self.hex(service, 2)), ttl \(timeToLive), length \(total), checksum "
                + "\(Self.hex(checksum, 4)) dscp \(service >> 2) ecn \(service & 3)"
        )
        var flags = fragment & 0x4000 != 0 ? ", flags DONT_FRAGMENT" : ""
        if fragment & 0x2000 != 0 { flags += ", flags MORE_FRAGMENTS" }
        if fragment & 0x1FFF != 0 { flags += ", offset \((fragment & 0x1FFF) * 8)" }
        lines.append("  fragment id \(Self.hex(identification, 4))\(flags)")
        guard fragment & 0x1FFF == 0 else { return lines }
        return lines + transport(number, at: offset + max(20, first & 15 * 4))
    }

    private static func name(ofProtocol number: Int) -> String {
        switch number {
        case 1: "ICMP"
        case 6: "TCP"
        case 17: "UDP"
        default: "protocol \(number)"
        }
    }

    private func transport(_ number: Int, at offset: Int) -> [String] {
        guard let first = half(offset), let second = half(offset + 2) else { return [] }
        switch number {
        case 1:
            let rest = half(offset + 4).map {
                (first >> 8 == 0 || first >> 8 == 8) ? " id \($0)" : ""
            }
            return [
                "ICMP \(Self.name(ofICMP: first >> 8, code: first & 255)) checksum "
                    + Self.hex(second, 4) + (rest ?? "")
            ]
        case 17:
            guard let size = half(offset + 4), let checksum = half(offset + 6) else { break }
            return [
                "UDP: \(first) -> \(second)",
                "  length \(size), checksum \(Self.hex(checksum, 4))",
            ]
        case 6:
            guard let sequence = word(offset + 4), let acknowledged = word(offset + 8),
                let flags = half(offset + 12)
            else { break }
            return [
                "TCP: \(first) -> \(second)",
                "  seq. \(Self.hex(Int(sequence), 8)) ack \(Self.hex(Int(acknowledged), 8))",
                "  flags \(Self.hex(flags & 0x3F, 2))\(Self.names(ofTCP: flags)), tcp header: "
                    + "\(flags >> 12 * 4) bytes",
            ]
        default: break
        }
        return []
    }

    private static func names(ofTCP flags: Int) -> String {
        ["FIN", "SYN", "RST", "PSH", "ACK", "URG"].enumerated()
            .filter { flags >> $0.offset & 1 == 1 }.map { " " + $0.element }.joined()
    }

    private static func name(ofICMP type: Int, code: Int) -> String {
        switch type {
        case 0: "echo_reply"
        case 3: "destination_unreachable code \(code)"
        case 5: "redirect"
        case 8: "echo_request"
        case 11: "ttl_exceeded"
        case 12: "parameter_problem"
        default: "type \(type) code \(code)"
        }
    }
}
