/// An IPv6 address (RFC 4291).
public struct IPv6Address: Hashable, Sendable {
    /// The 128 bits in host byte order: ::1 is 1.
    public var bits: UInt128

    /// Makes an address of its 128 bits in host byte order.
    public init(bits: UInt128) { self.bits = bits }
}

extension IPv6Address: CustomStringConvertible {
    private var groups: [UInt16] {
        (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128((7 - $0) * 16)) }
    }

    /// Groups of hexadecimal digits, the longest run of zero groups left out (RFC 5952).
    public var description: String {
        let groups = groups
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = end + 1
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard !best.isEmpty else { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }

    /// Reads groups of hexadecimal digits with colons between them; `::` stands for zeros, and the
    /// last two groups may be an IPv4 address.
    ///
    /// - Parameter text: the address and nothing else; nil is returned for any other text.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45 else { return nil }
        let parts = String(text).split(separator: ":", omittingEmptySubsequences: false)
        guard (3...9).contains(parts.count) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            if part.isEmpty {
                // At either end, an empty part belongs to the "::" beside it.
                if index == 0, parts[1].isEmpty { continue }
                if isLast, parts[index - 1].isEmpty, gap == groups.count { continue }
                guard gap == nil, index > 0, !isLast || parts[index - 1].isEmpty else {
                    return nil
                }
                gap = groups.count
            } else if isLast, part.contains(".") {
                guard let address = IPv4Address(part) else { return nil }
                groups.append(UInt16(address.bits >> 16))
                groups.append(UInt16(address.bits & 0xFFFF))
            } else {
                guard part.utf8.count <= 4, part.utf8.first != UInt8(ascii: "+"),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        guard gap == nil ? groups.count == 8 : groups.count < 8 else { return nil }
        if let gap {
            groups.insert(contentsOf: Array(repeating: 0, count: 8 - groups.count), at: gap)
        }
        self.init(bits: groups.reduce(UInt128(0)) { $0 << 16 | UInt128($1) })
    }
}
