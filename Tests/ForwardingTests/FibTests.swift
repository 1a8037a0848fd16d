import Forwarding
import LinuxSystem
import Testing

/// A table and its plain reference, changed together.
struct FibPair {
    let heap: NodeHeap
    let fib: Fib
    var plain = PlainFib()

    init(heap: NodeHeap, fib: Fib) {
        self.heap = heap
        self.fib = fib
    }

    init(megabytes: Int = 96) throws {
        heap = try NodeHeap(byteCount: megabytes << 20, hugepageBytes: nil, numaNode: nil)
        fib = try Fib(heap: heap)
    }

    mutating func insert(_ prefix: UInt32, _ length: Int, _ leaf: UInt32) throws {
        try fib.insert(prefix: prefix, length: length, leaf: leaf)
        plain.insert(FibRoute(prefix: prefix, length: UInt8(length), leaf: leaf))
    }

    mutating func remove(_ prefix: UInt32, _ length: Int) {
        plain.remove(prefix: prefix, length: length)
        let cover = plain.cover(of: prefix, below: length)
        fib.remove(
            prefix: prefix,
            length: length,
            coverLength: Int(cover?.length ?? 0),
            coverLeaf: cover?.leaf ?? 0
        )
    }

    /// Compares single and batched lookups with the reference.
    func check(_ addresses: [UInt32], _ context: Comment) {
        var leaves = [UInt32](repeating: .max, count: addresses.count)
        let reader = fib.reader
        reader.lookup(addresses: addresses, leaves: &leaves, count: addresses.count)
        for (address, leaf) in zip(addresses, leaves) {
            let expected = plain.lookup(address)
            guard leaf == expected, reader.lookup(address) == expected else {
                Issue.record("\(address): \(leaf), not \(expected); \(context)")
                return
            }
        }
    }

    /// The first and the last address of every route, and those beside them.
    var edges: [UInt32] {
        plain.all.flatMap { route in
            let last = route.prefix | ~PlainFib.mask(Int(route.length))
            return [route.prefix &- 1, route.prefix, last, last &+ 1]
        }
    }
}

@Suite struct FibTests {
    @Test func findsNothingInAnEmptyTable() throws {
        let pair = try FibPair()
        pair.check([0, 1, 0x0A00_0001, .max], "empty")
    }

    @Test(arguments: 0...32)
    func findsAndForgetsAPrefixOfEveryLength(length: Int) throws {
        var pair = try FibPair()
        let prefix: UInt32 = 0xC0A8_5BA7 & PlainFib.mask(length)
        try pair.insert(prefix, length, 7)
        pair.check(pair.edges + [0xC0A8_5BA7], "length \(length)")
        #expect(pair.fib.reader.lookup(0xC0A8_5BA7) == 7)
        try pair.insert(prefix, length, 0xFF_FFFF)
        #expect(pair.fib.reader.lookup(0xC0A8_5BA7) == 0xFF_FFFF)
        let edges = pair.edges
        pair.remove(prefix, length)
        pair.check(edges, "length \(length) removed")
        #expect(pair.fib.extensionBytes == 0)
    }

