package import ControlProtocol

extension Grammar {
    /// What the last word of a line may be or become.
    ///
    /// A line that ends in a blank, or is empty, has an empty last word.
    package func complete(_ line: String, context: GrammarContext) -> CompletionReply {
        let length = line.utf8.count
        var tokens: [CommandToken]
        do throws(CommandFailure) {
            tokens = try CommandToken.split(line)
        } catch { return CompletionReply(start: length, entries: [], error: CommandFault(error)) }
        let end = tokens.last.map { $0.offset + $0.text.utf8.count } ?? 0
        // A comment, or the closing quote of a word, is behind the last word as well.
        let isOpen = end == length && !tokens.isEmpty
        guard isOpen || line.utf8.last.map(CommandToken.isBlank) ?? true else {
            return CompletionReply(start: length, entries: [])
        }
        let partial = isOpen ? tokens.removeLast() : CommandToken(text: "", offset: length)
        do throws(CommandFailure) {
            let found = try expected(after: tokens, context: context)
            return CompletionReply(
                start: partial.offset,
                entries: Self.entries(found.next, partial.text, context),
                isComplete: found.isComplete && partial.text.isEmpty
                    || isOpen && isCommand(tokens + [partial], context)
            )
        } catch {
            return CompletionReply(
                start: partial.offset,
                entries: [],
                error: CommandFault(error)
            )
        }
    }

    private func isCommand(_ tokens: [CommandToken], _ context: GrammarContext) -> Bool {
        (try? expected(after: tokens, context: context))?.isComplete ?? false
    }

    private static func entries(
        _ expectations: [Expectation],
        _ partial: String,
        _ context: GrammarContext
    ) -> [CompletionReply.Entry] {
        expectations.flatMap { expected -> [CompletionReply.Entry] in
            guard let type = expected.type else {
                guard expected.label.hasPrefix(partial) else { return [] }
                return [.init(word: expected.label, help: expected.help, kind: .keyword)]
            }
            var entries: [CompletionReply.Entry] = []
            if partial.isEmpty || type.mayBegin(with: partial, in: context) {
                let kind: CompletionReply.Kind = type == .path ? .path : .argument
                entries.append(.init(word: expected.label, help: expected.help, kind: kind))
            }
            for name in expected.candidates where name.hasPrefix(partial) {
                entries.append(.init(word: name, help: expected.help, kind: .name))
            }
            return entries
        }
    }
}

extension ArgumentType {
    /// Whether what is typed so far may become a word of this type.
    fileprivate func mayBegin(with partial: String, in context: GrammarContext) -> Bool {
        switch self {
        case .interface, .numaNode:
            return context.candidates(for: self).contains { $0.hasPrefix(partial) }
        case .word, .rest: return true
        case .path: return true
        case .address, .prefix, .interfaceAddress, .sizes, .integers, .integer, .count, .header,
            .field(.number), .field(.ipv4):
            return partial.utf8.first.map { (48...57).contains($0) } ?? true
        case .field(.ipv6), .field(.mac), .fieldPair:
            return partial.utf8.first.map {
                Character(UnicodeScalar($0)).isHexDigit || $0 == 58
            } ?? true
        case .mac:
            return partial.utf8.allSatisfy {
                Character(UnicodeScalar($0)).isHexDigit || $0 == 58 || $0 == 46
            }
        case .bytes: return "0x".hasPrefix(partial) || partial.hasPrefix("0x")
        }
    }
}

extension CommandFault {
    /// The form of a failure on the wire.
    init(_ failure: CommandFailure) {
        self.init(
            kind: failure.kind.rawValue,
            message: failure.message,
            position: failure.position,
            expected: failure.expected
        )
    }
}
