internal import PacketBuffers

/// A rule as lanes match it; two to a cache line.
struct CompiledRule {
    var sourceMask: UInt32
    var source: UInt32
    var destinationMask: UInt32
    var destination: UInt32
    var sourceLow: UInt16
    var sourceHigh: UInt16
    var destinationLow: UInt16
    var destinationHigh: UInt16
    /// What `packet protocol & protocolMask` must be.
    var ipProtocol: UInt8
    var protocolMask: UInt8
    var permits: Bool
    var needsPorts: Bool
    var padding: UInt32 = 0

    init(_ rule: AccessRule) {
        (sourceMask, source) = (rule.source.mask, rule.source.address)
        (destinationMask, destination) = (rule.destination.mask, rule.destination.address)
        sourceLow = rule.sourcePorts.lowerBound
        sourceHigh = rule.sourcePorts.upperBound
        destinationLow = rule.destinationPorts.lowerBound
        destinationHigh = rule.destinationPorts.upperBound
        ipProtocol = rule.ipProtocol ?? 0
        protocolMask = rule.ipProtocol == nil ? 0 : 0xFF
        permits = rule.permits
        needsPorts = rule.hasPorts
    }
}

/// What rules look at of a packet.
struct PacketKey {
    var source: UInt32
    var destination: UInt32
    var sourcePort: UInt16 = 0
    var destinationPort: UInt16 = 0
    var ipProtocol: UInt8
    /// Whether the ports could be seen.
    var hasPorts = false

    /// Reads a packet whose data begins with an IPv4 header that `ip4-input` has checked.
    @inline(__always)
    init(_ mbuf: Mbuf) {
        source = mbuf.loadBigEndian(UInt32.self, at: 12)
        destination = mbuf.loadBigEndian(UInt32.self, at: 16)
        ipProtocol = mbuf.load(UInt8.self, at: 9)
        let headerBytes = Int(mbuf.load(UInt8.self, at: 0) & 15) &* 4
        let isFirst = mbuf.loadBigEndian(UInt16.self, at: 6) & 0x1FFF == 0
        let isKnown = ipProtocol == 6 || ipProtocol == 17 || ipProtocol == 132
        guard isFirst, isKnown, mbuf.length >= headerBytes &+ 4 else { return }
        sourcePort = mbuf.loadBigEndian(UInt16.self, at: headerBytes)
        destinationPort = mbuf.loadBigEndian(UInt16.self, at: headerBytes &+ 2)
        hasPorts = true
    }

    /// Whether a rule applies.
    @inline(__always)
    func matches(_ rule: UnsafePointer<CompiledRule>) -> Bool {
        source & rule.pointee.sourceMask == rule.pointee.source
            && destination & rule.pointee.destinationMask == rule.pointee.destination
            && ipProtocol & rule.pointee.protocolMask == rule.pointee.ipProtocol
            && (!rule.pointee.needsPorts
                || hasPorts
                    && sourcePort >= rule.pointee.sourceLow && sourcePort <= rule.pointee.sourceHigh
                    && destinationPort >= rule.pointee.destinationLow
                    && destinationPort <= rule.pointee.destinationHigh)
    }
}

/// All access lists of a worker in one piece of memory, as lanes read them.
///
/// Written whole by the control thread, then published; lanes change nothing in it but the counters, each
/// lane its own. It is freed after every lane has begun a new turn with its successor.
struct AccessProgram {
    /// Where the rules of an interface's list begin and how many there are; a count below 0: no list.
    struct Range {
        var start: Int32
        var count: Int32
    }

    static let interfaceLimit = 256

    let base: UnsafeMutableRawPointer
    let ruleCount: Int
    let lanes: Int

    private static func rulesOffset() -> Int { interfaceLimit * MemoryLayout<Range>.stride }

    private static func countersOffset(_ rules: Int) -> Int {
        (rulesOffset() + rules * MemoryLayout<CompiledRule>.stride + 63) & ~63
    }

    /// Bytes of one lane's counters, packets and bytes a rule, in whole cache lines.
    private static func laneBytes(_ rules: Int) -> Int { (rules * 16 + 63) & ~63 }

    /// Bytes of a program.
    static func byteCount(rules: Int, lanes: Int) -> Int {
        countersOffset(rules) + lanes * laneBytes(rules)
    }

    /// Lays a program out in zeroed memory of that size; no interface has a list yet.
    init(at base: UnsafeMutableRawPointer, rules: [AccessRule], lanes: Int) {
        self.base = base
        ruleCount = rules.count
        self.lanes = lanes
        ranges.initialize(repeating: Range(start: 0, count: -1), count: Self.interfaceLimit)
        for (index, rule) in rules.enumerated() {
            (self.rules + index).initialize(to: CompiledRule(rule))
        }
    }

    var ranges: UnsafeMutablePointer<Range> {
        base.assumingMemoryBound(to: Range.self)
    }

    var rules: UnsafeMutablePointer<CompiledRule> {
        (base + Self.rulesOffset()).assumingMemoryBound(to: CompiledRule.self)
    }

    /// A lane's counters: packets and bytes of rule 0, of rule 1...
    func counters(lane: Int) -> UnsafeMutablePointer<UInt64> {
        (base + Self.countersOffset(ruleCount) + lane &* Self.laneBytes(ruleCount))
            .assumingMemoryBound(to: UInt64.self)
    }

    /// What becomes of a packet.
    enum Verdict { case permitted, denied, unmatched }

    /// Finds the first rule of the packet's interface that applies, and counts it.
    @inline(__always)
    func judge(_ mbuf: Mbuf, _ counters: UnsafeMutablePointer<UInt64>) -> Verdict {
        let interface = Int(mbuf.rxInterface)
        guard interface < Self.interfaceLimit else { return .permitted }
        let range = ranges[interface]
        guard range.count >= 0 else { return .permitted }
        let key = PacketKey(mbuf)
        var index = Int(range.start)
        let end = index &+ Int(range.count)
        while index < end {
            let rule = UnsafePointer(rules + index)
            if key.matches(rule) {
                counters[index &* 2] &+= 1
                counters[index &* 2 &+ 1] &+= UInt64(truncatingIfNeeded: mbuf.length)
                return rule.pointee.permits ? .permitted : .denied
            }
            index &+= 1
        }
        return .unmatched
    }
}
