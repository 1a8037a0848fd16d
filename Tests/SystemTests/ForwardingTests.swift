import TestSupport
import Testing

extension SystemTests {
    /// Real hosts talk through two workers.
    @Suite(.needsDataplane) struct ForwardingTests {
        @Test func answersEveryPingAndCountsWhatWasSent() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                let report = try await host.ping(far.address, count: 5000)
                #expect(report == .complete(5000))
                // Both hosts and Causeway count every frame, ARP included; the counters must agree
                // once it is quiet.
                for side in [host, far] {
                    let kernel = try await side.kernelCounters()
                    let own = try await testbed.dataplane.interfaceCounters(side.port)
                    #expect(own["rxPackets"].int == kernel.sent)
                    #expect(own["txPackets"].int == kernel.received)
                    #expect(kernel.sent >= 5000 && kernel.sent < 5020)
                }
                for (from, to) in [(0, 1), (1, 0)] {
                    let handed = try await testbed.dataplane.handedOver(from: from, to: to)
                    #expect(handed.sent >= 5000 && handed.sent < 5020)
                    #expect(handed.received == handed.sent)
                    #expect(handed.dropped == 0)
                }
                #expect(try await testbed.dataplane.allDrops().values.reduce(0, +) == 0)
            }
        }

        @Test func carriesTCPBothWaysWithoutAStall() async throws {
            try await Testbed.run { testbed in
                let report = try await StreamReport(
                    from: testbed.left[0],
                    to: testbed.right[0],
                    seconds: 20,
                    options: ["--bidir"]
                )
                #expect(report.error == nil)
                #expect(report.bytesEachSecond.count == 2)
                for direction in report.bytesEachSecond {
                    #expect(direction.count >= 20)
                    #expect(
                        direction.allSatisfy { $0 > 0 },
                        "a second without a byte: \(direction)"
                    )
                }
            }
        }

        @Test(arguments: [false, true])
        func losesNoDatagramAtAModestRate(isReverse: Bool) async throws {
            try await Testbed.run { testbed in
                let (client, server) = (testbed.left[0], testbed.right[1])
                let receiver = isReverse ? client : server
                // Some 2,000 datagrams a second.
                let options = ["-u", "-b", "20M", "-l", "1200"] + (isReverse ? ["-R"] : [])
                let report = try await StreamReport(
                    from: client,
                    to: server,
                    seconds: 5,
                    options: options
                )
                let datagrams = try #require(report.datagrams, "\(report.json)")
                #expect(datagrams.sent > 9000)
                // What came to the receiver's kernel and found its socket full has crossed.
                let overflow = try await receiver.socketOverflow()
                let drops = try await testbed.dataplane.allDrops()
                #expect(
                    datagrams.lost - overflow == 0,
                    "\(overflow) at the socket, drops: \(drops)"
                )
                #expect(drops.isEmpty)
            }
        }

        @Test func isAHopThatTracerouteSees() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                // One probe at a time: until the neighbour is known, one packet is held for it, not sixteen.
                let text = try await host.namespace.runSucceeding(
                    "traceroute",
                    "-n",
                    "-q",
                    "1",
                    "-N",
                    "1",
                    "-w",
                    "2",
                    far.address
                )
                let hops = text.split(separator: "\n").dropFirst().map {
                    $0.split(separator: " ")[1]
                }
                #expect(hops.map(String.init) == [host.gateway, far.address])
            }
        }

        @Test func saysThatAPacketIsTooLongToForward() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                try await testbed.dataplane.configure("set interface mtu packet 1000 \(far.port)")
                let tooLong = try await host.namespace.run(
                    "ping",
                    "-M",
                    "do",
                    "-s",
                    "1200",
                    "-c",
                    "1",
                    "-W",
                    "2",
                    far.address
                )
                #expect(tooLong.status != 0)
                #expect(tooLong.output.contains("From \(host.gateway)"))
                #expect(tooLong.output.contains("mtu = 1000"), "\(tooLong)")
                // 972 bytes of echo data, 8 of ICMP and 20 of IPv4 are 1000.
                let fits = try await host.namespace.run(
                    "ping",
                    "-M",
                    "do",
                    "-s",
                    "972",
                    "-c",
                    "1",
                    "-W",
                    "2",
                    far.address
                )
                #expect(fits.status == 0, "\(fits)")
            }
        }

        @Test func saysThatThereIsNoRoute() async throws {
            try await Testbed.run { testbed in
                let host = testbed.left[0]
                let result = try await host.namespace.run(
                    "ping",
                    "-c",
                    "1",
                    "-W",
                    "2",
                    "198.51.100.7"
                )
                #expect(result.status != 0)
                #expect(result.output.contains("From \(host.gateway)"), "\(result)")
                #expect(result.output.contains("Unreachable"))
            }
        }

        @Test func answersPingsToItsOwnAddressesOnBothNodes() async throws {
            try await Testbed.run { testbed in
                let host = testbed.left[0]
                for gateway in (testbed.left + testbed.right).map(\.gateway) {
                    let report = try await host.ping(gateway, count: 20)
                    #expect(report == .complete(20), "\(gateway)")
                }
            }
        }

        @Test func spreadsAnInterfaceOverBothNodesByFlow() async throws {
            try await Testbed.run { testbed in
                let (host, near) = (testbed.left[0], testbed.left[1])
                try await testbed.dataplane.configure(
                    "set interface handoff \(host.port) nodes 0,1"
                )
                // Echo requests of different programs are different flows only by address: use many
                // addresses.
                try await near.namespace.runSucceeding(
                    "ip",
                    "route",
                    "add",
                    "local",
                    "10.20.0.0/16",
                    "dev",
                    "lo"
                )
                try await testbed.dataplane.configure(
                    "ip route add 10.20.0.0/16 via \(near.address)"
                )
                // Until the neighbour is known on both nodes, a second packet would replace the first that
                // waits for it.
                #expect(try await host.ping(near.address, count: 1) == .complete(1))
                try await testbed.dataplane.waitUntilEveryNodeHasEveryChange()
                for last in 1...32 {
                    let report = try await host.ping("10.20.0.\(last)", count: 2)
                    #expect(report == .complete(2), "10.20.0.\(last)")
                }
                let drops = try await testbed.dataplane.allDrops()
                #expect(drops.isEmpty)
                let handed = try await testbed.dataplane.handedOver(from: 0, to: 1)
                #expect(
                    handed.sent > 4 && handed.sent < 124,
                    "32 flows over two nodes: \(handed.sent) packets of 128"
                )
            }
        }

        @Test func isSilentOnAnInterfaceThatIsDown() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                try await testbed.dataplane.configure("set interface state \(far.port) down")
                #expect(try await host.ping(far.address, count: 5).received == 0)
                try await testbed.dataplane.configure("set interface state \(far.port) up")
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
            }
        }
    }
}
