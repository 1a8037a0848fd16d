import CBench
import CLinux
import Forwarding
import LinuxSystem
import PacketGraph

/// The addresses of host routes, and destinations to look up.
struct Routes {
    /// Each another /32, ascending.
    let addresses: [UInt32]
    /// Random ones among them, `destinationCount` of them.
    let destinations: [UInt32]

    /// A power of two.
    static let destinationCount = 1 << 20

    /// Makes routes.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - areScattered: all over the address space, most in a /24 of their own; else one after the other, as
    ///     `ip route add ... count N` makes them.
    init(count: Int, areScattered: Bool) {
        var random = SeededRandom(seed: UInt64(count))
        if areScattered {
            var seen = Set<UInt32>(minimumCapacity: count)
            // 1.0.0.0...99.255.255.255
            while seen.count < count {
                seen.insert(UInt32(0x0100_0000 + random.next(below: 99 << 24)))
            }
            addresses = seen.sorted()
        } else {
            addresses = (0..<UInt32(count)).map { 0x1400_0000 + $0 }
        }
        let known = addresses
        destinations = (0..<Self.destinationCount).map { _ in known[random.next(below: count)] }
    }

    /// Puts the routes into a table in a heap of its own.
    func makeFib(leaf: UInt32) throws -> (heap: NodeHeap, fib: Fib) {
        // The table's 64 MiB, and a block of 1.1 kB at most for each /24, 64 bytes for each lonely route.
        let heap = try Machine.makeHeap(byteCount: 80 << 20 + addresses.count * 80)
        let fib = try Fib(heap: heap)
        try fib.insert(
            contentsOf: addresses.lazy.map { FibRoute(prefix: $0, length: 32, leaf: leaf) }
        )
        fib.reclaim(upTo: fib.retiredMark())
        fib.populate()
        return (heap, fib)
    }

    /// Puts the routes into the C table.
    func makeReference(leaf: UInt32) throws -> CBench_dir24 {
        var groups = 0
        var last: UInt32?
        for address in addresses where last != address >> 8 {
            groups += 1
            last = address >> 8
        }
        var dir = CBench_dir24()
        guard CBench_dir24_make(&dir, groups) == 0 else {
            throw BenchError("no memory for the C table of \(groups) groups")
        }
        for address in addresses { _ = CBench_dir24_add_host(&dir, address, leaf) }
        return dir
    }
}

/// The forwarding table's lookup alone, a frame of random destinations at a time.
final class FibLookup: Subject {
    let unit = "clocks/lookup"
    let parts: [String] = []
    private(set) var checksum: UInt64 = 0

    private let heap: NodeHeap
    private let fib: Fib
    private var dir: CBench_dir24
    private let destinations: [UInt32]
    private let leaves: UnsafeMutablePointer<UInt32>
    private var cursor = 0
    private static let framesInBatch = 32

    init(routes: Int, areScattered: Bool) throws {
        let routes = Routes(count: routes, areScattered: areScattered)
        (heap, fib) = try routes.makeFib(leaf: 1)
        dir = try routes.makeReference(leaf: 1)
        destinations = routes.destinations
        leaves = .allocate(capacity: frameCapacity)
        leaves.initialize(repeating: 0, count: frameCapacity)
    }

    deinit {
        CBench_dir24_free(&dir)
        leaves.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        let reader = fib.reader
        let leaves = leaves
        measure(batches, values) { addresses in
            reader.lookup(addresses: addresses, leaves: leaves, count: frameCapacity)
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        var dir = dir
        let leaves = leaves
        measure(batches, values) { addresses in
            CBench_dir24_lookup(&dir, addresses, leaves, frameCapacity)
        }
    }

    @inline(__always)
    private func measure(
        _ batches: Int,
        _ values: UnsafeMutablePointer<Double>,
        _ lookup: (UnsafePointer<UInt32>) -> Void
    ) {
        destinations.withUnsafeBufferPointer { destinations in
            guard let base = destinations.baseAddress else { return }
            for batch in 0..<batches {
                let switches = contextSwitches()
                var clocks: UInt64 = 0
                for _ in 0..<Self.framesInBatch {
                    let start = timestamp()
                    lookup(base + cursor)
                    clocks &+= timestamp() &- start
                    checksum = checksum &* 31 &+ UInt64(leaves[cursor & (frameCapacity - 1)])
                    cursor = (cursor &+ frameCapacity) & (Routes.destinationCount &- 1)
                }
                values[batch] =
                    contextSwitches() == switches
                    ? Double(clocks) / Double(Self.framesInBatch * frameCapacity) : .nan
            }
        }
    }
}
