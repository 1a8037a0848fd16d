/// Captured packets as a file that Wireshark opens: pcapng (draft-ietf-opsawg-pcapng), one section, times in
/// nanoseconds.
struct PcapngFile {
    /// An interface of the file.
    struct Interface: Hashable {
        var name: String
        /// What its packets begin with.
        var link: Link
    }

    /// What the packets of an interface begin with: tcpdump's link types.
    enum Link: UInt16 {
        /// LINKTYPE_ETHERNET.
        case ethernet = 1
        /// LINKTYPE_IPV4.
        case ipv4 = 228
        /// LINKTYPE_VPP_DISPATCH: `DispatchRecord`.
        case dispatch = 280
    }

    /// A packet.
    struct Packet {
        var interface: Interface
        /// Since 1970.
        var nanoseconds: UInt64
        /// True: received; false: sent; nil: neither.
        var isInbound: Bool?
        /// Empty: none.
        var comment: String
        var bytes: [UInt8]
    }

    /// What every such file begins with.
    static let beginning: [UInt8] = [0x0A, 0x0D, 0x0D, 0x0A]

    private(set) var bytes: [UInt8] = []

    /// Makes a file.
    ///
    /// - Parameters:
    ///   - application: who wrote it.
    ///   - packets: in the order of their times.
    init(application: String, _ packets: [Packet]) {
        section(application)
        var numbers: [Interface: UInt32] = [:]
        for packet in packets where numbers[packet.interface] == nil {
            numbers[packet.interface] = UInt32(numbers.count)
            describe(packet.interface)
        }
        for packet in packets { add(packet, on: numbers[packet.interface] ?? 0) }
    }

    private mutating func section(_ application: String) {
        block(0x0A0D_0D0A) { body in
            body.put(UInt32(0x1A2B_3C4D))
            body.put(UInt16(1))
            body.put(UInt16(0))
            // The section's length is not said.
            body.put(UInt64.max)
            body.option(4, Array(application.utf8))
            body.endOptions()
        }
    }

    private mutating func describe(_ interface: Interface) {
        block(1) { body in
            body.put(interface.link.rawValue)
            body.put(UInt16(0))
            // No limit.
            body.put(UInt32(0))
            body.option(2, Array(interface.name.utf8))
            // Times are in units of 10^-9 s.
            body.option(9, [9])
            body.endOptions()
        }
    }

    private mutating func add(_ packet: Packet, on interface: UInt32) {
        block(6) { body in
            body.put(interface)
            body.put(UInt32(truncatingIfNeeded: packet.nanoseconds >> 32))
            body.put(UInt32(truncatingIfNeeded: packet.nanoseconds))
            body.put(UInt32(packet.bytes.count))
            body.put(UInt32(packet.bytes.count))
            body.pad(packet.bytes)
            if !packet.comment.isEmpty { body.option(1, Array(packet.comment.utf8.prefix(1024))) }
            if let isInbound = packet.isInbound {
                body.option(2, [isInbound ? 1 : 2, 0, 0, 0])
            }
            body.endOptions()
        }
    }

    /// Writes a block: its type and length, what `fill` puts between, its length again.
    private mutating func block(_ type: UInt32, _ fill: (inout Body) -> Void) {
        var body = Body()
        fill(&body)
        var head = Body()
        let length = UInt32(body.bytes.count + 12)
        head.put(type)
        head.put(length)
        bytes += head.bytes + body.bytes
        var tail = Body()
        tail.put(length)
        bytes += tail.bytes
    }

    /// The inside of a block, in the byte order of this machine.
    private struct Body {
        var bytes: [UInt8] = []

        mutating func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) }
        }

        /// Adds bytes and zeros up to a multiple of four.
        mutating func pad(_ more: [UInt8]) {
            bytes += more
            bytes += Array(repeating: 0, count: (4 - more.count % 4) % 4)
        }

        mutating func option(_ code: UInt16, _ value: [UInt8]) {
            put(code)
            put(UInt16(value.count))
            pad(value)
        }

        mutating func endOptions() { put(UInt32(0)) }
    }
}
