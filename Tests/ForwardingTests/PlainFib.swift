import Forwarding

/// Longest-prefix match at its plainest: a dictionary for each length, tried from 32 down.
struct PlainFib {
    private(set) var routes = Array(repeating: [UInt32: UInt32](), count: 33)

    static func mask(_ length: Int) -> UInt32 {
        length == 0 ? 0 : UInt32.max << UInt32(32 - length)
    }

    mutating func insert(_ route: FibRoute) {
        routes[Int(route.length)][route.prefix] = route.leaf
    }

    mutating func remove(prefix: UInt32, length: Int) {
        routes[length][prefix] = nil
    }

    func lookup(_ address: UInt32) -> UInt32 {
        cover(of: address, below: 33)?.leaf ?? 0
    }

    /// The longest route shorter than `length` that covers `prefix`.
    func cover(of prefix: UInt32, below length: Int) -> FibRoute? {
        for shorter in (0..<length).reversed() {
            let network = prefix & Self.mask(shorter)
            if let leaf = routes[shorter][network] {
                return FibRoute(prefix: network, length: UInt8(shorter), leaf: leaf)
            }
        }
        return nil
    }

    var all: [FibRoute] {
        routes.enumerated().flatMap { length, table in
            table.map { FibRoute(prefix: $0.key, length: UInt8(length), leaf: $0.value) }
        }
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
