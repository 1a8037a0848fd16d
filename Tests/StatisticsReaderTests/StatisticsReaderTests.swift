import Coordination
import Glibc
import LinuxSystem
import StatisticsReader
import SystemPackage
import Testing

@Suite struct StatisticsReaderTests {
    /// A runtime directory with the segments of workers, as a supervisor leaves them.
    final class Machine {
        let path = "/dev/shm/causeway-stats-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        let runtime: RuntimeDirectory

        init() { runtime = RuntimeDirectory(path: path) }

        deinit { SmallFile.removeTree(path) }

        func start(node: Int, life: UInt32, lanes: Int = 1) throws -> WorkerSegment {
            try runtime.makeDirectory(node: node)
            let file = "\(path)/segment\(node).\(life)"
            let segment = try WorkerSegment.create(
                path: file,
                node: node,
                incarnation: life,
                lanes: lanes
            )
            segment.writeNames(
                nodes: [.init(name: "ip4-input", errorBase: 0, errorCount: 1)],
                errors: [.init(node: 0, reason: "ip4 ttl <= 1")]
            )
            try runtime.makeLink(.segment, node: node, incarnation: life, to: file)
            return segment
        }

        func startKeeper(node: Int, life: UInt32) throws -> PortSegment {
            try runtime.makeDirectory(node: node)
            let file = "\(path)/ports\(node).\(life)"
            let segment = try PortSegment.create(path: file, node: node, incarnation: life)
            try runtime.makeLink(.ports, node: node, incarnation: life, to: file)
            return segment
        }

        func remove(node: Int, life: UInt32) {
            runtime.removeLinks(node: node, incarnation: life)
            SmallFile.remove("\(path)/segment\(node).\(life)")
        }
    }

    private let machine = Machine()

    private func value(_ reader: StatisticsReader, _ name: String) throws -> [[UInt64]] {
        try reader.read(matching: ["^\(name)$"]).first?.rows ?? []
    }

    @Test func sumsOverLanesAndWorkers() throws {
        let near = try machine.start(node: 0, life: 1, lanes: 2)
        let far = try machine.start(node: 1, life: 1)
        near.lane(0).errors[0] = 1
        near.lane(1).errors[0] = 20
        far.lane(0).errors[0] = 300
        let reader = try StatisticsReader(runtimeDirectory: machine.path)
        let name = "/err/ip4-input/ip4 ttl <= 1"
        #expect(try value(reader, "/node0" + name) == [[1], [20]])
        #expect(try value(reader, "/node1" + name) == [[300]])
        #expect(try value(reader, name) == [[321]])
    }

    @Test func putsTogetherWhatNoSumMakesSenseOf() throws {
        let segments = [
            try machine.start(node: 0, life: 1), try machine.start(node: 1, life: 1, lanes: 2),
        ]
        for (index, segment) in segments.enumerated() {
            segment.store(.bootTime, UInt64(100 + index))
            segment.store(.lastClear, UInt64(200 + index))
            segment.store(.vectorRate, Double(4 + 2 * index).bitPattern)
            segment.store(.inputRate, Double(10 + index).bitPattern)
        }
        let reader = try StatisticsReader(runtimeDirectory: machine.path)
        #expect(try value(reader, "/sys/boottime") == [[100]])
        #expect(try value(reader, "/sys/last_stats_clear") == [[201]])
        #expect(try value(reader, "/sys/vector_rate") == [[Double(5).bitPattern]])
        #expect(try value(reader, "/sys/input_rate") == [[Double(21).bitPattern]])
        #expect(try value(reader, "/sys/num_worker_threads") == [[3]])
        #expect(try value(reader, "/sys/loops_per_worker").count == 3)
    }

