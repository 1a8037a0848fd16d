import ControlProtocol
import Routing
import Testing

/// A table that takes the place of another one, of which workers still have everything.
@Suite struct UsedIndicesTests {
    private func address(_ text: String) -> IPv4Address {
        IPv4Address(text) ?? IPv4Address(bits: 0)
    }

    /// Two interfaces, neighbours, and routes over one and over several paths.
    private func fill(_ state: inout RoutingState) throws {
        for index in [UInt16(1), 2] {
            let own = InterfaceAddress(address: 0x0A00_0001 | UInt32(index) << 16, prefixLength: 24)
            var record = InterfaceRecord(
                index: index,
                name: "port\(index)",
                node: 0,
                mac: MACAddress(bits: 2)
            )
            record.isUp = true
            record.addresses = [own]
            _ = try state.setInterface(record)
        }
        for host in UInt32(2)..<100 {
            let neighbour = Neighbour(
                interface: 1,
                address: IPv4Address(bits: 0x0A01_0000 | host),
                mac: MACAddress(bits: UInt64(host) << 8),
                isStatic: false
            )
            if host % 3 == 0 { _ = try state.setNeighbour(neighbour) }
            let hop = RoutePath(nextHop: neighbour.address, interface: "port1")
            let other = RoutePath(nextHop: address("10.2.0.9"), interface: nil, weight: 2)
            let prefix = IPv4Prefix(
                address: IPv4Address(bits: host << 24),
                length: 8 + Int(host % 20)
            )
            _ = try state.addRoutes([prefix], .paths(host % 2 == 0 ? [hop] : [hop, other]))
        }
    }

    private func used(_ worker: ModelWorker) -> UsedIndices {
        var used = UsedIndices()
        used.adjacencies = Set(worker.adjacencies.keys)
        used.pathLists = Set(worker.pathLists.keys)
        return used
    }

    @Test func aWorkerGoesFromOneTableToTheNextWithoutAGap() throws {
        var first = RoutingState()
        try fill(&first)
        var worker = ModelWorker()
        worker.apply(first.snapshot())
        let expected = worker
        var highest: [UInt32] = []
        for turn in 0..<10 {
            let former = used(worker)
            var next = RoutingState(avoiding: former)
            try fill(&next)
            let snapshot = next.snapshot()
            for case .adjacency(let index, _) in snapshot {
                #expect(!former.adjacencies.contains(index), "turn \(turn)")
            }
            worker.apply(snapshot + former.removals)
            #expect(worker.problems == [], "turn \(turn)")
            #expect(worker.forwardsLike(expected), "turn \(turn)")
            #expect(used(worker).adjacencies.isDisjoint(with: former.adjacencies))
            next.adoptFormerIndices()
            highest.append(used(worker).adjacencies.max() ?? 0)
            // And it goes on as a table does.
            let before = used(worker).adjacencies
            let path = RoutePath(nextHop: address("10.2.0.77"), interface: "port2")
            let prefix = IPv4Prefix(address: address("200.0.0.0"), length: 16)
            worker.apply(try next.addRoutes([prefix], .paths([path])))
            #expect(used(worker).adjacencies.count == before.count + 1)
            worker.apply(try next.removeRoutes([prefix]))
            #expect(worker.problems == [], "turn \(turn)")
        }
        // Indices do not run away from one table to the next.
        let live = UInt32(expected.adjacencies.count)
        #expect(highest.allSatisfy { $0 <= 3 * live }, "\(highest) of \(live)")
    }

    @Test func aHostThatIsGoneIsCoveredByWhatIsThere() throws {
        var state = RoutingState()
        try fill(&state)
        // Known: it has a route of its own. Unknown: its subnet covers it.
        #expect(state.absence(of: address("10.1.0.3")) == nil)
        let removed = try #require(state.absence(of: address("10.1.0.4")))
        #expect(removed.length == 32 && removed.coverLength == 24)
        #expect(state.absence(of: address("203.0.113.1"))?.coverLeaf == .noRoute)
    }
}
