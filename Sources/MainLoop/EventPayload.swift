/// What an event carries: a few bytes.
///
/// Under `inlineLimit` bytes lie in the value itself, so that signalling and waiting for such an
/// event allocates nothing; more lie in an array.
public struct EventPayload: Sendable {
    /// So many bytes and more lie in an array (VPP: 64 less what it needs itself).
    public static let inlineLimit = 48

    private var words: InlineArray<6, UInt64>
    private var inlineCount = 0
    private var large: [UInt8]?

    /// An event without data.
    public init() { words = InlineArray(repeating: 0) }

    /// Carries a plain value.
    public init<Value: BitwiseCopyable>(_ value: Value) {
        self.init()
        withUnsafeBytes(of: value) { store($0) }
    }

    /// Carries bytes.
    public init(bytes: UnsafeRawBufferPointer) {
        self.init()
        store(bytes)
    }

    private mutating func store(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count < Self.inlineLimit {
            inlineCount = bytes.count
            withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
        } else {
            large = Array(bytes)
        }
    }

    /// How many bytes there are.
    public var count: Int { large?.count ?? inlineCount }

    /// Reads a plain value from the start; nil: there are fewer bytes.
    public func load<Value: BitwiseCopyable>(as type: Value.Type) -> Value? {
        guard count >= MemoryLayout<Value>.size else { return nil }
        return withBytes { $0.loadUnaligned(as: type) }
    }

    /// Gives the bytes to a body.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let large { return large.withUnsafeBytes(body) }
        return withUnsafeBytes(of: words) {
            body(UnsafeRawBufferPointer(rebasing: $0[..<inlineCount]))
        }
    }
}