    @Test func placesOfInterfacesAreThoseWithNames() throws {
        let segment = try machine.start(node: 0, life: 1)
        segment.writeInterfaceName("tap0", at: 1)
        segment.lane(0).interface(1)[0] = 7
        segment.lane(0).interface(1)[1] = 490
        segment.lane(0).interface(9)[0] = 1
        let reader = try StatisticsReader(runtimeDirectory: machine.path)
        let places = try #require(try reader.read(matching: ["^/if/rx$"]).first).places
        #expect(places.map(\.label) == ["local0", "tap0"])
        #expect(places.map(\.index) == [0, 1])
        #expect(places[1].numbers == [.whole(7), .whole(490)])
        let names = try #require(try reader.read(matching: ["^/if/names$"]).first).places
        #expect(names.map(\.text) == ["local0", "tap0"])
        // Places without names: those that have counted something.
        segment.lane(0).peer(5)[LaneBlock.PeerWord.packets.rawValue] = 3
        let peers = try #require(try reader.read(matching: ["^/handoff/packets$"]).first).places
        #expect(peers.map(\.index) == [5])
    }

    @Test func whatHardwareCountsStandsBesideWhatLanesCount() throws {
        let worker = try machine.start(node: 0, life: 1, lanes: 2)
        worker.writeInterfaceName("east", at: 1)
        worker.lane(0).interface(1)[LaneBlock.InterfaceWord.rxErrors.rawValue] = 1
        worker.lane(1).interface(1)[LaneBlock.InterfaceWord.rxErrors.rawValue] = 20
        let keeper = try machine.startKeeper(node: 0, life: 1)
        keeper.segment.writeInterfaceName("east", at: 1)
        keeper.store(.rxMissed, interface: 1, 5)
        keeper.store(.rxNoBuffer, interface: 1, 6)
        keeper.store(.rxErrors, interface: 1, 300)
        keeper.store(.rxErrors, interface: WorkerSegment.maximumInterfaces, 9)
        var reader = try StatisticsReader(runtimeDirectory: machine.path)
        func east(_ name: String) throws -> [Statistic.Number] {
            let statistic = try reader.read(matching: ["^\(name)$"])
            #expect(statistic.count == 1, "\(name)")
            return statistic.first?.places.first { $0.label == "east" }?.numbers ?? []
        }
        for prefix in ["", "/node0"] {
            #expect(try east(prefix + "/if/rx-miss") == [.whole(5)])
            #expect(try east(prefix + "/if/rx-no-buf") == [.whole(6)])
            #expect(try east(prefix + "/if/rx-error") == [.whole(321)])
        }
        #expect(try reader.names(matching: ["^/node0/if/rx-"]).count == 3)
        keeper.clear(unixSeconds: 7)
        keeper.store(.rxMissed, interface: 1, 8)
        #expect(try east("/if/rx-miss") == [.whole(3)] && east("/if/rx-no-buf") == [.whole(0)])
        // The worker's next life finds the hardware where it was; so does the keeper's death.
        _ = try machine.start(node: 0, life: 2)
        try reader.refresh()
        #expect(try east("/node0/if/rx-miss") == [.whole(3)])
        #expect(try value(reader, "/node0.1/if/rx-miss").isEmpty)
        // A keeper that starts anew counts from 0, and only its counters are read.
        _ = try machine.startKeeper(node: 0, life: 2)
        try reader.refresh()
        #expect(try value(reader, "/node0/if/rx-miss").joined().allSatisfy { $0 == 0 })
    }

