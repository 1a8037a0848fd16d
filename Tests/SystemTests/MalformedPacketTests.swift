import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Every malformed packet is dropped for its own reason, and forwarding goes on.
    @Suite(.needsDataplane) struct MalformedPacketTests {
        /// A case of `programs/malformed.py` and how it must be counted.
        struct Malformation: Sendable, CustomTestStringConvertible {
            var name: String
            var graphNode: String
            var reason: String

            var testDescription: String { name }

            init(_ name: String, _ graphNode: String, _ reason: String) {
                self.name = name
                self.graphNode = graphNode
                self.reason = reason
            }
        }

        static let cases = [
            Malformation("unknown-ethertype", "ethernet-input", "unknown ethernet type"),
            Malformation("foreign-mac", "ethernet-input", "l3 mac mismatch"),
            Malformation("vlan", "ethernet-input", "unknown vlan"),
            Malformation("version-5", "ip4-input", "ip4 version != 4"),
            Malformation("header-too-short", "ip4-input", "ip4 IHL < 5"),
            Malformation("header-too-long", "ip4-input", "ip4 header length > packet length"),
            Malformation("truncated-header", "ip4-input", "ip4 length < 20 bytes"),
            Malformation("length-under-20", "ip4-input", "ip4 total length < header length"),
            Malformation("length-over-frame", "ip4-input", "ip4 length > l2 length"),
            Malformation("bad-checksum", "ip4-input", "bad ip4 checksum"),
            Malformation("fragment-offset-1", "ip4-input", "ip4 fragment offset == 1"),
            Malformation("source-multicast", "ip4-input", "ip4 source address is no host's"),
            Malformation("ttl-0", "ip4-input", "ip4 ttl < 1"),
            Malformation("ttl-1", "ip4-rewrite", "ip4 ttl <= 1"),
            Malformation("no-route", "ip4-lookup", "ip4 destination lookup miss"),
            Malformation("own-udp-length", "ip4-local", "inconsistent udp/ip lengths"),
            Malformation("own-icmp-checksum", "ip4-icmp-echo-request", "bad icmp checksum"),
            Malformation("arp-hardware-type", "arp-input", "L2 type not ethernet"),
            Malformation("arp-truncated", "arp-input", "ARP packet too short"),
            Malformation(
                "arp-foreign-subnet",
                "arp-input",
                "IP4 source address not local to subnet"
            ),
        ]

        @Test func countsEachMalformationForItsReason() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                for malformation in Self.cases {
                    let before = try await testbed.dataplane.allDrops()
                    try await host.send(malformed: malformation.name, count: 20, to: far)
                    var grown: [String: Int] = [:]
                    // Lanes count when they get to it.
                    _ = await eventually(withinSeconds: 2) {
                        let after = (try? await testbed.dataplane.allDrops()) ?? [:]
                        grown = after.merging(before) { $0 - $1 }.filter {
                            // How a packet is answered is counted apart from why.
                            $0.value != 0 && !$0.key.hasPrefix("ip4-icmp-error: ")
                        }
                        return grown.values.reduce(0, +) >= 20
                    }
                    let expected = ["\(malformation.graphNode): \(malformation.reason)": 20]
                    #expect(grown == expected, "\(malformation.name)")
                    let report = try await host.ping(far.address, count: 20)
                    #expect(report == .complete(20), "after \(malformation.name)")
                }
            }
        }

        @Test func answersWhatICMPHasAnAnswerFor() async throws {
            try await Testbed.run { testbed in
                let (host, far) = (testbed.left[0], testbed.right[0])
                #expect(try await host.ping(far.address, count: 5) == .complete(5))
                try await testbed.dataplane.configure("set interface mtu packet 1000 \(far.port)")
                for (name, message) in [
                    ("ttl-1", "time exceeded"), ("no-route", "unreachable"),
                    ("too-long-for-the-way", "need to frag"),
                ] {
                    let watcher = try host.namespace.start(
                        "timeout",
                        "15",
                        "tcpdump",
                        "-l",
                        "-n",
                        "-i",
                        host.tap,
                        "-c",
                        "1",
                        "icmp"
                    )
                    _ = await eventually(withinSeconds: 10) { watcher.errors.contains("listening") }
                    try await host.send(malformed: name, count: 1, to: far)
                    let text = try await watcher.end(withinSeconds: 20).output
                    #expect(text.contains("\(host.gateway) > \(host.address)"), "\(name): \(text)")
                    #expect(text.contains(message), "\(name): \(text)")
                }
            }
        }
    }
}

extension Testbed.Host {
    /// The address of the port that it is on, as its kernel knows it.
    func routerMAC() async throws -> String {
        let text = try await namespace.runSucceeding("ip", "-json", "neigh", "show", gateway)
        return try #require(try JSONValue(parsing: text).elements.first?["lladdr"].string)
    }

    /// Sends malformed packets towards another host: `name` is a case of `programs/malformed.py`.
    func send(malformed name: String, count: Int, to far: Testbed.Host) async throws {
        let program = SourceTree().root.appendingPathComponent(
            "Tests/SystemTests/programs/malformed.py"
        )
        try await namespace.runSucceeding(
            "/usr/bin/python3",
            program.path,
            name,
            "\(count)",
            tap,
            try await routerMAC(),
            address,
            far.address,
            gateway
        )
    }
}
