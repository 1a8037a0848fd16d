import ControlProtocol
import Routing
import Testing

/// Two interfaces, 10.0.1.1/24 on tap1 and 10.0.2.1/24 on tap2, and a worker that hears everything.
struct Router {
    var state: RoutingState
    var worker = ModelWorker()

    init(limits: RoutingLimits = RoutingLimits(), isUp: Bool = true) throws {
        state = RoutingState(limits: limits)
        for index in 1...2 as ClosedRange<UInt16> {
            worker.apply(
                try state.setInterface(
                    InterfaceRecord(
                        index: index,
                        name: "tap\(index)",
                        node: UInt8(index - 1),
                        isUp: isUp,
                        mac: MACAddress(bits: 0x02FE_0000_0000 | UInt64(index)),
                        addresses: [
                            InterfaceAddress(
                                address: 0x0A00_0001 | UInt32(index) << 8,
                                prefixLength: 24
                            )
                        ]
                    )
                )
            )
        }
    }

    /// Makes a change and tells the worker.
    mutating func change(
        _ body: (inout RoutingState) throws -> [ForwardingChange]
    ) rethrows -> [ForwardingChange] {
        let changes = try body(&state)
        worker.apply(changes)
        #expect(worker.problems.isEmpty)
        return changes
    }

    mutating func add(_ prefix: String, _ paths: RoutePath..., replacing: Bool = true) throws {
        _ = try change { try $0.addRoutes([.of(prefix)], .paths(paths), replacing: replacing) }
    }

    /// The text of what a packet to an address meets: `arp 10.0.1.2 tap1`; empty: no route.
    func forwarding(_ address: String) -> [String] {
        state.route(to: .of(address))?.forwarding ?? []
    }

    mutating func neighbour(
        _ interface: UInt16,
        _ address: String,
        _ mac: String,
        isStatic: Bool = false
    ) throws -> [ForwardingChange] {
        try change {
            try $0.setNeighbour(
                Neighbour(
                    interface: interface,
                    address: .of(address),
                    mac: MACAddress(mac) ?? MACAddress(),
                    isStatic: isStatic
                )
            )
        }
    }
}

extension IPv4Address {
    static func of(_ text: String) -> IPv4Address { IPv4Address(text) ?? IPv4Address(bits: 0) }
}

extension IPv4Prefix {
    static func of(_ text: String) -> IPv4Prefix {
        IPv4Prefix(text) ?? IPv4Prefix(address: IPv4Address(bits: 0), length: 0)
    }
}

private func via(_ text: String?, _ interface: String? = nil, weight: Int = 1) -> RoutePath {
    RoutePath(nextHop: text.map { .of($0) }, interface: interface, weight: weight)
}

@Suite struct RoutingStateTests {
    @Test func forwardsToConnectedSubnetsWhileTheInterfaceIsUp() throws {
        var router = try Router()
        #expect(router.forwarding("10.0.1.1") == ["receive"])
        #expect(router.forwarding("10.0.1.9") == ["glean tap1"])
        #expect(router.forwarding("10.0.1.0") == ["drop"])
        #expect(router.forwarding("10.0.1.255") == ["drop"])
        #expect(router.forwarding("10.0.3.1").isEmpty)
        _ = try router.change { try $0.setAdmin(1, isUp: false) }
        #expect(router.forwarding("10.0.1.1").isEmpty && router.forwarding("10.0.1.9").isEmpty)
        #expect(router.forwarding("10.0.2.9") == ["glean tap2"])
        _ = try router.change { try $0.setAdmin(1, isUp: true) }
        #expect(router.forwarding("10.0.1.9") == ["glean tap1"])
    }