    @Test func aKeepersSegmentIsNoWorkersAndTheOtherWayRound() throws {
        _ = try machine.start(node: 0, life: 1)
        #expect(throws: Errno.protocolError) {
            try PortSegment.open(path: "\(machine.path)/segment0.1")
        }
        _ = try machine.startKeeper(node: 0, life: 1)
        let opened = try PortSegment.open(path: "\(machine.path)/ports0.1")
        #expect(opened.segment.load(.incarnation) == 1 && opened.segment.entries.count == 4)
    }

    @Test func aDeadLifeIsReadBesideTheNextAndIsNoPartOfTheSum() throws {
        let dead = try machine.start(node: 0, life: 1)
        dead.lane(0).errors[0] = 5
        dead.store(.poolUsed, 9)
        dead.store(.ended, 1)
        var reader = try StatisticsReader(runtimeDirectory: machine.path)
        let name = "/err/ip4-input/ip4 ttl <= 1"
        #expect(try value(reader, "/node0" + name) == [[5]])
        // What it counted stays counted; buffers that it held are no longer held.
        #expect(try value(reader, name) == [[5]])
        #expect(try value(reader, "/buffer-pools/default/used") == [[0]])
        let next = try machine.start(node: 0, life: 2)
        next.lane(0).errors[0] = 1
        try reader.refresh()
        #expect(try value(reader, "/node0.1" + name) == [[5]])
        #expect(try value(reader, "/node0" + name) == [[1]])
        #expect(try value(reader, name) == [[1]])
        machine.remove(node: 0, life: 1)
        try reader.refresh()
        #expect(try value(reader, "/node0.1" + name) == [])
    }

    @Test func listsByRegularExpression() throws {
        _ = try machine.start(node: 0, life: 1)
        let reader = try StatisticsReader(runtimeDirectory: machine.path)
        #expect(
            try reader.names(matching: ["^/if/(rx|tx)$", "^/sys/heart"]) == [
                "/if/rx", "/if/tx", "/sys/heartbeat",
            ]
        )
        #expect(
            try reader.names(matching: ["^/nodes/ip4-input/"]) == [
                "/nodes/ip4-input/calls", "/nodes/ip4-input/clocks",
                "/nodes/ip4-input/suspends", "/nodes/ip4-input/vectors",
            ]
        )
        let all = try reader.names()
        #expect(all == all.sorted())
        #expect(all.contains("/node0/if/rx"))
        #expect(try reader.read().map(\.name) == all)
        #expect(try reader.names(matching: ["nothing like this"]).isEmpty)
        do throws(StatisticsError) {
            _ = try reader.names(matching: ["(("])
            Issue.record("taken")
        } catch {
            guard case .pattern("((", _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func saysWhatIsMissing() throws {
        #expect(throws: StatisticsError.nothing(directory: machine.path)) {
            try StatisticsReader(runtimeDirectory: machine.path)
        }
        let segment = try machine.start(node: 0, life: 1)
        segment.store(.magic, 7)
        let link = machine.runtime.link(.segment, node: 0, incarnation: 1)
        #expect(throws: StatisticsError.layout(path: link)) {
            try StatisticsReader(runtimeDirectory: machine.path)
        }
        // A link whose file is gone is that of a life that went while we looked.
        machine.remove(node: 0, life: 1)
        try machine.runtime.makeLink(.segment, node: 0, incarnation: 1, to: "/nonexistent")
        #expect(throws: StatisticsError.nothing(directory: machine.path)) {
            try StatisticsReader(runtimeDirectory: machine.path)
        }
    }

    @Test func manyReadersLeaveNeitherDescriptorsNorMappings() throws {
        _ = try machine.start(node: 0, life: 1)
        _ = try machine.start(node: 1, life: 1)
        func mappings() -> Int {
            (SmallFile.read("/proc/self/maps") ?? "").split(separator: "\n")
                .count { $0.contains(machine.path) }
        }
        func descriptors() -> Int {
            SmallFile.names(in: "/proc/self/fd").count { name in
                SmallFile.linkTarget("/proc/self/fd/\(name)")?.contains(machine.path) ?? false
            }
        }
        let before = mappings()
        for _ in 0..<200 {
            var reader = try StatisticsReader(runtimeDirectory: machine.path)
            try reader.refresh()
            _ = try reader.names(matching: ["^/if"])
        }
        #expect(mappings() == before)
        #expect(descriptors() == 0)
        var reader = try StatisticsReader(runtimeDirectory: machine.path)
        for life in UInt32(2)...20 {
            _ = try machine.start(node: 0, life: life)
            if life > 2 { machine.remove(node: 0, life: life - 2) }
            try reader.refresh()
        }
        // Two lives of node 0, one of node 1.
        #expect(mappings() == before + 3)
    }

    @Test func indicesAreConsistentWhileInterfacesCome() throws {
        let segment = try machine.start(node: 0, life: 1)
        let reader = try StatisticsReader(runtimeDirectory: machine.path)
        for index in 1..<64 {
            segment.writeInterfaceName("port\(index)", at: index)
            segment.lane(0).interface(index)[0] = UInt64(index)
            let places = try #require(try reader.read(matching: ["^/if/rx$"]).first).places
            #expect(places.count == index + 1)
            for place in places.dropFirst() {
                #expect(place.label == "port\(place.index ?? -1)")
                #expect(place.numbers.first == .whole(UInt64(place.index ?? -1)))
            }
        }
    }
}