    @Test func keepsTheLongestOfAllLengthsInAnyOrder() throws {
        for seed in UInt64(1)...8 {
            var random = SeededRandom(seed: seed)
            var pair = try FibPair()
            let address: UInt32 = 0x0A01_02FF
            for length in (0...32).shuffled(using: &random) {
                try pair.insert(address & PlainFib.mask(length), length, UInt32(length + 1))
                pair.check(pair.edges, "seed \(seed), \(length) inserted")
            }
            for length in (0...32).shuffled(using: &random) {
                let edges = pair.edges
                pair.remove(address & PlainFib.mask(length), length)
                pair.check(edges, "seed \(seed), \(length) removed")
            }
            #expect(pair.fib.extensionBytes == 0, "seed \(seed)")
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func agreesWithAPlainTableOverRandomChanges(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var pair = try FibPair()
        // Few /24s, so that prefixes nest and meet.
        let spread = PlainFib.mask(32 - [9, 10, 12, 14, 17, 20][Int(seed - 1)])
        for step in 0..<6000 {
            let length =
                Bool.random(using: &random)
                ? Int.random(in: 25...32, using: &random)
                : Int.random(in: 8...32, using: &random)
            let prefix =
                (0x0A20_0000 | UInt32.random(in: 0...UInt32.max, using: &random) & ~spread)
                & PlainFib.mask(length)
            if Int.random(in: 0..<5, using: &random) < 3 {
                try pair.insert(prefix, length, UInt32.random(in: 0...3, using: &random))
            } else {
                // Half of the removals are of routes that are there.
                let present = pair.plain.routes[length].keys.first
                pair.remove(Bool.random(using: &random) ? prefix : present ?? prefix, length)
            }
            if step % 64 == 0 { pair.fib.reclaim(upTo: pair.fib.retiredMark()) }
            if step % 100 == 0 {
                let some = (0..<300).map { _ in
                    0x0A20_0000 | UInt32.random(in: 0...UInt32.max, using: &random) & ~spread
                }
                pair.check(pair.edges.prefix(1200) + some, "seed \(seed), step \(step)")
            }
        }
        pair.check(pair.edges, "seed \(seed), end")
        let edges = pair.edges
        for route in pair.plain.all.shuffled(using: &random) {
            pair.remove(route.prefix, Int(route.length))
        }
        pair.check(edges, "seed \(seed), all removed")
        pair.fib.reclaim(upTo: pair.fib.retiredMark())
        #expect(pair.fib.extensionBytes == 0, "seed \(seed)")
        // The table, the line of the default route and nothing else.
        #expect(pair.heap.usedBytes == (64 << 20) + 64, "seed \(seed)")
    }

    @Test func growsABlockWithItsHostRoutesAndShrinksItAgain() throws {
        var pair = try FibPair()
        var random = SeededRandom(seed: 11)
        let hosts = (0..<256).map { 0x0A00_0100 + UInt32($0) }.shuffled(using: &random)
        try pair.insert(0x0A00_0100, 25, 9)
        for host in hosts {
            try pair.insert(host, 32, host & 255 % 3)
            pair.check(hosts, "host \(host & 255) in")
        }
        #expect(pair.fib.extensionBytes == 1088)
        for host in hosts {
            pair.remove(host, 32)
            pair.check(hosts, "host \(host & 255) out")
        }
        #expect(pair.fib.extensionBytes == 64)
        pair.remove(0x0A00_0100, 25)
        pair.check(hosts, "end")
        #expect(pair.fib.extensionBytes == 0)
    }

    @Test func spendsOneLineOnAScatteredHostRoute() throws {
        var pair = try FibPair()
        for index in 0..<1000 as Range<UInt32> {
            try pair.insert(0x0B00_0000 + index * 0x317, 32, index)
        }
        #expect(pair.fib.extensionBytes <= 64_000)
        pair.check(pair.edges, "scattered")
    }

    @Test func ignoresTheRemovalOfAnAbsentPrefix() throws {
        var pair = try FibPair()
        try pair.insert(0x0A00_0000, 8, 1)
        try pair.insert(0x0A01_0140, 26, 2)
        for length in 0...32 where length != 8 && length != 26 {
            pair.remove(0x0A01_0140 & PlainFib.mask(length), length)
        }
        pair.check(pair.edges, "absent")
        #expect(pair.fib.reader.lookup(0x0A01_0141) == 2)
    }

    @Test func refusesWhatIsNoRoute() throws {
        let pair = try FibPair()
        for (prefix, length, leaf) in [(0, 33, 1), (0, -1, 1), (1, 31, 1), (0, 8, 1 << 24)] {
            #expect(throws: ForwardingError.self) {
                try pair.fib.insert(prefix: UInt32(prefix), length: length, leaf: UInt32(leaf))
            }
        }
        pair.check([0, 1], "refused")
    }

    @Test(arguments: [21, 22, 23] as [UInt64])
    func loadsInBulkWhatItLoadsOneByOne(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var pair = try FibPair()
        var routes: [FibRoute] = []
        for _ in 0..<5000 {
            let length = Int.random(in: 18...32, using: &random)
            let address = 0x0A00_0000 | UInt32.random(in: 0..<1 << 14, using: &random)
            routes.append(
                FibRoute(
                    prefix: address & PlainFib.mask(length),
                    length: UInt8(length),
                    leaf: UInt32.random(in: 1...1000, using: &random)
                )
            )
        }
        if seed == 21 { routes.sort { $0.prefix < $1.prefix } }
        try pair.fib.insert(contentsOf: routes)
        for route in routes { pair.plain.insert(route) }
        pair.check(pair.edges, "seed \(seed)")
    }
}