    @Test func hasNoSubnetEndsInPointToPointSubnetsAndNoSubnetInHostAddresses() throws {
        var router = try Router()
        let pair = InterfaceAddress(address: 0x0A00_0400, prefixLength: 31)
        let host = InterfaceAddress(address: 0x0A00_0501, prefixLength: 32)
        _ = try router.change { try $0.addAddress(pair, to: 1) }
        _ = try router.change { try $0.addAddress(host, to: 1) }
        #expect(router.forwarding("10.0.4.0") == ["receive"])
        #expect(router.forwarding("10.0.4.1") == ["glean tap1"])
        #expect(router.forwarding("10.0.5.1") == ["receive"])
        #expect(router.forwarding("10.0.5.2").isEmpty)
        _ = try router.change { try $0.removeAddress(pair, from: 1) }
        #expect(router.forwarding("10.0.4.0").isEmpty)
    }

    @Test func keepsASubnetWhileOneOfItsAddressesIsLeft() throws {
        var router = try Router()
        let second = InterfaceAddress(address: 0x0A00_0102, prefixLength: 24)
        _ = try router.change { try $0.addAddress(second, to: 1) }
        let first = InterfaceAddress(address: 0x0A00_0101, prefixLength: 24)
        _ = try router.change { try $0.removeAddress(first, from: 1) }
        #expect(router.forwarding("10.0.1.1") == ["glean tap1"])
        #expect(router.forwarding("10.0.1.2") == ["receive"])
    }

