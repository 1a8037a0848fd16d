internal import CLinux
internal import LinuxSystem

/// The texts that events name by number: graph nodes, commands. Only added to, by one thread; the
/// room is bounded, and what has none is text 0, which is empty.
extension EventLog {
    /// The most bytes of a text; longer ones are cut.
    public static let longestText = 120

    /// Adds a text.
    ///
    /// - Parameter text: what `Event`s will name.
    /// - Returns: its number, from 1; 0 if there is no room left.
    public func addText(_ text: String) -> UInt32 {
        let used = Int(clamping: load(.textBytes))
        let bytes = Array(text.utf8.prefix(Self.longestText))
        guard used + 1 + bytes.count <= Self.maximumTextBytes else { return 0 }
        let start = mapping.base + Self.textOffset + used
        start.storeBytes(of: UInt8(bytes.count), as: UInt8.self)
        (start + 1).copyMemory(from: bytes, byteCount: bytes.count)
        let number = load(.textCount) + 1
        store(.textBytes, UInt64(used + 1 + bytes.count))
        store(.textCount, number)
        return UInt32(clamping: number)
    }

    /// Adds the names of the graph nodes, in the order of their indices; once.
    public func addNodeNames(_ names: [String]) {
        let numbers = names.map(addText)
        guard let first = numbers.first, first > 0 else { return }
        store(.nodeText, UInt64(first))
        store(.nodeCount, UInt64(numbers.filter { $0 > 0 }.count))
    }

    /// The texts, that of number 0 first.
    func texts() -> [String] {
        var texts = [""]
        let count = min(Int(clamping: load(.textCount)), Self.maximumTextBytes)
        let used = min(Int(clamping: load(.textBytes)), Self.maximumTextBytes)
        var offset = 0
        while texts.count <= count, offset < used {
            let start = mapping.base + Self.textOffset + offset
            let length = Int(start.load(as: UInt8.self))
            guard offset + 1 + length <= used else { break }
            let bytes = UnsafeRawBufferPointer(start: start + 1, count: length)
            texts.append(String(decoding: bytes, as: UTF8.self))
            offset += 1 + length
        }
        return texts
    }

    /// The names of the graph nodes by index.
    func nodeNames(among texts: [String]) -> [String] {
        let first = Int(clamping: load(.nodeText))
        let count = min(Int(clamping: load(.nodeCount)), texts.count)
        guard first > 0, first <= texts.count - count else { return [] }
        return Array(texts[first..<first + count])
    }
}
