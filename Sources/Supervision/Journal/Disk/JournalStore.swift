internal import ControlProtocol
internal import Dispatch
internal import LinuxSystem
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// The file of a journal: records are appended, brought to the disk, and taken back while they are the last.
///
/// Everything happens on one queue, in the order of the calls, so that no thread of Swift's waits for a disk. The
/// lock on the directory is held as long as the store lives.
final class JournalStore: @unchecked Sendable {
    private let queue = DispatchQueue(label: "causeway.journal")
    private let synchronize: DurableFile.Sync
    private let lock: FileLock
    let path: String

    // What follows is used on the queue only.
    private var file: DurableFile
    private var status: Status
    /// Where the record before the last one ends; nil: the last one is settled.
    private var former: Status?
    /// Why nobody knows what is on the disk; a new file is the way out.
    private var fault: Errno?

    /// How much is where.
    struct Status: Hashable, Sendable {
        /// The number of the last entry that is in the file.
        var number: UInt64
        /// The sequence number of the next record.
        var nextSequence: UInt64
        /// The file's length.
        var bytes: Int
        /// Where the records after the snapshot begin.
        var snapshotEnd: Int
        /// The sequence number of the first record after the snapshot.
        var firstSequence: UInt64
        /// When records were last brought to the disk, in seconds since 1970; nil: not yet by this process.
        var lastSync: Double?
        /// How often that was done, and how long it took at most, in nanoseconds.
        var syncs = 0
        var longestSyncNanoseconds: UInt64 = 0
        /// Why the last change was not taken; nil: it was.
        var failure: String?

        var recordsSinceSnapshot: Int { Int(nextSequence - firstSequence) }
        var bytesSinceSnapshot: Int { bytes - snapshotEnd }
    }

    /// Records since the snapshot that are worth a new one, in bytes, whatever the snapshot has.
    static let compactionBytes = 4 << 20

    /// Opens the journal of a directory; makes both if they are not there.
    ///
    /// - Parameters:
    ///   - directory: nobody else may keep a journal in it.
    ///   - sync: how bytes get to the disk.
    /// - Returns: the store, and what the file holds; what was torn at its end is cut off already.
    /// - Throws: `JournalError`.
    static func open(
        directory: String,
        sync: @escaping DurableFile.Sync = DurableFile.dataSync
    ) throws(JournalError) -> (store: JournalStore, content: JournalContent) {
        let path = directory + "/journal"
        do throws(Errno) {
            try SmallFile.makeDirectory(directory, mode: 0o750)
        } catch { throw .file(path: directory, error) }
        let lock: FileLock
        do throws(FileLockError) {
            lock = try FileLock.take(path: directory + "/lock", content: "pid=\(getpid())")
        } catch {
            switch error {
            case .held(_, let owner): throw .held(path: path, owner: owner)
            case .system(let path, let errno): throw .file(path: path, errno)
            }
        }
        SmallFile.remove(path + ".new")
        let file: DurableFile
        let bytes: [UInt8]
        do throws(Errno) {
            let present = try DurableFile.open(path, sync: sync)
            file = if let present { present } else { try makeEmpty(path, sync) }
            bytes = try file.read()
        } catch { throw .file(path: path, error) }
        let content = try JournalContent(bytes, path: path)
        if content.tornBytes > 0 {
            do throws(Errno) {
                try file.truncate(to: content.end)
                try file.synchronize()
            } catch { throw .file(path: path, error) }
        }
        return (JournalStore(path: path, file: file, content, sync, lock), content)
    }

    private static func makeEmpty(
        _ path: String,
        _ sync: @escaping DurableFile.Sync
    ) throws(Errno) -> DurableFile {
        let head = JournalFormat.Head(
            snapshotBytes: 0,
            firstSequence: 1,
            number: 0,
            snapshotChecksum: CRC32C.checksum(of: [])
        )
        let file = try DurableFile.create(path + ".new", sync: sync)
        try file.write(JournalFormat.encode(head), at: 0)
        try file.synchronize()
        try file.rename(to: path)
        try DurableFile.synchronizeDirectory(of: path)
        return file
    }

    private init(
        path: String,
        file: DurableFile,
        _ content: JournalContent,
        _ sync: @escaping DurableFile.Sync,
        _ lock: FileLock
    ) {
        self.path = path
        self.file = file
        self.lock = lock
        synchronize = sync
        status = Status(
            number: content.number,
            nextSequence: content.nextSequence,
            bytes: content.end,
            snapshotEnd: JournalFormat.headBytes + content.head.snapshotBytes,
            firstSequence: content.head.firstSequence
        )
    }

