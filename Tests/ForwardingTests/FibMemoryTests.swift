import Forwarding
import LinuxSystem
import Testing

@Suite struct FibMemoryTests {
    /// A heap with the table and a few pages of 64 KiB beside it.
    private func pair(pages: Int) throws -> FibPair {
        let heap = try NodeHeap(
            byteCount: (64 << 20) + pages << 16,
            hugepageBytes: nil,
            numaNode: nil
        )
        return FibPair(heap: heap, fib: try Fib(heap: heap))
    }

    @Test func refusesToStartWithoutRoomForTheTable() throws {
        let heap = try NodeHeap(byteCount: 32 << 20, hugepageBytes: nil, numaNode: nil)
        #expect(throws: ForwardingError.self) { try Fib(heap: heap) }
        let tight = try NodeHeap(byteCount: 64 << 20, hugepageBytes: nil, numaNode: nil)
        #expect(throws: ForwardingError.self) { try Fib(heap: tight) }
        #expect(tight.usedBytes == 0)
    }

    @Test func refusesRoutesWhenTheHeapIsFullAndKeepsAllOthers() throws {
        var pair = try pair(pages: 3)
        var refused: [UInt32] = []
        for index in 0..<4000 as Range<UInt32> {
            let prefix = 0x0A00_0000 + index << 8 | 7
            do {
                try pair.insert(prefix, 32, index + 1)
            } catch {
                refused.append(prefix)
            }
        }
        // One page went to the line of the default route, and it serves as well.
        #expect(refused.count == 4000 - (3 * 1024 - 1))
        pair.check(pair.edges + refused, "full")
        // Neither a removal nor a change of leaf needs memory.
        for prefix in pair.plain.routes[32].keys.sorted().prefix(1000) {
            try pair.insert(prefix, 32, 99)
        }
        let edges = pair.edges
        for prefix in pair.plain.routes[32].keys.sorted().prefix(500) { pair.remove(prefix, 32) }
        pair.check(edges, "removed while full")
        #expect(throws: ForwardingError.self) { try pair.insert(refused[0], 32, 1) }
        pair.fib.reclaim(upTo: pair.fib.retiredMark())
        for prefix in refused.prefix(500) { try pair.insert(prefix, 32, 5) }
        pair.check(pair.edges, "reclaimed")
    }

    @Test(arguments: [31, 32, 33] as [UInt64])
    func staysRightAtTheEdgeOfFull(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var pair = try pair(pages: 1)
        var refusals = 0
        for step in 0..<8000 {
            let length = Int.random(in: 22...32, using: &random)
            let address = 0x0A00_0000 | UInt32.random(in: 0..<1 << 19, using: &random)
            let prefix = address & PlainFib.mask(length)
            if Int.random(in: 0..<10, using: &random) < 7 {
                do {
                    try pair.insert(prefix, length, UInt32(step & 0xFFFF))
                } catch {
                    refusals += 1
                }
            } else {
                let present = pair.plain.routes[length].keys.randomElement(using: &random)
                pair.remove(present ?? prefix, length)
            }
            if step % 700 == 0 { pair.fib.reclaim(upTo: pair.fib.retiredMark()) }
            if step % 1000 == 0 { pair.check(pair.edges, "seed \(seed), step \(step)") }
        }
        pair.check(pair.edges, "seed \(seed)")
        #expect(refusals > 100, "seed \(seed): the heap was hardly ever full")
    }

    @Test func saysHowManyRoutesOfABulkWereTaken() throws {
        var pair = try pair(pages: 3)
        let routes = (0..<4000 as Range<UInt32>).map {
            FibRoute(prefix: 0x0A00_0000 + $0 << 8 | 7, length: 32, leaf: $0 + 1)
        }
        var applied = -1
        do throws(ForwardingError) {
            try pair.fib.insert(contentsOf: routes)
        } catch {
            guard case .heapFull(_, _, let count) = error else { throw error }
            applied = count
        }
        #expect(applied == 3 * 1024 - 1)
        for route in routes.prefix(applied) { pair.plain.insert(route) }
        pair.check(routes.map(\.prefix), "bulk")
    }

    @Test(arguments: ["scattered", "contiguous", "mixed"])
    func holdsAMillionRoutesWithin150Megabytes(kind: String) throws {
        var random = SeededRandom(seed: 41)
        var pair = try FibPair(megabytes: 160)
        var routes: [FibRoute] = []
        for index in 0..<1_000_000 as Range<UInt32> {
            let address = UInt32.random(in: 0x0100_0000..<0xE000_0000, using: &random)
            var route = FibRoute(prefix: address, length: 32, leaf: index & 0xFFF + 1)
            if kind == "contiguous" { route.prefix = 0x1000_0000 + index }
            if kind == "mixed" {
                // As in an Internet table: mostly /24, some shorter, few longer.
                let lengths = [24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 16, 32, 28]
                let length = lengths[Int(random.next() % 16)]
                route.length = UInt8(length)
                route.prefix = address & PlainFib.mask(length)
            }
            routes.append(route)
        }
        try pair.fib.insert(contentsOf: routes)
        for route in routes { pair.plain.insert(route) }
        #expect(pair.heap.usedBytes <= 150_000_000)
        let probes = routes.indices.filter { $0 % 50 == 0 }.flatMap { index -> [UInt32] in
            let route = routes[index]
            let last = route.prefix | ~PlainFib.mask(Int(route.length))
            return [route.prefix, last, last &+ 1]
        }
        pair.check(probes, "\(kind), seed 41")
    }
}
