internal import ControlProtocol

/// The values of a template's field: one, or those from a first to a last, counted up or drawn.
struct TemplateRange: Hashable, Sendable {
    var first: UInt128
    /// Not below the first.
    var last: UInt128
    var isRandom = false

    init(_ value: UInt128) {
        first = value
        last = value
    }

    /// Makes a range; nil: it does not go up.
    init?(_ first: UInt128, _ last: UInt128, isRandom: Bool) {
        guard first <= last else { return nil }
        self.first = first
        self.last = last
        self.isRandom = isRandom
    }

    /// Whether packets differ in the field.
    var isVaried: Bool { first != last }

    /// Reads `A`, `A-B` (counted up) or `A+B` (drawn); nil: it is none of them.
    ///
    /// - Parameters:
    ///   - word: the word.
    ///   - value: reads `A` and `B`.
    init?(_ word: String, value: (Substring) -> UInt128?) {
        guard let sign = word.firstIndex(where: { $0 == "-" || $0 == "+" }) else {
            guard let only = value(word[...]) else { return nil }
            self.init(only)
            return
        }
        guard let first = value(word[..<sign]),
            let last = value(word[word.index(after: sign)...])
        else { return nil }
        self.init(first, last, isRandom: word[sign] == "+")
    }
}

/// What a template's field holds.
enum TemplateValue: Hashable, Sendable {
    case number(ClosedRange<Int>)
    case mac, ipv4, ipv6

    /// How messages call it.
    var label: String {
        switch self {
        case .number(let range): "\(range.lowerBound)...\(range.upperBound)"
        case .mac: "MAC"
        case .ipv4: "A.B.C.D"
        case .ipv6: "IPV6"
        }
    }

    /// What a word that does not fit is not.
    var requirement: String {
        switch self {
        case .number(let range):
            "a number in \(range.lowerBound)...\(range.upperBound), or two with - or + between"
        case .mac:
            "an Ethernet address such as 02:fe:00:00:00:01, or two with - or + between"
        case .ipv4: "an IPv4 address, or a range A-B or A+B of them in ascending order"
        case .ipv6: "an IPv6 address, or a range A-B or A+B of them in ascending order"
        }
    }

    /// Reads a value or a range of them; nil: it is none.
    func parse(_ word: String) -> TemplateRange? { TemplateRange(word, value: value) }

    private func value(_ word: Substring) -> UInt128? {
        switch self {
        case .number(let range):
            ArgumentType.integer(word, in: range).map { UInt128($0) }
        case .mac: MACAddress(word).map { UInt128($0.bits) }
        case .ipv4: IPv4Address(word).map { UInt128($0.bits) }
        case .ipv6: IPv6Address(word)?.bits
        }
    }

    /// How operators read a value.
    func text(_ value: UInt128) -> String {
        switch self {
        case .number: "\(value)"
        case .mac: "\(MACAddress(bits: UInt64(truncatingIfNeeded: value)))"
        case .ipv4: "\(IPv4Address(bits: UInt32(truncatingIfNeeded: value)))"
        case .ipv6: "\(IPv6Address(bits: value))"
        }
    }

    /// How operators read a range.
    func text(_ range: TemplateRange) -> String {
        guard range.isVaried else { return text(range.first) }
        return "\(text(range.first)) - \(text(range.last))" + (range.isRandom ? " random" : "")
    }
}
