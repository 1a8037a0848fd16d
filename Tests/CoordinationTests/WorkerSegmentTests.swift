import Coordination
import Glibc
import LinuxSystem
import SystemPackage
import Testing

@Suite struct WorkerSegmentTests {
    private let file = TemporaryFile()

    private func makeSegment(lanes: Int = 2) throws -> WorkerSegment {
        try WorkerSegment.create(path: file.path, node: 1, incarnation: 2, lanes: lanes)
    }

    @Test(arguments: [1, 2, HandoffLayout.maximumDestinationLanes])
    func everyEntryLiesWithinTheSegment(lanes: Int) throws {
        let segment = try makeSegment(lanes: lanes)
        segment.writeNames(
            nodes: (0..<WorkerSegment.maximumNodes).map {
                .init(name: "node-\($0)", errorBase: 0, errorCount: 2)
            },
            errors: (0..<WorkerSegment.maximumErrors).map {
                .init(node: $0 / 2, reason: "reason \($0 % 2)")
            }
        )
        let entries = segment.entries
        #expect(entries.count == Int(segment.load(.entryCount)))
        #expect(entries.count <= WorkerSegment.maximumEntries)
        #expect(Set(entries.map(\.name)).count == entries.count)
        for entry in entries { #expect(segment.words(of: entry).count == entry.lanes) }
        #expect(entries.contains { $0.name == "/err/node-255/reason 1" })
    }

    @Test func eachCounterIsFoundByItsName() throws {
        let segment = try makeSegment()
        segment.writeNames(
            nodes: [.init(name: "ip4-input", errorBase: 0, errorCount: 1)],
            errors: [.init(node: 0, reason: "ttl")]
        )
        segment.lane(1).node(0)[1] = 11
        segment.lane(1).errors[0] = 12
        segment.lane(0).interface(3)[0] = 13
        segment.lane(0).interface(3)[1] = 14
        segment.lane(1).peer(7)[LaneBlock.PeerWord.received.rawValue] = 15
        segment.store(.heapUsedBytes, 16)
        func words(_ name: String) -> [[UInt64]] {
            segment.entries.first { $0.name == name }.map { segment.words(of: $0) } ?? []
        }
        #expect(words("/nodes/ip4-input/vectors") == [[0], [11]])
        #expect(words("/err/ip4-input/ttl") == [[0], [12]])
        #expect(words("/if/rx")[0][6...7] == [13, 14])
        #expect(words("/handoff/received")[1][7] == 15)
        #expect(words("/mem/main heap/used") == [[16]])
    }

    @Test func processesAreListedOnceWithTheGraphNodes() throws {
        let segment = try makeSegment()
        var reading = ProcessReading(
            name: "clock-verify",
            wait: .clock,
            calls: 1,
            suspends: 2,
            events: 3,
            clocks: 4,
            maximumClocks: 5
        )
        for calls in UInt64(1)...3 {
            reading.calls = calls
            segment.writeProcess(0, reading)
            segment.store(.processCount, 1)
        }
        let found = segment.entries.filter { $0.name.hasPrefix("/nodes/clock-verify/") }
        #expect(found.map { segment.words(of: $0) } == [[[3]], [[2]], [[3]], [[4]]])
        #expect(
            found.map(\.name)
                == ["calls", "suspends", "vectors", "clocks"].map {
                    "/nodes/clock-verify/" + $0
                }
        )
    }

    @Test func reasonsThatReadTheSameAreToldApart() throws {
        let segment = try makeSegment()
        segment.writeNames(
            nodes: [.init(name: "n", errorBase: 0, errorCount: 2)],
            errors: [.init(node: 0, reason: "same"), .init(node: 0, reason: "same")]
        )
        let names = segment.entries.map(\.name)
        #expect(names.contains("/err/n/same"))
        #expect(names.contains("/err/n/same #2"))
    }

    @Test func whatIsClearedCountsFromZeroForEveryReader() throws {
        let segment = try makeSegment()
        segment.writeNames(
            nodes: [.init(name: "n", errorBase: 0, errorCount: 1)],
            errors: [.init(node: 0, reason: "r")]
        )
        segment.lane(0).errors[0] = 5
        segment.lane(0).interface(1)[0] = 6
        segment.clear(.errors, unixSeconds: 42)
        let reader = try WorkerSegment.open(path: file.path, writable: false)
        func total(_ name: String) -> UInt64 {
            guard let entry = reader.entries.first(where: { $0.name == name }) else { return .max }
            return reader.words(of: entry).joined().reduce(0, +)
        }
        #expect(total("/err/n/r") == 0)
        #expect(total("/if/rx") == 6)
        #expect(total("/sys/last_stats_clear") == 42)
        segment.lane(0).errors[0] += 3
        #expect(total("/err/n/r") == 3)
    }

