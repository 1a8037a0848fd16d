import ControlProtocol
import Routing
import Testing

/// Random changes to the routing table, to a worker that is told of them, and to a plain reference.
private struct Walk {
    var state = RoutingState()
    var plain = PlainRouting()
    var worker: ModelWorker
    var random: SeededRandom
    let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        // The edges of every subnet and prefix that the walk may make.
        var probes: Set<UInt32> = [0, .max, 0xC000_0201]
        for subnet in 0..<4 as Range<UInt32> {
            for host in [0, 1, 2, 3, 4, 9, 127, 128, 130, 254, 255] as [UInt32] {
                probes.insert(0x0A00_0000 | subnet << 8 | host)
                probes.insert(0x1400_0000 | subnet << 8 | host)
            }
        }
        worker = ModelWorker(probes: probes.sorted())
    }

    mutating func pick(_ range: ClosedRange<UInt32>) -> UInt32 {
        UInt32.random(in: range, using: &random)
    }

    mutating func prefix() -> IPv4Prefix {
        let base: UInt32 = Bool.random(using: &random) ? 0x0A00_0000 : 0x1400_0000
        let lengths = [0, 6, 8, 16, 22, 23, 24, 25, 26, 30, 31, 32, 32, 32]
        let length = lengths.randomElement(using: &random) ?? 32
        return IPv4Prefix(
            address: IPv4Address(bits: base | pick(0...3) << 8 | pick(0...9)),
            length: length
        )
    }

    mutating func target() -> RouteTarget {
        switch pick(0...9) {
        case 0: return .drop
        case 1: return .unreachable
        default:
            let count = pick(0...2) == 0 ? Int(pick(2...4)) : 1
            var paths: [RoutePath] = []
            for _ in 0..<count {
                let base: UInt32 = pick(0...2) == 0 ? 0x1400_0000 : 0x0A00_0000
                let hop = IPv4Address(bits: base | pick(0...3) << 8 | pick(2...9))
                let name: String? = pick(0...3) == 0 ? "tap\(pick(1...3))" : nil
                let isAttached = name != nil && pick(0...3) == 0
                paths.append(
                    RoutePath(
                        nextHop: isAttached ? nil : hop,
                        interface: name,
                        weight: Int(pick(1...3))
                    )
                )
            }
            return .paths(paths)
        }
    }

    /// One change; throws what the table throws.
    mutating func step() throws -> [ForwardingChange] {
        let index = UInt16(pick(1...3))
        let address = InterfaceAddress(
            address: 0x0A00_0000 | pick(0...3) << 8 | pick(1...4) | pick(0...1) << 7,
            prefixLength: [24, 24, 25, 31, 32].randomElement(using: &random) ?? 24
        )
        switch pick(0...11) {
        case 0: return try state.addAddress(address, to: index)
        case 1:
            let own = state.interface(index)?.addresses.randomElement(using: &random) ?? address
            return try state.removeAddress(own, from: index)
        case 2: return try state.setAdmin(index, isUp: pick(0...3) > 0)
        case 3, 4:
            return try state.setNeighbour(
                Neighbour(
                    interface: index,
                    address: IPv4Address(bits: 0x0A00_0000 | pick(0...3) << 8 | pick(1...9)),
                    mac: MACAddress(bits: 0x0200_0000_0000 | UInt64(pick(1...5))),
                    isStatic: Bool.random(using: &random)
                )
            )
        case 5:
            guard let known = state.neighbourList.randomElement(using: &random) else { return [] }
            return try state.removeNeighbour(known.address, interface: known.interface)
        case 6, 7, 8:
            let prefixes = (0..<pick(1...4)).map { _ in prefix() }
            return try state.addRoutes(prefixes, target(), replacing: pick(0...1) == 0)
        default:
            let count = Int(pick(1...3))
            let known = plain.statics.keys.sorted { $0.description < $1.description }
                .shuffled(using: &random).prefix(count)
            return try state.removeRoutes(Array(known))
        }
    }

    /// Brings the reference to what the table says it holds: its answers are then worked out
    /// independently.
    mutating func follow() {
        plain.interfaces = Dictionary(
            uniqueKeysWithValues: state.interfaceRecords.map { ($0.index, $0) }
        )
        plain.neighbours = state.neighbourList
        plain.statics = Dictionary(
            uniqueKeysWithValues: state.staticRoutes.map { ($0.prefix, $0.target) }
        )
    }

    func check(_ step: Int) -> Bool {
        for (index, probe) in worker.probes.enumerated() {
            let got = Set(worker.forwarding(index).keys)
            let expected = plain.forwarding(probe)
            guard got == expected else {
                Issue.record(
                    "seed \(seed), step \(step), \(IPv4Address(bits: probe)): \(got), not \(expected)"
                )
                return false
            }
            let leaf = state.route(to: IPv4Address(bits: probe))?.leaf ?? .noRoute
            guard leaf == worker.answers[index].leaf else {
                Issue.record("seed \(seed), step \(step): the worker has another leaf")
                return false
            }
        }
        guard worker.problems.isEmpty else {
            Issue.record("seed \(seed), step \(step): \(worker.problems.prefix(3))")
            return false
        }
        return true
    }
}

@Suite struct RoutingRandomTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func tellsWorkersWhatFollowsFromTheConfiguration(seed: UInt64) throws {
        var walk = Walk(seed: seed)
        for index in 1...3 as ClosedRange<UInt16> {
            let record = InterfaceRecord(
                index: index,
                name: "tap\(index)",
                node: 0,
                isUp: true,
                mac: MACAddress(bits: 0x02FE_0000_0000 | UInt64(index))
            )
            walk.worker.apply(try walk.state.setInterface(record))
        }
        for step in 0..<150 {
            let before = walk.state
            let workerBefore = walk.worker
            _ = walk.state.takeUndo()
            guard let changes = try? walk.step() else {
                #expect(walk.state.snapshot() == before.snapshot(), "seed \(seed), step \(step)")
                continue
            }
            walk.worker.apply(changes)
            walk.follow()
            guard walk.check(step) else { return }

            var fresh = ModelWorker(probes: walk.worker.probes)
            fresh.apply(walk.state.snapshot())
            guard fresh.problems.isEmpty, fresh.forwardsLike(walk.worker) else {
                Issue.record("seed \(seed), step \(step): a fresh worker differs")
                return
            }
            if step % 3 == 0 {
                var back = walk.state
                var worker = walk.worker
                worker.apply(try back.apply(back.takeUndo()))
                guard worker.problems.isEmpty, worker.forwardsLike(workerBefore) else {
                    Issue.record(
                        "seed \(seed), step \(step): undone, but not as before; \(worker.problems.prefix(2))"
                    )
                    return
                }
                #expect(back.staticRoutes.count == before.staticRoutes.count)
                #expect(back.neighbourList == before.neighbourList)
            }
        }
    }
}
