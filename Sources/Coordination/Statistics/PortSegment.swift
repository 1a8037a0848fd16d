internal import CLinux
internal import LinuxSystem
public import SystemPackage

/// The shared memory of one keeper's life: what the hardware of its node's ports counts.
///
/// Hardware counts on while workers die and are replaced, and only the keeper may ask it, so these
/// counters have a file of their own: a segment without lanes, whose header and directory are those of
/// a `WorkerSegment`. The supervisor makes it before it starts the keeper and writes the zeros; the
/// keeper writes the counters, readers read both.
public struct PortSegment: Sendable {
    /// The header and the directory.
    public let segment: WorkerSegment

    /// A counter of a port's hardware.
    public enum Word: Int, Sendable, CaseIterable {
        /// Packets dropped because no receive descriptor was free.
        case rxMissed = 0
        /// Receive buffers that the driver wanted and the pool did not have.
        case rxNoBuffer
        /// Packets received broken.
        case rxErrors

        /// VPP's name of what it counts.
        var name: String {
            switch self {
            case .rxMissed: "/if/rx-miss"
            case .rxNoBuffer: "/if/rx-no-buf"
            case .rxErrors: "/if/rx-error"
            }
        }
    }

    private static let countersOffset = WorkerSegment.lanesOffset
    private static let interfaceBytes = 64
    /// Behind the counters lie their zeros.
    private static let zeroDistance = WorkerSegment.maximumInterfaces * interfaceBytes

    /// Makes the segment of a keeper's new life.
    ///
    /// - Parameters:
    ///   - path: the file; one that is there is replaced.
    ///   - node: the NUMA node's number in the placement.
    ///   - incarnation: counts the keeper's lives on that node, from 1.
    /// - Returns: the segment, writable, all counters 0.
    /// - Throws: the `Errno` of the file.
    public static func create(
        path: String,
        node: Int,
        incarnation: UInt32
    ) throws(Errno) -> PortSegment {
        let segment = try WorkerSegment.make(
            path: path,
            byteCount: countersOffset + 2 * zeroDistance,
            node: node,
            incarnation: incarnation,
            lanes: 0
        ) { segment in
            [segment.interfaceNamesEntry] + Word.allCases.map { entry(of: $0) }
        }
        return PortSegment(segment: segment)
    }

    private static func entry(of word: Word) -> StatisticsEntry {
        StatisticsEntry(
            name: word.name,
            kind: .counter,
            offset: countersOffset + word.rawValue * 8,
            indices: WorkerSegment.maximumInterfaces,
            indexStride: interfaceBytes,
            zeroDistance: zeroDistance
        )
    }

    /// Maps an existing segment for writing.
    ///
    /// - Parameter path: the file that `create` made.
    /// - Returns: the segment as it stands.
    /// - Throws: `EPROTO` for a file of another layout, else the `Errno` of the file.
    public static func open(path: String) throws(Errno) -> PortSegment {
        let segment = try WorkerSegment.open(path: path, writable: true)
        guard segment.laneCount == 0,
            segment.mapping.byteCount >= countersOffset + 2 * zeroDistance
        else { throw .protocolError }
        return PortSegment(segment: segment)
    }

    /// Writes a counter.
    ///
    /// - Parameters:
    ///   - word: which.
    ///   - index: the port's `sw_if_index`; one beyond the table is passed over.
    ///   - value: as the hardware counts it, since the port was opened.
    public func store(_ word: Word, interface index: Int, _ value: UInt64) {
        guard (0..<WorkerSegment.maximumInterfaces).contains(index) else { return }
        CLinux_store_relaxed64(pointer(word, index), value)
    }

    /// Takes the present readings as zero.
    ///
    /// - Parameter unixSeconds: the time of day.
    public func clear(unixSeconds: UInt64) {
        for index in 0..<WorkerSegment.maximumInterfaces {
            for word in Word.allCases {
                let counter = pointer(word, index)
                let zero = counter + Self.zeroDistance / MemoryLayout<UInt64>.size
                CLinux_store_relaxed64(zero, CLinux_load_relaxed64(counter))
            }
        }
        segment.store(.lastClear, unixSeconds)
    }

    private func pointer(_ word: Word, _ index: Int) -> UnsafeMutablePointer<UInt64> {
        let offset = Self.countersOffset + index * Self.interfaceBytes + word.rawValue * 8
        return (segment.mapping.base + offset).assumingMemoryBound(to: UInt64.self)
    }
}