    @Test func nodesThatAreHiddenAreCountedButNotListed() throws {
        for isHidden in [false, true] {
            let segment = try makeSegment()
            segment.store(.hidesNodes, isHidden ? 1 : 0)
            segment.writeNames(
                nodes: [.init(name: "n", errorBase: 0, errorCount: 1)],
                errors: [.init(node: 0, reason: "r")]
            )
            segment.writeProcess(
                0,
                ProcessReading(
                    name: "p",
                    wait: .clock,
                    calls: 1,
                    suspends: 1,
                    events: 0,
                    clocks: 5,
                    maximumClocks: 5
                )
            )
            segment.store(.processCount, 1)
            let names = segment.entries.map(\.name).filter { $0.hasPrefix("/nodes/") }
            #expect(names.contains("/nodes/n/calls") == !isHidden)
            #expect(names.contains("/nodes/p/calls") == !isHidden)
            #expect(names.isEmpty == isHidden)
            // `show` commands and `/err` have what they had.
            #expect(segment.nodeNames.map(\.name) == ["n"])
            #expect(segment.processes.map(\.calls) == [1])
            #expect(segment.entries.contains { $0.name == "/err/n/r" })
        }
    }

    @Test func aNewInterfaceTakesNoPlaceOfAnother() throws {
        let segment = try makeSegment()
        segment.lane(0).interface(1)[0] = 6
        segment.writeInterfaceName("one", at: 1)
        let before = segment.entries
        segment.writeInterfaceName("two", at: 2)
        segment.writeInterfaceName("beyond", at: WorkerSegment.maximumInterfaces)
        segment.writeInterfaceName("below", at: -1)
        segment.writeInterfaceName(String(repeating: "x", count: 200), at: 3)
        #expect(segment.entries == before)
        let entry = try #require(before.first { $0.name == "/if/rx" })
        #expect(segment.words(of: entry)[0][2] == 6)
    }

    @Test func ratesAreThoseOfTheLastSecond() throws {
        let segment = try makeSegment()
        var meter = RateMeter(segment, at: 1000)
        for lane in 0..<2 {
            let block = segment.lane(lane)
            block.pointer(.loops).pointee = 500
            block.pointer(.inputVectors).pointee = UInt64(100 * (lane + 1))
            block.pointer(.internalCalls).pointee = 10
            block.pointer(.internalVectors).pointee = UInt64(40 * (lane + 1))
        }
        func rate(_ name: String) -> [Double] {
            guard let entry = segment.entries.first(where: { $0.name == name }) else { return [] }
            return segment.words(of: entry).joined().map(Double.init(bitPattern:))
        }
        meter.update(segment, at: 1999, hertz: 1000)
        #expect(rate("/sys/input_rate") == [0])
        meter.update(segment, at: 3000, hertz: 1000)
        #expect(rate("/sys/input_rate") == [150])
        #expect(rate("/sys/vector_rate") == [6])
        #expect(rate("/sys/vector_rate_per_worker") == [4, 8])
        #expect(rate("/sys/loops_per_worker") == [250, 250])
        meter.update(segment, at: 4000, hertz: 1000)
        #expect(rate("/sys/input_rate") == [0])
        #expect(rate("/sys/vector_rate") == [0])
    }

    @Test func aReaderTrustsNoEntry() throws {
        let segment = try makeSegment()
        let count = segment.entries.count
        let offset = Int(segment.load(.directoryOffset))
        var random = SystemRandomNumberGenerator()
        for round in 0..<500 {
            let entry = segment.mapping.base + offset + (round % count) * StatisticsEntry.byteCount
            for place in stride(from: 192, to: 232, by: 4) where Bool.random(using: &random) {
                entry.storeBytes(
                    of: round % 3 == 0 ? random.next() : random.next() & 0xFFFF,
                    toByteOffset: place,
                    as: UInt32.self
                )
            }
            for entry in segment.entries { _ = segment.words(of: entry) }
        }
        segment.store(.entryCount, .max)
        #expect(segment.entries.isEmpty)
        segment.store(.entryCount, UInt64(count))
        segment.store(.directoryStride, 8)
        #expect(segment.entries.isEmpty)
        segment.store(.directoryStride, 256)
        segment.store(.directoryOffset, UInt64.max)
        #expect(segment.entries.isEmpty)
    }

    @Test func aSegmentOfAnotherVersionIsRefused() throws {
        let segment = try makeSegment()
        segment.store(.magic, 0x4357_5345_4700_0001)
        #expect(throws: Errno.protocolError) {
            try WorkerSegment.open(path: file.path, writable: false)
        }
    }
}
