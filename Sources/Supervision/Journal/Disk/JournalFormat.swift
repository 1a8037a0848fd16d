internal import ControlProtocol
internal import LinuxSystem

/// The bytes of a journal's file.
///
/// A file is a head of 48 bytes and records. The head, written once:
///
///     0   "CWJOURNL"
///     8   version of the format, 4 bytes
///     12  how long the head is, 4 bytes
///     16  bytes of the snapshot, the records that the file was made with, 8 bytes
///     24  sequence number of its first record, 8 bytes
///     32  number of the last journal entry that the snapshot holds, 8 bytes
///     40  CRC-32C of the bytes of the snapshot, 4 bytes
///     44  CRC-32C of the 44 bytes before, 4 bytes
///
/// A record is 32 bytes and a body, which is a `JournalEvent`:
///
///     0   "CWJR"
///     4   bytes of the body, 4 bytes
///     8   sequence number, one more than that of the record before, 8 bytes
///     16  number of the journal entry, 8 bytes
///     24  CRC-32C of the bytes 4 to 23, 4 bytes
///     28  CRC-32C of the body, 4 bytes
///
/// All integers are little-endian. A head has a checksum of its own, so that a wrong length is known as such.
enum JournalFormat {
    static let version: UInt32 = 1
    static let headBytes = 48
    static let recordHeadBytes = 32
    /// The most bytes of a record's body: a change of all the routes that a table takes is far below.
    static let maximumBodyBytes = 128 << 20

    static let magic: [UInt8] = Array("CWJOURNL".utf8)
    static let recordMagic: [UInt8] = Array("CWJR".utf8)

    /// What the head of a file says.
    struct Head: Hashable, Sendable {
        var snapshotBytes: Int
        var firstSequence: UInt64
        var number: UInt64
        var snapshotChecksum: UInt32
    }

    static func encode(_ head: Head) -> [UInt8] {
        var writer = WireWriter()
        writer.put(raw: magic)
        writer.put(version)
        writer.put(UInt32(headBytes))
        writer.put(UInt64(head.snapshotBytes))
        writer.put(head.firstSequence)
        writer.put(head.number)
        writer.put(head.snapshotChecksum)
        writer.put(CRC32C.checksum(of: writer.bytes))
        return writer.bytes
    }

    /// A record with its head.
    static func encode(_ body: [UInt8], sequence: UInt64, number: UInt64) -> [UInt8] {
        var fields = WireWriter()
        fields.put(UInt32(body.count))
        fields.put(sequence)
        fields.put(number)
        var writer = WireWriter()
        writer.put(raw: recordMagic)
        writer.put(raw: fields.bytes)
        writer.put(CRC32C.checksum(of: fields.bytes))
        writer.put(CRC32C.checksum(of: body))
        writer.put(raw: body)
        return writer.bytes
    }

    /// A record as it lies in a file.
    struct Record: Sendable {
        var sequence: UInt64
        var number: UInt64
        /// Where its body is.
        var body: Range<Int>
    }

    /// What lies at a place of a file where a record should begin.
    enum Reading: Sendable {
        case record(Record)
        /// The bytes end before the record does.
        case cut
        /// It is none: what is wrong.
        case damaged(String)
    }

    static func read(_ bytes: [UInt8], at offset: Int) -> Reading {
        guard offset + recordHeadBytes <= bytes.count else { return .cut }
        guard bytes[offset..<offset + 4].elementsEqual(recordMagic) else {
            return .damaged("no record begins there")
        }
        let fields = bytes[offset + 4..<offset + 24]
        let sums = (
            head: word(bytes, at: offset + 24), body: word(bytes, at: offset + 28)
        )
        guard CRC32C.checksum(of: fields) == sums.head else {
            return .damaged("the checksum of a record's head is wrong")
        }
        let count = Int(word(bytes, at: offset + 4))
        let start = offset + recordHeadBytes
        guard count <= maximumBodyBytes else { return .damaged("a record of \(count) bytes") }
        guard start + count <= bytes.count else { return .cut }
        let record = Record(
            sequence: doubleWord(bytes, at: offset + 8),
            number: doubleWord(bytes, at: offset + 16),
            body: start..<start + count
        )
        guard CRC32C.checksum(of: bytes[record.body]) == sums.body else {
            return .damaged("the checksum of record \(record.sequence) is wrong")
        }
        return .record(record)
    }

    /// Whether a whole record that follows on `sequence` begins at `offset` or later.
    static func hasRecord(_ bytes: [UInt8], from offset: Int, after sequence: UInt64) -> Bool {
        var place = offset
        while place + recordHeadBytes <= bytes.count {
            if bytes[place] == recordMagic[0], case .record(let record) = read(bytes, at: place),
                record.sequence > sequence
            {
                return true
            }
            place += 1
        }
        return false
    }

    static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes {
            UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
    }

    static func doubleWord(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }
}
