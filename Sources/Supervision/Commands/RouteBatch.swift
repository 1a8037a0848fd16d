internal import ControlProtocol
internal import Routing

/// Routes of consecutive lines, collected by where they lead.
///
/// A line is taken if it reads `ip route add A.B.C.D/L TAIL`, these words in full, and its tail is
/// that of a line that the grammar has read before; so the cost of the grammar is paid once for
/// each tail.
struct RouteBatch {
    /// Routes that lead to the same place.
    struct Group {
        var target: RouteTarget
        var prefixes: [IPv4Prefix] = []
        /// The line of each prefix.
        var lines: [Int] = []
    }

    /// In the order of their first lines.
    private(set) var groups: [Group] = []
    /// Routes in all groups.
    private(set) var count = 0
    private var groupOfTail: [[UInt8]: Int] = [:]
    /// The tail of the last line taken, and its group.
    private var lastTail: [UInt8] = []
    private var lastGroup = -1

    /// The most tails that are kept apart.
    static let maximumGroups = 4096

    /// Whether the batch must be applied before a route with a new tail is taken.
    ///
    /// Paths of one prefix add up whatever their order; a target that is not a path replaces what
    /// was there, so it shares a batch only with its like.
    func mustBeApplied(before target: RouteTarget) -> Bool {
        guard let first = groups.first?.target else { return false }
        if groups.count >= Self.maximumGroups { return true }
        return first != target && !(first.isPaths && target.isPaths)
    }

    /// Whether a line could be taken, had its tail been learnt.
    static func isRoute(_ tokens: [CommandToken]) -> Bool {
        tokens.count > 4 && tokens[0].text == "ip" && tokens[1].text == "route"
            && tokens[2].text == "add" && IPv4Prefix(tokens[3].text) != nil
    }

    /// What follows the prefix, its words separated by single blanks.
    static func tail(of tokens: [CommandToken]) -> [UInt8] {
        Array(tokens[4...].map(\.text).joined(separator: " ").utf8)
    }

    /// Takes the first line with a tail.
    mutating func learn(
        _ tail: [UInt8],
        _ target: RouteTarget,
        prefix: IPv4Prefix,
        line: Int
    ) {
        let known = groupOfTail[tail] ?? groups.count
        if known == groups.count {
            groups.append(Group(target: target))
            groupOfTail[tail] = known
        }
        lastTail = tail
        lastGroup = known
        add(prefix, line: line)
    }

    /// Takes a line, if it is a route whose tail was learnt.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - range: the line in `bytes`, its line feed not included.
    ///   - line: its number.
    /// - Returns: whether it was taken.
    mutating func take(_ bytes: [UInt8], _ range: Range<Int>, line: Int) -> Bool {
        guard lastGroup >= 0 else { return false }
        var scanner = LineScanner(bytes: bytes, position: range.lowerBound, end: range.upperBound)
        guard scanner.skip(word: "ip"), scanner.skip(word: "route"), scanner.skip(word: "add"),
            let prefix = scanner.prefix()
        else { return false }
        let tail = scanner.rest
        if !tail.elementsEqual(lastTail) {
            let key = Array(tail)
            guard let group = groupOfTail[key] else { return false }
            lastTail = key
            lastGroup = group
        }
        add(prefix, line: line)
        return true
    }

    private mutating func add(_ prefix: IPv4Prefix, line: Int) {
        groups[lastGroup].prefixes.append(prefix)
        groups[lastGroup].lines.append(line)
        count += 1
    }
}

extension RouteTarget {
    fileprivate var isPaths: Bool { if case .paths = self { true } else { false } }
}

/// Reads the fixed parts of a route line.
private struct LineScanner {
    let bytes: [UInt8]
    var position: Int
    let end: Int

    private static let space = UInt8(ascii: " ")

    private static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == 9 || byte == 13 }

    private mutating func skipBlanks() {
        while position < end, Self.isBlank(bytes[position]) { position += 1 }
    }

    /// Goes past a word and the blank that must follow it.
    mutating func skip(word: StaticString) -> Bool {
        skipBlanks()
        let count = word.utf8CodeUnitCount
        guard position + count < end, bytes[position + count] == Self.space else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] {
            return false
        }
        position += count
        return true
    }

    /// Reads `A.B.C.D/L`, host bits cleared.
    mutating func prefix() -> IPv4Prefix? {
        skipBlanks()
        var address: UInt32 = 0
        for index in 0..<4 {
            guard let part = number(atMost: 255), position < end,
                bytes[position] == UInt8(ascii: index < 3 ? "." : "/")
            else { return nil }
            address = address << 8 | part
            position += 1
        }
        guard let length = number(atMost: 32), position < end, bytes[position] == Self.space else {
            return nil
        }
        return IPv4Prefix(address: IPv4Address(bits: address), length: Int(length))
    }

    /// Reads a decimal number without leading zeros.
    private mutating func number(atMost limit: UInt32) -> UInt32? {
        let start = position
        var value: UInt32 = 0
        while position < end, position - start < 4, case let digit = bytes[position] &- 48,
            digit <= 9
        {
            value = value * 10 + UInt32(digit)
            position += 1
        }
        let hasLeadingZero = position - start > 1 && bytes[start] == 48
        return position > start && value <= limit && !hasLeadingZero ? value : nil
    }

    /// What is left, without blanks at its ends.
    var rest: ArraySlice<UInt8> {
        var start = position
        var end = end
        while start < end, Self.isBlank(bytes[start]) { start += 1 }
        while end > start, Self.isBlank(bytes[end - 1]) { end -= 1 }
        return bytes[start..<end]
    }
}