    /// Does something on the queue.
    private func run<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }

    /// How much is where at present.
    func current() async -> Status { await run { self.status } }

    /// Whether only a new file can take further records, because nobody knows what is in this one.
    func needsNewFile() async -> Bool { await run { self.fault != nil } }

    /// Whether a snapshot would make the file much shorter.
    func wantsSnapshot() async -> Bool {
        await run {
            self.status.bytesSinceSnapshot > max(Self.compactionBytes, self.status.snapshotEnd)
        }
    }

    /// Writes a record; it is not on the disk yet, and may be taken back until the next one.
    ///
    /// - Returns: why it was not written; nothing of it is in the file then.
    func append(
        _ event: JournalEvent,
        number: UInt64,
        mark: RequestMark? = nil
    ) async -> ChangeError? {
        await run { self.write((mark?.encoded() ?? []) + event.encoded(), number) }
    }

    private func write(_ body: [UInt8], _ number: UInt64) -> ChangeError? {
        guard body.count <= JournalFormat.maximumBodyBytes else {
            return ChangeError(
                "the change has \(body.count) bytes, more than a record of the journal; divide it"
            )
        }
        let bytes = JournalFormat.encode(body, sequence: status.nextSequence, number: number)
        do throws(Errno) {
            if let fault { throw fault }
            try file.write(bytes, at: status.bytes)
            former = status
            status.bytes += bytes.count
            status.nextSequence += 1
            status.number = number
            return nil
        } catch {
            cut(to: status.bytes)
            return failed(error)
        }
    }

    /// Brings all records to the disk.
    ///
    /// - Returns: why that cannot be said.
    func sync() async -> ChangeError? {
        await run {
            let start = ContinuousClock.now
            do throws(Errno) {
                if let fault = self.fault { throw fault }
                try self.file.synchronize()
            } catch {
                self.fault = error
                return self.failed(error)
            }
            self.noteSync(since: start)
            return nil
        }
    }

    private func noteSync(since start: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        let nanoseconds = UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        status.longestSyncNanoseconds = max(status.longestSyncNanoseconds, nanoseconds)
        status.syncs += 1
        status.lastSync = LogLine.unixSeconds()
        status.failure = nil
    }

    /// Takes the last record out of the file.
    ///
    /// - Parameter isRefused: whether it must not come back after a power cut either; one that is refused every time,
    ///   or changes nothing, may.
    func takeBack(isRefused: Bool) async {
        await run {
            guard let former = self.former else { return }
            self.former = nil
            self.status.bytes = former.bytes
            self.status.nextSequence = former.nextSequence
            self.status.number = former.number
            self.cut(to: former.bytes)
            guard isRefused, self.fault == nil else { return }
            do throws(Errno) { try self.file.synchronize() } catch { self.fault = error }
        }
    }

    private func cut(to byteCount: Int) {
        do throws(Errno) {
            try file.truncate(to: byteCount)
        } catch { fault = fault ?? error }
    }

    private func failed(_ errno: Errno) -> ChangeError {
        let text = "journal \(path): \(errno)"
        let remedy =
            errno == .noSpace || errno == Errno(rawValue: EDQUOT)
            ? "make room there" : "see to the disk"
        status.failure = text
        return ChangeError("\(text); nothing was changed: \(remedy) and try again")
    }

    /// A file with a snapshot that is to take the place of the present one.
    struct Successor: Sendable {
        fileprivate var file: DurableFile
        fileprivate var snapshotEnd: Int
        /// What the snapshot holds.
        fileprivate var mark: Status
    }

    /// Writes a snapshot into a new file and brings it to the disk; the present one goes on meanwhile.
    ///
    /// - Parameters:
    ///   - bodies: encoded events that lead from nothing to where the journal was at `mark`.
    ///   - mark: `current()` at that time.
    /// - Returns: the new file, for `adopt`.
    /// - Throws: the disk's error; there is no new file then.
    func prepare(_ bodies: [[UInt8]], mark: Status) throws(Errno) -> Successor {
        var records: [UInt8] = []
        for (index, body) in bodies.enumerated() {
            records += JournalFormat.encode(body, sequence: UInt64(index), number: mark.number)
        }
        let head = JournalFormat.Head(
            snapshotBytes: records.count,
            firstSequence: mark.nextSequence,
            number: mark.number,
            snapshotChecksum: CRC32C.checksum(of: records)
        )
        do throws(Errno) {
            let new = try DurableFile.create(path + ".new", sync: synchronize)
            try new.write(JournalFormat.encode(head) + records, at: 0)
            try new.synchronize()
            return Successor(
                file: new,
                snapshotEnd: JournalFormat.headBytes + records.count,
                mark: mark
            )
        } catch {
            SmallFile.remove(path + ".new")
            throw error
        }
    }

    /// Puts a successor in the place of the present file, with what was written since its mark.
    ///
    /// No record may be on its way meanwhile.
    ///
    /// - Returns: why the present file stays; nil: it is replaced.
    func adopt(_ successor: Successor) async -> ChangeError? {
        await run {
            do throws(Errno) {
                let since = successor.mark.bytes
                var bytes = successor.snapshotEnd
                if self.status.bytes > since {
                    let tail = try self.file.read(from: since)
                    try successor.file.write(tail, at: bytes)
                    bytes += tail.count
                }
                try successor.file.synchronize()
                try successor.file.rename(to: self.path)
                self.use(successor, byteCount: bytes)
            } catch {
                SmallFile.remove(self.path + ".new")
                return self.failed(error)
            }
            do throws(Errno) {
                try DurableFile.synchronizeDirectory(of: self.path)
                return nil
            } catch {
                // Whether a power cut brings the old file back is not known, so this one takes no more.
                self.fault = error
                return self.failed(error)
            }
        }
    }

    private func use(_ successor: Successor, byteCount: Int) {
        file = successor.file
        fault = nil
        former = nil
        status.bytes = byteCount
        status.snapshotEnd = successor.snapshotEnd
        status.firstSequence = successor.mark.nextSequence
        status.failure = nil
    }
}
