internal import ControlProtocol
internal import Synchronization

/// What a request of the control API says of the change that it asks for, beside the change itself.
///
/// It goes with the task, so that what lies between the API and the journal need not know of it.
struct ChangeRequest: Sendable {
    /// What came of the changes that one request asks for.
    final class Notes: Sendable {
        private struct State {
            var numbers: [UInt64] = []
            var isStale = false
        }

        private let state = Mutex(State())

        /// The numbers of the changes that are made.
        var numbers: [UInt64] { state.withLock { $0.numbers } }
        /// Whether a change was refused because the configuration is not what was expected.
        var isStale: Bool { state.withLock { $0.isStale } }

        func add(_ number: UInt64) { state.withLock { $0.numbers.append(number) } }

        fileprivate func noteStale() { state.withLock { $0.isStale = true } }
    }

    /// The request's key, kept with the change's record; nil: it has none.
    var mark: RequestMark?
    /// The numbers of the configurations that the change is meant for; nil: whatever it is.
    var expected: [UInt64]?
    let notes = Notes()

    /// Of the task that runs.
    @TaskLocal static var current: ChangeRequest?

    /// The same for one of several changes in a row: the first is conditional, the last has the key.
    func part(_ index: Int, of count: Int) -> ChangeRequest {
        var part = self
        if index > 0 { part.expected = nil }
        if index < count - 1 { part.mark = nil }
        return part
    }

    /// Refuses a change that was meant for another configuration.
    func check(_ configured: UInt64) throws(ChangeError) {
        guard let expected, !expected.contains(configured) else { return }
        notes.noteStale()
        throw ChangeError(
            "the configuration is that of change \(configured), not what If-Match says; read it again"
        )
    }
}

/// A request with an Idempotency-Key, as the journal keeps it: two checksums of 64 bits.
struct RequestMark: Hashable, Sendable {
    /// Of the client's user and its key.
    var key: UInt64
    /// Of method, path and body.
    var request: UInt64

    /// Before a change's record, so that one write makes both.
    private static let tag: UInt8 = 128
    static let byteCount = 17

    init(key: UInt64, request: UInt64) {
        self.key = key
        self.request = request
    }

    /// Reads the mark at the beginning of a record's body; nil: there is none.
    init?(_ body: ArraySlice<UInt8>) {
        guard body.count > Self.byteCount, body.first == Self.tag else { return nil }
        let words = body.dropFirst()
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        key = word(words.prefix(8))
        request = word(words.dropFirst(8).prefix(8))
    }

    func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.put(Self.tag)
        writer.put(key)
        writer.put(request)
        return writer.bytes
    }

    /// A checksum of parts (FNV-1a); a byte that no UTF-8 has parts them.
    static func hash(_ parts: [some Sequence<UInt8>]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in parts {
            for byte in part { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01b3
        }
        return hash
    }
}
