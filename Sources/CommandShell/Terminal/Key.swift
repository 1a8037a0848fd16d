/// A key that was pressed, or something that a terminal says in its place.
public enum Key: Hashable, Sendable {
    /// Text; a combining mark comes by itself.
    case character(Character)
    case enter, tab, backspace, delete, escape, insert
    case up, down, left, right, home, end, pageUp, pageDown
    /// Ctrl or Alt with an arrow.
    case wordLeft, wordRight
    /// Ctrl and a small letter, or one of `@[\]^_`.
    case control(Character)
    /// Alt and a character.
    case alt(Character)
    /// Text that was pasted as one.
    case paste(String)
    /// A sequence that means nothing here.
    case unknown
}

/// Makes keys of the bytes that a terminal sends.
package struct KeyDecoder {
    /// Bytes that are no key yet.
    private var pending: [UInt8] = []

    /// A sequence that is longer is no key.
    static let longestSequence = 32
    /// Pasted text that is longer comes in several pieces, in bytes.
    static let longestPaste = 1 << 20

    package init() {}

    /// Whether bytes wait that may be a key by themselves, such as Escape.
    var isWaiting: Bool { !pending.isEmpty && !isPasting }

    private var isPasting: Bool { pending.starts(with: Self.pasteStart) }

    private static let pasteStart = Array("\u{1B}[200~".utf8)
    private static let pasteEnd = Array("\u{1B}[201~".utf8)

    /// Takes bytes and gives the keys that they complete.
    package mutating func feed(_ bytes: some Sequence<UInt8>) -> [Key] {
        pending += bytes
        var keys: [Key] = []
        var position = 0
        while position < pending.count {
            guard let (key, count) = Self.key(pending[position...]) else { break }
            keys.append(key)
            position += count
        }
        pending.removeFirst(position)
        return keys
    }

    /// What waits is a key, as nothing more came for a while.
    package mutating func flush() -> [Key] {
        guard isWaiting else { return [] }
        let isEscape = pending[0] == 0x1B
        let rest = pending.dropFirst()
        pending = []
        return isEscape ? [.escape] + feed(rest) : [.unknown]
    }

    /// The key at the start of `bytes` and how many of them it has; nil: it is not complete.
    private static func key(_ bytes: ArraySlice<UInt8>) -> (Key, Int)? {
        guard let first = bytes.first else { return nil }
        switch first {
        case 0x1B: return escaped(bytes)
        case 0x0D, 0x0A: return (.enter, 1)
        case 0x09: return (.tab, 1)
        case 0x7F, 0x08: return (.backspace, 1)
        case ..<0x20:
            let letter = UnicodeScalar(first + (first == 0 || first > 26 ? 0x40 : 0x60))
            return (.control(Character(letter)), 1)
        default: return character(bytes).map { (.character($0), $1) }
        }
    }

    /// A character in UTF-8; a wrong byte is a replacement character.
    private static func character(_ bytes: ArraySlice<UInt8>) -> (Character, Int)? {
        guard let first = bytes.first else { return nil }
        let length =
            switch first {
            case ..<0x80: 1
            case 0xC2..<0xE0: 2
            case 0xE0..<0xF0: 3
            case 0xF0..<0xF5: 4
            default: 1
            }
        let word = bytes.prefix(length)
        let isSound = word.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
        if isSound, word.count < length { return nil }
        let text = isSound ? String(validating: word, as: UTF8.self) : nil
        guard let character = text?.first, !TextWidth.isControl(character) else {
            return ("\u{FFFD}", text == nil ? 1 : length)
        }
        return (character, length)
    }

    private static func escaped(_ bytes: ArraySlice<UInt8>) -> (Key, Int)? {
        guard bytes.count > 1 else { return nil }
        switch bytes[bytes.startIndex + 1] {
        case UInt8(ascii: "["): return sequence(bytes)
        case UInt8(ascii: "O"):
            guard bytes.count > 2 else { return nil }
            return (named(final: bytes[bytes.startIndex + 2], numbers: []), 3)
        case 0x1B: return (.escape, 1)
        case 0x7F, 0x08: return (.alt("\u{7F}"), 2)
        default: return character(bytes.dropFirst()).map { (.alt($0), $1 + 1) }
        }
    }

    /// `ESC [ NUMBER ; NUMBER FINAL`.
    private static func sequence(_ bytes: ArraySlice<UInt8>) -> (Key, Int)? {
        if bytes.starts(with: pasteStart) { return pasted(bytes) }
        let body = bytes.dropFirst(2)
        guard let end = body.firstIndex(where: { 0x40...0x7E ~= $0 }) else {
            return bytes.count > longestSequence ? (.unknown, bytes.count) : nil
        }
        let numbers = body[..<end].split(separator: UInt8(ascii: ";")).map {
            Int(String(decoding: $0, as: UTF8.self)) ?? 0
        }
        return (named(final: body[end], numbers: numbers), end + 1 - bytes.startIndex)
    }

    private static func pasted(_ bytes: ArraySlice<UInt8>) -> (Key, Int)? {
        let text = bytes.dropFirst(pasteStart.count)
        var position = text.startIndex
        while let start = text[position...].firstIndex(of: 0x1B) {
            if text[start...].starts(with: pasteEnd) {
                let paste = String(decoding: text[..<start], as: UTF8.self)
                return (.paste(paste), start + pasteEnd.count - bytes.startIndex)
            }
            position = start + 1
        }
        guard bytes.count > longestPaste else { return nil }
        return (.paste(String(decoding: text, as: UTF8.self)), bytes.count)
    }

    private static func named(final: UInt8, numbers: [Int]) -> Key {
        let isModified = numbers.count > 1 && numbers[1] > 1
        switch final {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return isModified ? .wordRight : .right
        case UInt8(ascii: "D"): return isModified ? .wordLeft : .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "M"): return .enter
        case UInt8(ascii: "~"):
            switch numbers.first {
            case 1, 7: return .home
            case 2: return .insert
            case 3: return .delete
            case 4, 8: return .end
            case 5: return .pageUp
            case 6: return .pageDown
            default: return .unknown
            }
        default: return .unknown
        }
    }
}
