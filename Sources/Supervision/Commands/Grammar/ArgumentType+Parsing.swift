internal import ControlProtocol

extension ArgumentType {
    /// Reads a word; nil: it is not of this type.
    func parse(_ word: String, in context: GrammarContext) -> ArgumentValue? {
        switch self {
        case .interface:
            guard let interfaces = context.interfaces else { return .text(word) }
            return interfaces.contains(word) ? .text(word) : nil
        case .address: return IPv4Address(word).map(ArgumentValue.address)
        case .prefix: return IPv4Prefix(word).map(ArgumentValue.prefix)
        case .interfaceAddress: return Self.interfaceAddress(word)
        case .field(let value): return value.parse(word).map(ArgumentValue.range)
        case .fieldPair: return Self.pair(word)
        case .header(let range):
            guard word.hasSuffix(":") else { return nil }
            return Self.integer(word.dropLast(), in: range).map(ArgumentValue.integer)
        case .mac: return MACAddress(word).map(ArgumentValue.mac)
        case .integer(let range): return Self.integer(word, in: range).map(ArgumentValue.integer)
        case .count: return Self.count(word).map(ArgumentValue.integer)
        case .sizes(let range):
            return TemplateValue.number(range).parse(word).map(ArgumentValue.range)
        case .integers(let range): return Self.integers(word, in: range)
        case .bytes: return Self.bytes(word)
        case .numaNode:
            guard let number = Self.integer(word, in: 0...63) else { return nil }
            return context.numaNodes?.contains(number) ?? true ? .integer(number) : nil
        case .word: return word == "{" || word == "}" ? nil : .text(word)
        case .path: return word.hasPrefix("/") ? .text(word) : nil
        case .rest: return .text(word)
        }
    }

    private static func interfaceAddress(_ word: String) -> ArgumentValue? {
        guard let prefix = IPv4Prefix(word), let slash = word.firstIndex(of: "/"),
            let address = IPv4Address(word[..<slash])
        else { return nil }
        return .interfaceAddress(
            InterfaceAddress(address: address.bits, prefixLength: UInt8(prefix.length))
        )
    }

    private static func pair(_ word: String) -> ArgumentValue? {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let mac = TemplateValue.mac.parse(parts[0]),
            let address = TemplateValue.ipv4.parse(parts[1])
        else { return nil }
        return .pair(mac, address)
    }

    static func integer(_ word: some StringProtocol, in range: ClosedRange<Int>) -> Int? {
        let isHexadecimal = word.hasPrefix("0x")
        let digits = isHexadecimal ? word.dropFirst(2) : word[...]
        guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
            let value = Int(digits, radix: isHexadecimal ? 16 : 10), range.contains(value)
        else { return nil }
        return value
    }

    private static func count(_ word: String) -> Int? {
        if let value = integer(word, in: 0...Int.max) { return value }
        guard word.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 || $0 == 101 || $0 == 43 }),
            let value = Double(word), value.isFinite, value >= 0, value <= 1e15
        else { return nil }
        return Int(value)
    }

    private static func integers(_ word: String, in range: ClosedRange<Int>) -> ArgumentValue? {
        var numbers: [Int] = []
        for part in word.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = integer(part, in: range), !numbers.contains(number) else {
                return nil
            }
            numbers.append(number)
        }
        return .integers(numbers)
    }

    private static func bytes(_ word: String) -> ArgumentValue? {
        let digits = Array(word.utf8)
        guard word.hasPrefix("0x"), digits.count > 2, digits.count.isMultiple(of: 2) else {
            return nil
        }
        var bytes: [UInt8] = []
        for position in stride(from: 2, to: digits.count, by: 2) {
            let pair = String(decoding: digits[position..<position + 2], as: UTF8.self)
            guard pair.utf8.first != UInt8(ascii: "+"), let byte = UInt8(pair, radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return .bytes(bytes)
    }
}