    @Test func refusesAddressesThatOverlapAndSaysWithWhat() throws {
        var router = try Router()
        let inside = InterfaceAddress(address: 0x0A00_0181, prefixLength: 25)
        for index in 1...2 as ClosedRange<UInt16> {
            #expect(throws: RoutingError.self) { try router.state.addAddress(inside, to: index) }
        }
        do throws(RoutingError) {
            _ = try router.state.addAddress(inside, to: 2)
        } catch {
            #expect(
                error.description
                    == "address 10.0.1.129/25 overlaps with 10.0.1.1/24 of interface tap1"
            )
        }
        for (address, length) in [(0x0A00_0901, 0), (0xE000_0001, 24), (0, 8), (0x7F00_0001, 8)] {
            let bad = InterfaceAddress(address: UInt32(address), prefixLength: UInt8(length))
            #expect(throws: RoutingError.self) { try router.state.addAddress(bad, to: 1) }
        }
        #expect(router.state.interface(1)?.addresses.count == 1)
    }

    @Test func resolvesANextHopThroughItsSubnetAndFollowsTheNeighbour() throws {
        var router = try Router()
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        #expect(router.forwarding("20.1.1.1") == ["arp 10.0.1.2 tap1"])
        let learned = try router.neighbour(1, "10.0.1.2", "02:00:00:00:00:05")
        #expect(router.forwarding("20.1.1.1") == ["via 10.0.1.2 tap1 02:00:00:00:00:05"])
        #expect(router.forwarding("10.0.1.2") == ["via 10.0.1.2 tap1 02:00:00:00:00:05"])
        // The adjacency changes where it stands: of routes only the neighbour's own is told.
        let routes = learned.flatMap { change -> [Route] in
            if case .routes(let list) = change { list } else { [] }
        }
        #expect(routes.map(\.length) == [32])
        _ = try router.change { try $0.removeNeighbour(.of("10.0.1.2"), interface: 1) }
        #expect(router.forwarding("20.1.1.1") == ["arp 10.0.1.2 tap1"])
        #expect(router.forwarding("10.0.1.2") == ["glean tap1"])
    }

    @Test func keepsUnresolvedRoutesUntilTheirNextHopComesUp() throws {
        var router = try Router(isUp: false)
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        try router.add("21.0.0.0/8", via("10.0.2.2", "tap2"))
        try router.add("22.0.0.0/8", via(nil, "tap2"))
        #expect(router.forwarding("20.1.1.1").isEmpty)
        #expect(router.state.entry(.of("20.0.0.0/8"))?.claims.first?.isResolved == false)
        #expect(router.worker.routes.isEmpty && router.worker.adjacencies.isEmpty)
        for index in 1...2 as ClosedRange<UInt16> {
            _ = try router.change { try $0.setAdmin(index, isUp: true) }
        }
        #expect(router.forwarding("20.1.1.1") == ["arp 10.0.1.2 tap1"])
        #expect(router.forwarding("21.1.1.1") == ["arp 10.0.2.2 tap2"])
        #expect(router.forwarding("22.1.1.1") == ["glean tap2"])
        _ = try router.change { try $0.setAdmin(2, isUp: false) }
        #expect(router.forwarding("21.1.1.1").isEmpty && router.forwarding("22.1.1.1").isEmpty)
    }

    @Test func followsRoutesToRoutesButNoLoops() throws {
        var router = try Router()
        for level in 1...9 {
            let hop = level == 1 ? "10.0.1.2" : "\(19 + level).0.0.1"
            try router.add("\(20 + level).0.0.0/8", via(hop))
        }
        #expect(router.forwarding("28.1.1.1") == ["arp 10.0.1.2 tap1"])
        #expect(router.forwarding("29.1.1.1").isEmpty)
        try router.add("50.0.0.0/8", via("51.0.0.1"))
        try router.add("51.0.0.0/8", via("50.0.0.1"))
        try router.add("52.0.0.0/8", via("52.0.0.1"))
        for network in 50...52 { #expect(router.forwarding("\(network).1.1.1").isEmpty) }
        try router.add("51.0.0.0/8", via("10.0.2.2"))
        #expect(router.forwarding("50.1.1.1") == ["arp 10.0.2.2 tap2"])
        // The first of the chain goes, and all that leads over it.
        _ = try router.change { try $0.removeRoutes([.of("21.0.0.0/8")]) }
        #expect(router.forwarding("28.1.1.1").isEmpty)
    }

    @Test func prefersInterfacesToStaticRoutesToNeighbours() throws {
        var router = try Router()
        _ = try router.neighbour(1, "10.0.1.7", "02:00:00:00:00:07")
        try router.add("10.0.1.7/32", via("10.0.2.2"))
        #expect(router.forwarding("10.0.1.7") == ["arp 10.0.2.2 tap2"])
        let sources = router.state.entry(.of("10.0.1.7/32"))?.claims.map(\.source)
        #expect(sources == [.staticRoute, .neighbour])
        _ = try router.change { try $0.removeRoutes([.of("10.0.1.7/32")]) }
        #expect(router.forwarding("10.0.1.7") == ["via 10.0.1.7 tap1 02:00:00:00:00:07"])
        try router.add("10.0.1.0/24", via("10.0.2.2"))
        #expect(router.forwarding("10.0.1.9") == ["glean tap1"])
        _ = try router.change { try $0.setAdmin(1, isUp: false) }
        #expect(router.forwarding("10.0.1.9") == ["arp 10.0.2.2 tap2"])
    }

    @Test func keepsWhatTheOperatorEnteredOverWhatIsLearned() throws {
        var router = try Router()
        _ = try router.neighbour(1, "10.0.1.7", "02:00:00:00:00:07", isStatic: true)
        #expect(try router.neighbour(1, "10.0.1.7", "02:00:00:00:00:08").isEmpty)
        #expect(router.forwarding("10.0.1.7") == ["via 10.0.1.7 tap1 02:00:00:00:00:07"])
        _ = try router.neighbour(1, "10.0.1.7", "02:00:00:00:00:09", isStatic: true)
        #expect(router.forwarding("10.0.1.7") == ["via 10.0.1.7 tap1 02:00:00:00:00:09"])
        for mac in ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"] {
            #expect(throws: RoutingError.self) { try router.neighbour(1, "10.0.1.8", mac) }
        }
        #expect(throws: RoutingError.self) {
            try router.neighbour(1, "10.0.1.1", "02:00:00:00:00:07")
        }
    }

    @Test func sharesFlowsByWeightAndChangesOnlyTheListWhenAPathGoes() throws {
        var router = try Router()
        try router.add("20.0.0.0/8", via("10.0.1.2"), via("10.0.2.2", weight: 3))
        #expect(
            router.forwarding("20.1.1.1") == ["[1/4] arp 10.0.1.2 tap1", "[3/4] arp 10.0.2.2 tap2"]
        )
        let down = try router.change { try $0.setAdmin(1, isUp: false) }
        #expect(router.forwarding("20.1.1.1") == ["[2/2] arp 10.0.2.2 tap2"])
        let moved = down.contains { change in
            if case .routesRemoved(let list) = change {
                list.contains { $0.length == 8 }
            } else {
                false
            }
        }
        #expect(!moved, "the route stays as it is")
        _ = try router.change { try $0.setAdmin(2, isUp: false) }
        #expect(router.forwarding("20.1.1.1").isEmpty && router.worker.pathLists.isEmpty)
        _ = try router.change { try $0.setAdmin(2, isUp: true) }
        #expect(router.forwarding("20.1.1.1") == ["[2/2] arp 10.0.2.2 tap2"])
    }

    @Test func addsAndRemovesPathsOfARoute() throws {
        var router = try Router()
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        try router.add("20.0.0.0/8", via("10.0.2.2"), replacing: false)
        #expect(router.forwarding("20.1.1.1").count == 2)
        _ = try router.change {
            try $0.removeRoutes([.of("20.0.0.0/8")], .paths([via("10.0.1.2")]))
        }
        #expect(router.state.entry(.of("20.0.0.0/8"))?.claims.first?.text == "via 10.0.2.2")
        #expect(throws: RoutingError.self) {
            try router.state.removeRoutes([.of("20.0.0.0/8")], .paths([via("10.0.1.2")]))
        }
        _ = try router.change {
            try $0.removeRoutes([.of("20.0.0.0/8")], .paths([via("10.0.2.2")]))
        }
        #expect(router.state.staticRouteCount == 0)
    }

    @Test func takesSpecialTargetsAndRoutesThatLeadToThem() throws {
        var router = try Router()
        let targets: [RouteTarget] = [.drop, .unreachable, .prohibited, .local]
        for (index, target) in targets.enumerated() {
            _ = try router.change {
                try $0.addRoutes([.of("\(30 + index).0.0.0/8")], target)
            }
        }
        #expect(router.forwarding("30.1.1.1") == ["drop"])
        #expect(router.forwarding("31.1.1.1") == ["unreachable"])
        #expect(router.forwarding("32.1.1.1") == ["prohibited"])
        #expect(router.forwarding("33.1.1.1") == ["receive"])
        try router.add("40.0.0.0/8", via("30.0.0.1"))
        #expect(router.forwarding("40.1.1.1") == ["drop"])
    }

    @Test func changesNothingWhenItRefuses() throws {
        var router = try Router()
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        let before = router.state.snapshot()
        let prefixes = [IPv4Prefix.of("20.0.0.0/8"), .of("21.0.0.0/8")]
        let bad: [RouteTarget] = [
            .paths([]), .paths([via(nil)]), .paths([via("10.0.1.1")]), .paths([via("224.0.0.1")]),
            .paths([via("10.0.1.2", "tap9")]), .paths([via("10.0.1.2", weight: 0)]),
            .paths((0..<65).map { via("10.0.1.\($0 + 2)") }),
        ]
        for target in bad {
            #expect(throws: RoutingError.self) { try router.state.addRoutes(prefixes, target) }
        }
        #expect(throws: RoutingError.noSuchRoute(prefixes[1])) {
            try router.state.removeRoutes(prefixes)
        }
        #expect(throws: RoutingError.self) { try router.state.setAdmin(9, isUp: true) }
        #expect(throws: RoutingError.self) {
            try router.state.removeNeighbour(.of("10.0.1.2"), interface: 1)
        }
        #expect(router.state.snapshot() == before)
        #expect(router.state.takeUndo().isEmpty)
    }

    @Test func refusesWhatIsBeyondItsLimits() throws {
        var router = try Router(
            limits: RoutingLimits(routes: 3, adjacencies: 9, pathSets: 2, neighbours: 1)
        )
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        try router.add("21.0.0.0/8", via("10.0.1.3"))
        #expect(throws: RoutingError.tooManyPathSets(limit: 2)) {
            try router.add("22.0.0.0/8", via("10.0.1.4"))
        }
        try router.add("22.0.0.0/8", via("10.0.1.3"))
        #expect(throws: RoutingError.tooManyRoutes(limit: 3)) {
            try router.add("23.0.0.0/8", via("10.0.1.3"))
        }
        try router.add("22.0.0.0/8", via("10.0.1.2"))
        _ = try router.neighbour(1, "10.0.1.2", "02:00:00:00:00:02")
        #expect(throws: RoutingError.tooManyNeighbours(limit: 1)) {
            try router.neighbour(1, "10.0.1.3", "02:00:00:00:00:03")
        }
        _ = try router.change { try $0.removeRoutes([.of("21.0.0.0/8")]) }
        #expect(throws: RoutingError.tooManyAdjacencies(limit: 9)) {
            try router.add("24.0.0.0/8", via("10.0.1.5"), via("10.0.1.6"))
        }
    }

    @Test func givesBackAllThatItHandedOut() throws {
        var router = try Router()
        for round in 0..<200 {
            try router.add("20.0.0.0/8", via("10.0.1.\(2 + round)"), via("10.0.2.2"))
            _ = try router.neighbour(1, "10.0.1.\(2 + round)", "02:00:00:00:00:02")
            _ = try router.change { try $0.removeRoutes([.of("20.0.0.0/8")]) }
            _ = try router.change {
                try $0.removeNeighbour(.of("10.0.1.\(2 + round)"), interface: 1)
            }
        }
        // Two gleans, one local, one drop; indices come back after they have rested.
        #expect(router.worker.adjacencies.count == 4)
        #expect(router.worker.pathLists.isEmpty)
        #expect(router.worker.adjacencies.keys.allSatisfy { $0 < 100 })
    }

    @Test func listsRoutesInOrderAndCountsThem() throws {
        var router = try Router()
        try router.add("20.0.0.0/8", via("10.0.1.2"))
        try router.add("0.0.0.0/0", via("99.0.0.1"))
        let prefixes = router.state.entries(limit: 100).map(\.prefix.description)
        #expect(prefixes.first == "0.0.0.0/0" && prefixes.last == "20.0.0.0/8")
        #expect(router.state.entries(from: .of("10.0.2.0/24"), limit: 2).count == 2)
        let counts = router.state.routeCounts
        #expect(counts[8] == 1 && counts[24] == 2 && counts[32] == 6 && counts[0] == 0)
        #expect(
            router.state.staticRoutes.map(\.target.description) == ["via 99.0.0.1", "via 10.0.1.2"]
        )
    }

    @Test func takesManyRoutesAndGivesTheSameSnapshot() throws {
        var router = try Router()
        let prefixes = (0..<200_000 as Range<UInt32>).map { index in
            IPv4Prefix(address: IPv4Address(bits: 0x1000_0000 &+ index &* 977), length: 32)
        }
        let changes = try router.state.addRoutes(prefixes, .paths([via("10.0.1.2")]))
        #expect(router.state.staticRouteCount == 200_000)
        let undo = router.state.takeUndo()
        let snapshot = router.state.snapshot()
        guard case .routes(let told)? = changes.last, case .routes(let all)? = snapshot.last else {
            Issue.record("no routes")
            return
        }
        #expect(told.count == 200_000 && all.count == 200_008)
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.prefix <= $1.prefix })
        guard case .routesRemoved(let gone)? = try router.state.apply(undo).first else {
            Issue.record("nothing taken back")
            return
        }
        #expect(gone.count == 200_000 && router.state.staticRouteCount == 0)
    }
}
