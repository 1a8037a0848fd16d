extension StartupReader {
    /// A word that may stand in a block.
    struct Key: Sendable {
        /// What follows the word.
        enum Shape: Sendable {
            case flag
            case value
            case block
            /// A word, and perhaps a block after it: `dev 0000:03:00.0 { ... }`.
            case named
        }

        /// What was written at a key.
        struct Value: Sendable {
            /// The key itself.
            let key: StartupEntry
            /// The word after it; empty for a flag or a block.
            var word: String
            /// The block after the key, or after its word.
            var block: [StartupEntry]?

            var location: SourceLocation { key.location }
        }

        /// What a word does.
        enum Meaning: Sendable {
            case apply(@Sendable (inout StartupReader, Value) -> Void)
            /// A word of VPP's that does nothing here, and what the operator may do instead.
            case nothing(String)
        }

        let name: String
        let shape: Shape
        let meaning: Meaning
        /// Whether a second one is a mistake.
        var countsOnce = true

        var hasMeaning: Bool {
            if case .apply = meaning { true } else { false }
        }

        static func flag(
            _ name: String,
            _ path: any WritableKeyPath<StartupConfiguration, Bool> & Sendable
        ) -> Key {
            Key(
                name: name,
                shape: .flag,
                meaning: .apply { reader, _ in reader.configuration[keyPath: path] = true }
            )
        }

        static func text(
            _ name: String,
            _ path: any WritableKeyPath<StartupConfiguration, String?> & Sendable
        ) -> Key {
            value(name) { reader, value in reader.configuration[keyPath: path] = value.word }
        }

        static func value(
            _ name: String,
            _ apply: @escaping @Sendable (inout StartupReader, Value) -> Void
        ) -> Key {
            Key(name: name, shape: .value, meaning: .apply(apply))
        }

        /// A key whose value has a name, and that may be repeated with other names.
        static func named(
            _ name: String,
            _ apply: @escaping @Sendable (inout StartupReader, Value) -> Void
        ) -> Key {
            Key(name: name, shape: .named, meaning: .apply(apply), countsOnce: false)
        }

        static func integer(
            _ name: String,
            in range: ClosedRange<Int>,
            _ apply: @escaping @Sendable (inout StartupReader, Located<Int>) -> Void
        ) -> Key {
            value(name) { reader, value in
                if let number = reader.integer(value, in: range) { apply(&reader, number) }
            }
        }

        static func bytes(
            _ name: String,
            in range: ClosedRange<Int>,
            _ apply: @escaping @Sendable (inout StartupReader, Located<Int>) -> Void
        ) -> Key {
            value(name) { reader, value in
                if let bytes = reader.bytes(value, in: range) { apply(&reader, bytes) }
            }
        }

        /// A section; VPP's files may write it in several pieces.
        static func block(_ name: String, of keys: [Key]) -> Key {
            Key(
                name: name,
                shape: .block,
                meaning: .apply { reader, value in
                    reader.read(value.block ?? [], in: name, keys: keys)
                },
                countsOnce: false
            )
        }

        /// Words of VPP's that change nothing because Causeway always works as they ask.
        static func always(_ names: [String]) -> [Key] {
            names.map { Key(name: $0, shape: .flag, meaning: .apply { _, _ in }) }
        }

        static func withoutMeaning(
            _ names: [String],
            _ shape: Shape,
            _ remedy: String = ""
        ) -> [Key] {
            names.map { Key(name: $0, shape: shape, meaning: .nothing(remedy), countsOnce: false) }
        }
    }

    /// The number at a key, or nil after a report.
    mutating func integer(_ value: Key.Value, in range: ClosedRange<Int>) -> Located<Int>? {
        guard let number = Int(value.word), range.contains(number) else {
            refuse(value, "write a number, \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return Located(number, at: value.location)
    }

    /// The bytes at a key, or nil after a report.
    mutating func bytes(_ value: Key.Value, in range: ClosedRange<Int>) -> Located<Int>? {
        guard let bytes = ByteCount.parse(value.word), range.contains(bytes) else {
            let (least, most) = (
                ByteCount.format(range.lowerBound), ByteCount.format(range.upperBound)
            )
            refuse(value, "write \(least) to \(most), with K, M, G or T")
            return nil
        }
        return Located(bytes, at: value.location)
    }
}
