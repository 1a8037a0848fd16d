internal import ControlProtocol

/// The bytes of a packet that is being made, and what differs from packet to packet.
struct TemplateWriter {
    private(set) var bytes: [UInt8] = []
    private(set) var fields: [PacketGeneratorField] = []

    /// A field of a header: where it is, and which words it is made of.
    struct Field {
        /// Under which its words are kept.
        var key: String
        /// How operators read it.
        var name: String
        var kind: TemplateValue
        var bits: Int
        /// In bits from the start of the header.
        var at: Int

        init(_ key: String, _ name: String, _ kind: TemplateValue, bits: Int, at offset: Int) {
            self.key = key
            self.name = name
            self.kind = kind
            self.bits = bits
            at = offset
        }

        /// A number.
        init(_ key: String, _ name: String, bits: Int, at offset: Int) {
            self.init(key, name, .number(0...0), bits: bits, at: offset)
        }
    }

    /// Appends bytes.
    mutating func append(_ more: some Sequence<UInt8>) { bytes += more }

    /// Writes a number, its highest bit at a place in bits from the packet's start.
    mutating func put(_ value: UInt128, bits: Int, at offset: Int) {
        for bit in 0..<bits {
            let place = offset + bits - 1 - bit
            let mask = UInt8(0x80) >> UInt8(place % 8)
            if value >> UInt128(bit) & 1 == 1 {
                bytes[place / 8] |= mask
            } else {
                bytes[place / 8] &= ~mask
            }
        }
    }

    /// Writes a word of 16 bits.
    mutating func put(_ value: Int, at byte: Int) {
        put(UInt128(value & 0xFFFF), bits: 16, at: byte * 8)
    }

    /// Writes what words say of a field, or what it is without.
    ///
    /// - Parameters:
    ///   - field: which.
    ///   - words: those of its header.
    ///   - header: the header's first byte.
    ///   - value: what it is if no word says so.
    ///   - isRandom: whether a range is drawn from, whatever its sign.
    ///   - unit: what values are counted in.
    /// - Throws: `CommandFailure` for a range that no lane can make.
    mutating func put(
        _ field: Field,
        _ words: TemplateWords,
        header: Int,
        otherwise value: UInt128 = 0,
        isRandom: Bool = false,
        unit: UInt128 = 1
    ) throws(CommandFailure) {
        var range = try words.range(field.key) ?? TemplateRange(value)
        let place = words.place(field.key)
        guard range.first % unit == 0, range.last % unit == 0 else {
            throw .refused("the \(field.name) is counted in \(unit)s", position: place)
        }
        if isRandom { range.isRandom = true }
        let text = "\(field.name) \(field.kind.text(range))"
        range.first /= unit
        range.last /= unit
        try put(range, field, text, at: header * 8 + field.at, position: place)
    }

    /// Writes a range's first value, and notes that packets differ if they do.
    mutating func put(
        _ range: TemplateRange,
        _ field: Field,
        _ text: String,
        at offset: Int,
        position: Int?
    ) throws(CommandFailure) {
        put(range.first, bits: field.bits, at: offset)
        guard range.isVaried else { return }
        guard range.first >> 64 == range.last >> 64 else {
            throw .refused(
                "the \(field.name) can vary in its last 64 bits only",
                position: position
            )
        }
        guard fields.count < PacketGeneratorField.mostFields else {
            throw .refused(
                "more than \(PacketGeneratorField.mostFields) fields vary",
                position: position
            )
        }
        let bits = min(field.bits, 64)
        fields.append(
            PacketGeneratorField(
                bitOffset: UInt32(offset + field.bits - bits),
                bits: UInt8(bits),
                first: UInt64(truncatingIfNeeded: range.first),
                last: UInt64(truncatingIfNeeded: range.last),
                isRandom: range.isRandom,
                text: text
            )
        )
    }
}
