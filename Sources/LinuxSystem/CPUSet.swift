internal import CLinux
public import SystemPackage

/// A set of logical CPUs, by the numbers the operating system gives them.
public struct CPUSet: Hashable, Sendable {
    /// Bit `n % 64` of word `n / 64` stands for CPU `n`.
    private var words: [UInt64]

    /// The highest CPU number plus one that a set can hold.
    public static let capacity = 4096

    /// An empty set.
    public init() { words = [] }

    /// A set of the given CPUs.
    ///
    /// - Parameter cpus: CPU numbers; each in `0..<capacity`.
    public init(_ cpus: some Sequence<Int>) {
        self.init()
        for cpu in cpus { insert(cpu) }
    }

    /// The CPUs in ascending order.
    public var cpus: [Int] {
        words.indices.flatMap { index in
            (0..<64).compactMap { words[index] >> $0 & 1 == 1 ? index * 64 + $0 : nil }
        }
    }

    /// How many CPUs the set has.
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Whether the set has no CPU.
    public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    /// Whether `cpu` is in the set.
    public func contains(_ cpu: Int) -> Bool {
        guard cpu >= 0, cpu / 64 < words.count else { return false }
        return words[cpu / 64] >> (cpu % 64) & 1 == 1
    }

    /// Adds `cpu`.
    ///
    /// - Precondition: `cpu` is in `0..<capacity`.
    public mutating func insert(_ cpu: Int) {
        precondition((0..<Self.capacity).contains(cpu), "CPU number out of range")
        while words.count <= cpu / 64 { words.append(0) }
        words[cpu / 64] |= 1 << (cpu % 64)
    }

    /// Takes `cpu` out, if it is in.
    public mutating func remove(_ cpu: Int) {
        guard contains(cpu) else { return }
        words[cpu / 64] &= ~(1 << (cpu % 64))
        while words.last == 0 { words.removeLast() }
    }

    /// Binds the calling thread to this set.
    ///
    /// - Throws: `EINVAL` when no CPU of the set may be used.
    public func bindCallingThread() throws(Errno) {
        try systemCall {
            words.withUnsafeBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return CInt(-1) }
                return CLinux_set_affinity(0, base, buffer.count)
            }
        }
    }

    /// The CPUs that the calling thread may run on.
    public static func ofCallingThread() throws(Errno) -> CPUSet {
        var words = [UInt64](repeating: 0, count: capacity / 64)
        try systemCall {
            words.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return CInt(-1) }
                return CLinux_get_affinity(0, base, buffer.count)
            }
        }
        var set = CPUSet()
        set.words = words
        while set.words.last == 0 { set.words.removeLast() }
        return set
    }
}

extension CPUSet: CustomStringConvertible {
    /// The kernel's list format, such as `0-3,8,10-11`; empty for an empty set.
    public var description: String {
        var ranges: [ClosedRange<Int>] = []
        for cpu in cpus {
            if let last = ranges.last, last.upperBound + 1 == cpu {
                ranges[ranges.count - 1] = last.lowerBound...cpu
            } else {
                ranges.append(cpu...cpu)
            }
        }
        return ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ",")
    }

    /// Reads the kernel's list format.
    ///
    /// - Parameter list: such as `0-3,8`; nil is returned for anything else and for numbers
    ///   beyond `capacity`.
    public init?(list: some StringProtocol) {
        self.init()
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map {
                Int($0)
            }
            guard bounds.count <= 2, let first = bounds.first ?? nil, let last = bounds.last ?? nil,
                first >= 0, first <= last, last < Self.capacity
            else { return nil }
            for cpu in first...last { insert(cpu) }
        }
    }
}
