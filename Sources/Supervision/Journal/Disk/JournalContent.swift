internal import ControlProtocol
internal import LinuxSystem
public import SystemPackage

/// Why the journal on disk cannot be used; the text is for the operator.
public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file or its directory cannot be made, opened or read.
    case file(path: String, Errno)
    /// Another supervisor keeps its journal there.
    case held(path: String, owner: String)
    /// The file is no journal.
    case foreign(path: String)
    /// The file is of a version that this program does not read.
    case version(path: String, theirs: UInt32)
    /// The file is damaged before its end.
    case damaged(path: String, offset: Int, what: String, isSnapshot: Bool)

    /// What is wrong with which file, and what can be done.
    public var description: String {
        switch self {
        case .file(let path, let errno): "journal \(path): \(errno)"
        case .held(let path, let owner):
            "journal \(path): another supervisor uses this directory (\(owner)); stop it, or give this one its own "
                + "state-dir"
        case .foreign(let path):
            "journal \(path): this is no journal of Causeway; restore it from a backup, or move it away to start "
                + "with no configuration"
        case .version(let path, let theirs):
            "journal \(path) is of format version \(theirs), this program reads and writes version "
                + "\(JournalFormat.version); start it with the causeway that wrote it, or move it away to start with "
                + "no configuration"
        case .damaged(let path, let offset, let what, let isSnapshot):
            "journal \(path) is damaged at offset \(offset): \(what); restore it from a backup, "
                + (isSnapshot
                    ? "or move it away to start with no configuration"
                    : "or give up that change and all later ones: truncate -s \(offset) \(path)")
        }
    }
}

/// What the file of a journal holds.
struct JournalContent: Sendable {
    /// A record and what it says.
    struct Entry: Sendable {
        var sequence: UInt64
        var number: UInt64
        var event: JournalEvent
        /// The request that asked for it, if it had a key.
        var mark: RequestMark?
    }

    var head: JournalFormat.Head
    /// What the file was made with.
    var snapshot: [JournalEvent] = []
    /// What was written since, in order.
    var entries: [Entry] = []
    /// Where the last whole record ends.
    var end: Int
    /// Bytes after it: of a record that was being written when the machine or the supervisor stopped.
    var tornBytes = 0

    /// Takes a file apart.
    ///
    /// - Throws: `JournalError` for anything but a torn record at the end.
    init(_ bytes: [UInt8], path: String) throws(JournalError) {
        head = try Self.head(bytes, path: path)
        let limit = JournalFormat.headBytes + head.snapshotBytes
        end = limit
        guard limit <= bytes.count else {
            throw .damaged(
                path: path,
                offset: bytes.count,
                what: "the file ends within its snapshot, which has \(head.snapshotBytes) bytes",
                isSnapshot: true
            )
        }
        let sum = CRC32C.checksum(of: bytes[JournalFormat.headBytes..<limit])
        guard sum == head.snapshotChecksum else {
            throw .damaged(
                path: path,
                offset: JournalFormat.headBytes,
                what: "the checksum of its snapshot is wrong",
                isSnapshot: true
            )
        }
        try readSnapshot(bytes, limit, path)
        try readEntries(bytes, path)
    }

    private static func head(
        _ bytes: [UInt8],
        path: String
    ) throws(JournalError) -> JournalFormat.Head {
        let magic = JournalFormat.magic
        guard bytes.count >= 16, bytes[..<8].elementsEqual(magic) else {
            throw .foreign(path: path)
        }
        let version = JournalFormat.word(bytes, at: 8)
        let count = JournalFormat.headBytes
        guard version == JournalFormat.version else {
            // A wrong bit is more likely than version 65,537.
            if bytes.count >= count, isWhole(bytes) || version < 1 << 16 {
                throw .version(path: path, theirs: version)
            }
            throw .damaged(path: path, offset: 8, what: "its head is wrong", isSnapshot: true)
        }
        guard bytes.count >= count, isWhole(bytes) else {
            throw .damaged(
                path: path,
                offset: 0,
                what: "the checksum of its head is wrong",
                isSnapshot: true
            )
        }
        let snapshotBytes = JournalFormat.doubleWord(bytes, at: 16)
        guard snapshotBytes <= 1 << 40 else {
            throw .damaged(path: path, offset: 16, what: "its head is wrong", isSnapshot: true)
        }
        return JournalFormat.Head(
            snapshotBytes: Int(snapshotBytes),
            firstSequence: JournalFormat.doubleWord(bytes, at: 24),
            number: JournalFormat.doubleWord(bytes, at: 32),
            snapshotChecksum: JournalFormat.word(bytes, at: 40)
        )
    }

    private static func isWhole(_ bytes: [UInt8]) -> Bool {
        CRC32C.checksum(of: bytes[..<44]) == JournalFormat.word(bytes, at: 44)
    }

    private mutating func readSnapshot(
        _ bytes: [UInt8],
        _ limit: Int,
        _ path: String
    ) throws(JournalError) {
        var offset = JournalFormat.headBytes
        while offset < limit {
            guard case .record(let record) = JournalFormat.read(bytes, at: offset),
                record.sequence == UInt64(snapshot.count), record.body.upperBound <= limit
            else {
                throw .damaged(
                    path: path,
                    offset: offset,
                    what: "record \(snapshot.count) of its snapshot is none",
                    isSnapshot: true
                )
            }
            snapshot.append(try Self.event(bytes, record, offset, path, isSnapshot: true))
            offset = record.body.upperBound
        }
    }

    private mutating func readEntries(_ bytes: [UInt8], _ path: String) throws(JournalError) {
        var sequence = head.firstSequence
        while end < bytes.count {
            var fault = "the file ends within a record, and whole records follow"
            switch JournalFormat.read(bytes, at: end) {
            case .record(let record) where record.sequence == sequence:
                let mark = RequestMark(bytes[record.body])
                var inner = record
                if mark != nil {
                    inner.body =
                        record.body.lowerBound + RequestMark.byteCount..<record.body.upperBound
                }
                let event = try Self.event(bytes, inner, end, path, isSnapshot: false)
                entries.append(
                    Entry(sequence: sequence, number: record.number, event: event, mark: mark)
                )
                end = record.body.upperBound
                sequence += 1
                continue
            case .record(let record):
                throw .damaged(
                    path: path,
                    offset: end,
                    what: "record \(record.sequence) where record \(sequence) should be",
                    isSnapshot: false
                )
            case .damaged(let what): fault = what
            case .cut: break
            }
            // What is last may have been half written; what whole records follow was not.
            if JournalFormat.hasRecord(bytes, from: end + 1, after: sequence) {
                throw .damaged(path: path, offset: end, what: fault, isSnapshot: false)
            }
            tornBytes = bytes.count - end
            return
        }
    }

    private static func event(
        _ bytes: [UInt8],
        _ record: JournalFormat.Record,
        _ offset: Int,
        _ path: String,
        isSnapshot: Bool
    ) throws(JournalError) -> JournalEvent {
        do throws(WireError) {
            return try JournalEvent(bytes[record.body])
        } catch {
            throw .damaged(
                path: path,
                offset: offset,
                what: "record \(record.sequence): \(error)",
                isSnapshot: isSnapshot
            )
        }
    }

    /// The sequence number of the next record.
    var nextSequence: UInt64 { head.firstSequence + UInt64(entries.count) }
    /// The number of the last journal entry.
    var number: UInt64 { max(head.number, entries.last?.number ?? 0) }
    /// Whether nothing was ever kept in it.
    var isEmpty: Bool { snapshot.isEmpty && entries.isEmpty }
}
