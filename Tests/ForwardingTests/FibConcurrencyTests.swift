import Forwarding
import Glibc
import LinuxSystem
import Synchronization
import Testing

/// What the writer and the readers of a test share: a stop flag, and a count of looks for each
/// reader.
private final class Lanes: Sendable {
    static let count = 2
    let isDone = Atomic<Bool>(false)
    /// Passes over all probes: the pass that a lane is in when something is retired is the last to
    /// read it.
    let passes: [Passes] = (0..<count).map { _ in Passes() }
    let faults = Mutex<[String]>([])

    final class Passes: Sendable { let count = Atomic<Int>(0) }

    var counts: [Int] { passes.map { $0.count.load(ordering: .acquiring) } }
}

@Suite struct FibConcurrencyTests {
    /// A leaf carries the prefix length that put it there and twelve bits of the /20 that it is
    /// good for, so a reader can tell from the leaf alone whether the address ever had it.
    private static func leaf(_ prefix: UInt32, _ length: Int, _ version: UInt32) -> UInt32 {
        UInt32(length) << 18 | (prefix >> 8 & 0xFF) << 10 | (prefix & 0xFF) << 2 | version & 3
    }

    private static func isPossible(_ leaf: UInt32, _ address: UInt32) -> Bool {
        if leaf == 0 { return true }
        let length = Int(leaf >> 18)
        let low = (address & PlainFib.mask(length)) & 0xFFFF
        return length <= 32 && leaf >> 2 & 0xFFFF == low
    }

    @Test(arguments: [51, 52] as [UInt64])
    func lanesSeeOnlyLeavesThatTheAddressHad(seed: UInt64) throws {
        var pair = try FibPair()
        let lanes = Lanes()
        let base: UInt32 = 0x0A0A_0000
        // Four /24s: everything happens in few blocks.
        let probes = (0..<1024 as Range<UInt32>).map { base + $0 }
        let reader = pair.fib.reader
        let threads = (0..<Lanes.count).map { lane in
            LaneThread {
                var leaves = [UInt32](repeating: 0, count: probes.count)
                while !lanes.isDone.load(ordering: .relaxed) {
                    reader.lookup(addresses: probes, leaves: &leaves, count: probes.count)
                    for (address, leaf) in zip(probes, leaves)
                    where !Self.isPossible(leaf, address) {
                        lanes.faults.withLock { $0.append("\(address): \(leaf)") }
                    }
                    lanes.passes[lane].count.add(1, ordering: .releasing)
                }
            }
        }
        var random = SeededRandom(seed: seed)
        var waiting: [(mark: Int, counts: [Int])] = []
        var step: UInt32 = 0
        while lanes.counts.contains(where: { $0 < 200 }) || step < 20_000 {
            step += 1
            let length = Int.random(in: 17...32, using: &random)
            let address = base + UInt32.random(in: 0..<1024, using: &random)
            let prefix = address & PlainFib.mask(length)
            if Bool.random(using: &random) {
                try pair.insert(prefix, length, Self.leaf(prefix, length, step))
            } else {
                pair.remove(prefix, length)
            }
            guard step % 32 == 0 else { continue }
            waiting.append((pair.fib.retiredMark(), lanes.counts))
            while let first = waiting.first, zip(first.counts, lanes.counts).allSatisfy(<) {
                pair.fib.reclaim(upTo: first.mark)
                waiting.removeFirst()
            }
            // With few processors the lanes get theirs only when the writer lets go.
            if waiting.count > 64 { sched_yield() }
        }
        lanes.isDone.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        let faults = lanes.faults.withLock { $0 }
        #expect(faults.count == 0, "seed \(seed): \(faults.prefix(3))")
        pair.check(probes, "seed \(seed), end")
    }
}

/// A thread of its own, as a lane has; the pools of Swift's runtime may have none to spare.
private final class LaneThread {
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Body(body))
        let result = pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        precondition(result == 0, "no thread")
    }

    func join() { pthread_join(thread, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
