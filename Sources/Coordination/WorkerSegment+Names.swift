internal import LinuxSystem

extension WorkerSegment {
    /// A graph node's entry in the name table.
    public struct NodeName: Hashable, Sendable {
        /// The graph node's name, such as `ip4-lookup`; cut at 47 bytes of UTF-8 in the table.
        public var name: String
        /// The index of the node's first drop reason in the error table.
        public var errorBase: Int
        /// How many drop reasons it has, one after the other from there.
        public var errorCount: Int

        /// Makes an entry, as the worker writes it.
        public init(name: String, errorBase: Int, errorCount: Int) {
            self.name = name
            self.errorBase = errorBase
            self.errorCount = errorCount
        }
    }

    /// A drop reason.
    public struct ErrorName: Hashable, Sendable {
        /// The index of the graph node that drops, or counts, for this reason.
        public var node: Int
        /// The text that `show errors` prints; cut at 123 bytes of UTF-8 in the table.
        public var reason: String
        /// Whether it counts something else than drops.
        public var isInformation: Bool

        /// Makes a reason, as the worker writes it; one for drops unless said otherwise.
        public init(node: Int, reason: String, isInformation: Bool = false) {
            self.node = node
            self.reason = reason
            self.isInformation = isInformation
        }
    }

    /// Beside a node's index in the error table: the reason is no drop.
    private static let informationBit: UInt32 = 1 << 31

    /// Fills both name tables, and lists what is counted in the directory; once.
    ///
    /// The counts are published last.
    ///
    /// - Parameters:
    ///   - nodes: in the order of their graph indices, at most `maximumNodes`.
    ///   - errors: in the order of the lanes' error counters, at most `maximumErrors`.
    public func writeNames(nodes: [NodeName], errors: [ErrorName]) {
        precondition(nodes.count <= Self.maximumNodes && errors.count <= Self.maximumErrors)
        for (index, node) in nodes.enumerated() {
            let entry = mapping.base + Self.nameTableOffset + index * Self.nameBytes
            write(node.name, to: entry, capacity: 48)
            entry.storeBytes(of: UInt32(node.errorBase), toByteOffset: 48, as: UInt32.self)
            entry.storeBytes(of: UInt32(node.errorCount), toByteOffset: 52, as: UInt32.self)
        }
        for (index, error) in errors.enumerated() {
            let entry = mapping.base + Self.errorTableOffset + index * Self.errorBytes
            entry.storeBytes(
                of: UInt32(error.node) | (error.isInformation ? Self.informationBit : 0),
                as: UInt32.self
            )
            write(error.reason, to: entry + 4, capacity: Self.errorBytes - 4)
        }
        addEntries(graphEntries(nodes: nodes, errors: errors))
        store(.errorCount, UInt64(errors.count))
        store(.nodeCount, UInt64(nodes.count))
    }

    /// Says what an interface is called, for readers of statistics.
    ///
    /// - Parameters:
    ///   - name: cut at 63 bytes of UTF-8.
    ///   - index: its `sw_if_index`; one beyond the table is passed over.
    public func writeInterfaceName(_ name: String, at index: Int) {
        guard (0..<Self.maximumInterfaces).contains(index) else { return }
        let entry = mapping.base + Self.interfaceTableOffset + index * Self.interfaceNameBytes
        if read(entry, capacity: Self.interfaceNameBytes) == name { return }
        write(name, to: entry, capacity: Self.interfaceNameBytes)
    }

    /// The graph nodes, in the order of their indices; empty until the worker has made its graph.
    public var nodeNames: [NodeName] {
        (0..<min(Int(clamping: load(.nodeCount)), Self.maximumNodes)).map { index in
            let entry = mapping.base + Self.nameTableOffset + index * Self.nameBytes
            return NodeName(
                name: read(entry, capacity: 48),
                errorBase: Int(entry.load(fromByteOffset: 48, as: UInt32.self)),
                errorCount: Int(entry.load(fromByteOffset: 52, as: UInt32.self))
            )
        }
    }

    /// A graph node's name as it lies in the table, zero-terminated, for a reader that must not
    /// allocate; nil: there is no such node.
    public func nodeNameBytes(_ index: Int) -> UnsafePointer<CChar>? {
        guard (0..<min(Int(clamping: load(.nodeCount)), Self.maximumNodes)).contains(index) else {
            return nil
        }
        let entry = mapping.base + Self.nameTableOffset + index * Self.nameBytes
        return UnsafePointer(entry.assumingMemoryBound(to: CChar.self))
    }

    /// The drop reasons, in the order of the lanes' error counters.
    public var errorNames: [ErrorName] {
        (0..<min(Int(clamping: load(.errorCount)), Self.maximumErrors)).map { index in
            let entry = mapping.base + Self.errorTableOffset + index * Self.errorBytes
            let word = entry.load(as: UInt32.self)
            return ErrorName(
                node: Int(word & ~Self.informationBit),
                reason: read(entry + 4, capacity: Self.errorBytes - 4),
                isInformation: word & Self.informationBit != 0
            )
        }
    }

    func write(_ text: String, to entry: UnsafeMutableRawPointer, capacity: Int) {
        let bytes = Array(text.utf8.prefix(capacity - 1))
        for (offset, byte) in bytes.enumerated() {
            entry.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
        entry.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
    }

    func read(_ entry: UnsafeMutableRawPointer, capacity: Int) -> String {
        let bytes = UnsafeRawBufferPointer(start: entry, count: capacity)
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
