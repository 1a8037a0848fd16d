import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Streams of the packet generator as tshark reads what interfaces sent of them.
    @Suite(.needsDataplane) struct PacketGeneratorTests {
        private static let ethernet = "02:fe:00:00:00:01 -> 02:fe:00:00:00:02"

        /// Two NUMA nodes with ports that lead nowhere.
        private static func run(_ body: (LiveDataplane) async throws -> Void) async throws {
            let instance = LiveDataplane.freshName()
            try await LiveDataplane.run(
                instance: instance,
                topology: Testbed.loopless(instance)
            ) { dataplane in
                for port in ["in0", "out0", "in1", "out1"] {
                    try await dataplane.configure("set interface state \(port) up")
                }
                try await body(dataplane)
                // Captures stay when a dataplane ends; this one is nobody's.
                try? FileManager.default.removeItem(
                    atPath: "\(dataplane.runtimeDirectory)/x.pcapng"
                )
            }
        }

        /// Lets a stream run to its end, and captures what an interface sends meanwhile.
        ///
        /// - Returns: the capture's path.
        private static func capture(
            _ definition: String,
            packets: Int,
            on interface: String = "out0",
            _ dataplane: LiveDataplane
        ) async throws -> String {
            try await dataplane.configure(
                "packet-generator capture \(interface) pcap x.pcapng count \(packets + 9)"
            )
            try await dataplane.execute("packet-generator new { name x \(definition) }")
            try await dataplane.configure("packet-generator enable-stream x")
            _ = await eventually(withinSeconds: 20) {
                let status = try? await dataplane.json("pcap trace status")
                return status?["packets"].int ?? 0 >= packets
            }
            let shown = try await dataplane.json("show packet-generator")
            let streams = shown["nodes"].elements.flatMap { $0["streams"].elements }
            #expect(streams.map { $0["packets"].int } == [packets], "\(definition)")
            let ended = try await dataplane.ctl("packet-generator capture \(interface) disable")
            let path = "\(dataplane.runtimeDirectory)/x.pcapng"
            #expect(ended.output == "\(packets) packets written to \(path)\n")
            try await dataplane.configure("packet-generator delete x")
            return path
        }

        /// What tshark reads of a file: a line of fields for each packet.
        private static func fields(_ file: String, _ names: [String]) async throws -> [[String]] {
            // Ports stand for no protocols here: what is behind them is a pattern.
            let checks =
                ["ip", "udp", "tcp"].flatMap { ["-o", "\($0).check_checksum:TRUE"] }
                + ["udp", "tcp"].flatMap { ["-d", "\($0).port==0-65535,data"] }
            let read = try await TestSupport.run(
                ["tshark", "-r", file, "-T", "fields", "-E", "separator=|"] + checks
                    + names.flatMap { ["-e", $0] }
            )
            #expect(read.status == 0, "\(read.errors)")
            return read.output.split(separator: "\n").map {
                $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            }
        }

        private static let statuses = [
            "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
            "icmp.checksum.status", "icmpv6.checksum.status", "_ws.malformed",
        ]

        /// Definitions, and how many checksums tshark finds right in each packet.
        private static let definitions: [(words: String, right: Int)] = [
            (
                "size 64-164 data { IP4: \(ethernet) UDP: 10.0.0.1-10.0.0.99 -> 20.0.0.1+20.0.9.9 "
                    + "UDP: 1000-1999 -> 53 }", 2
            ),
            (
                "size 70+900 data { IP4: \(ethernet) vlan 1-4094 dot1ad vlan 7 priority 0+7 "
                    + "TCP: 10.0.0.1 -> 20.0.0.1 ttl 2+255 TCP: 5 -> 6 seqnum 0-4294967295 ACK }", 2
            ),
            (
                "data { IP4: \(ethernet) ICMP: 10.0.0.1-10.0.0.9 -> 1.2.3.4 tos 0-255 "
                    + "ICMP echo_request id 9 seq 0-65535 incrementing 56 }", 2
            ),
            (
                "size 90-290 data { IP6: \(ethernet) UDP: 2001:db8::1-2001:db8::ffff -> ff02::1 "
                    + "flow-label 0+1048575 UDP: 0+65535 -> 9 }", 1
            ),
            (
                "size 99+1200 data { IP6: \(ethernet) vlan 5 TCP: ::1+::ffff:ffff -> 2001:db8::2 "
                    + "TCP: 80 -> 1-65535 SYN window 0-65535 }", 1
            ),
            (
                "data { IP6: \(ethernet) ICMP6: fe80::1-fe80::99 -> ff02::1 hop-limit 255 "
                    + "ICMP echo_request seq 1-999 incrementing 33 }", 1
            ),
        ]

        @Test func everyChecksumIsRightToTshark() async throws {
            try await Self.run { dataplane in
                for (words, right) in Self.definitions {
                    let file = try await Self.capture(
                        "limit 1500 tx-interface out0 \(words)",
                        packets: 1500,
                        dataplane
                    )
                    let packets = try await Self.fields(file, Self.statuses)
                    #expect(packets.count == 1500)
                    for (number, packet) in packets.enumerated() {
                        // 1 is good, 0 bad, 2 and nothing not looked at.
                        let isRight =
                            packet.filter { $0 == "1" }.count == right && !packet.contains("0")
                            && packet.last == ""
                        if !isRight { Issue.record("\(words): packet \(number): \(packet)") }
                    }
                }
                try await Self.arpIsRead(dataplane)
                try await Self.valuesAreThoseOfTheRange(dataplane)
                try await Self.packetsAreReplayedAsTheyAre(dataplane)
                try await Self.limitsAreKept(dataplane)
            }
        }

        private static func arpIsRead(_ dataplane: LiveDataplane) async throws {
            let file = try await capture(
                "limit 40 tx-interface out0 data { ARP: \(ethernet) request: "
                    + "02:fe:00:00:00:01/10.0.0.1-10.0.0.4 -> 00:00:00:00:00:00/10.0.0.254 }",
                packets: 40,
                dataplane
            )
            let packets = try await fields(
                file,
                ["arp.opcode", "arp.src.proto_ipv4", "arp.dst.proto_ipv4", "arp.src.hw_mac"]
            )
            #expect(
                packets
                    == (0..<40).map {
                        ["1", "10.0.0.\($0 % 4 + 1)", "10.0.0.254", "02:fe:00:00:00:01"]
                    }
            )
        }

        private static func valuesAreThoseOfTheRange(_ dataplane: LiveDataplane) async throws {
            let file = try await capture(
                "limit 300 size 80-89 maxframe 7 tx-interface out0 data { IP4: \(ethernet) "
                    + "vlan 10-12 UDP: 10.0.0.250-10.0.1.3 -> 20.0.0.1+20.0.0.8 UDP: 7-11 -> 9 }",
                packets: 300,
                dataplane
            )
            let packets = try await fields(
                file,
                ["vlan.id", "ip.src", "udp.srcport", "frame.len", "udp.length", "ip.dst"]
            )
            #expect(
                packets.map { Array($0[..<5]) }
                    == (0..<300).map { number in
                        let host = 250 + number % 10
                        let size = 80 + number % 10
                        return [
                            "\(10 + number % 3)", "10.0.\(host / 256).\(host % 256)",
                            "\(7 + number % 5)", "\(size)", "\(size - 38)",
                        ]
                    }
            )
            #expect(Set(packets.map { $0[5] }) == Set((1...8).map { "20.0.0.\($0)" }))
        }

        /// A capture that is replayed, over the other node, is the same bytes again.
        private static func packetsAreReplayedAsTheyAre(_ dataplane: LiveDataplane) async throws {
            let first = try await capture(
                "limit 400 size 60+1514 tx-interface out0 data { IP4: \(ethernet) "
                    + "UDP: 10.0.0.1+10.9.9.9 -> 20.0.0.1 UDP: 1 -> 2 }",
                packets: 400,
                dataplane
            )
            let path = dataplane.folder.appendingPathComponent("kept.pcapng").path
            try FileManager.default.moveItem(atPath: first, toPath: path)
            let original = try await hexadecimals(path)
            #expect(original.count == 400 && Set(original).count > 300)
            // By an interface of the other NUMA node, and from a pcap file in nanoseconds.
            let nanoseconds = dataplane.folder.appendingPathComponent("kept.pcap").path
            _ = try await succeed(["editcap", "-F", "nsecpcap", path, nanoseconds])
            for file in [path, nanoseconds] {
                let again = try await capture(
                    "pcap \(file) loop 2 rate 5e4 tx-interface out1 numa 0",
                    packets: 800,
                    on: "out1",
                    dataplane
                )
                #expect(try await hexadecimals(again) == original + original)
            }
        }

        private static func hexadecimals(_ file: String) async throws -> [String] {
            let output = try await succeed([
                "tshark", "-r", file, "-T", "json", "-x", "--no-duplicate-keys",
            ])
            let packets = try JSONSerialization.jsonObject(with: Data(output.utf8))
            return (packets as? [[String: Any]] ?? []).compactMap { packet in
                let layers = (packet["_source"] as? [String: Any])?["layers"] as? [String: Any]
                return (layers?["frame_raw"] as? [Any])?.first as? String
            }
        }

        private static func limitsAreKept(_ dataplane: LiveDataplane) async throws {
            for limit in [1, 257] {
                _ = try await capture(
                    "limit \(limit) tx-interface out0 data { IP4: \(ethernet) incrementing 50 }",
                    packets: limit,
                    dataplane
                )
            }
            // IPv6 is not forwarded: each packet is dropped for that.
            try await dataplane.configure("clear errors")
            try await dataplane.execute(
                "packet-generator new { name x limit 9 interface in0 data { IP6: 02:fe:00:00:00:01 "
                    + "-> ff:ff:ff:ff:ff:ff UDP: ::1 -> ::2 UDP: 1 -> 2 } }"
            )
            try await dataplane.configure("packet-generator enable-stream x")
            var drops: [String: Int] = [:]
            _ = await eventually(withinSeconds: 5) {
                drops = (try? await dataplane.allDrops()) ?? [:]
                return drops.values.reduce(0, +) == 9
            }
            #expect(drops.values.reduce(0, +) == 9, "\(drops)")
            #expect(drops.keys.allSatisfy { $0.contains("unknown ethernet type") }, "\(drops)")
            try await dataplane.configure("packet-generator delete x")
        }

        /// A planned restart goes on with the next packet of a file, and a death ends the stream.
        @Test func aReplayOutlivesAPlannedRestart() async throws {
            try await Self.run { dataplane in
                let first = try await Self.capture(
                    "limit 50 tx-interface out0 data { IP4: \(Self.ethernet) "
                        + "UDP: 10.0.0.1-10.0.0.50 -> 20.0.0.1 UDP: 1 -> 2 }",
                    packets: 50,
                    dataplane
                )
                let path = dataplane.folder.appendingPathComponent("kept.pcapng").path
                try FileManager.default.moveItem(atPath: first, toPath: path)
                try await dataplane.execute(
                    "packet-generator new { name x pcap \(path) loop 400 rate 1e4 tx-interface out0 }"
                )
                // The successor has its packets by itself.
                try FileManager.default.removeItem(atPath: path)
                try await dataplane.configure(
                    "clear interfaces",
                    "packet-generator enable-stream x"
                )
                for _ in 0..<3 { try await dataplane.configure("restart node 0") }
                var sent: Int?
                _ = await eventually(withinSeconds: 20) {
                    sent = try? await dataplane.interfaceCounters("out0")["txPackets"].int
                    return sent == 20_000
                }
                #expect(sent == 20_000)
                let stream = try await dataplane.json("show packet-generator")["nodes"].elements[0][
                    "streams"
                ].elements.first
                #expect(stream?["state"].string == "done")
                #expect(stream?["replayedPackets"].int == 50)
            }
        }
    }
}
