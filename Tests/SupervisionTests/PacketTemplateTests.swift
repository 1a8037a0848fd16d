import ControlProtocol
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Supervision

/// Templates of all layers, judged without the code that makes them.
@Suite struct PacketTemplateTests {
    private static let ethernet = "02:fe:00:00:00:01 -> 02:fe:00:00:00:02"

    private func run(_ options: String) async throws -> (PacketGeneratorStream?, CommandFailure?) {
        let fake = try FakeDataplane()
        let line = "packet-generator new { name x \(options) }"
        let outcome = await CommandRunner(dataplane: fake).run(line: line)
        guard case .create(let stream) = fake.recorded.withLock({ $0.generator }).first?.command
        else { return (nil, outcome.failure) }
        return (stream, outcome.failure)
    }

    private func stream(_ options: String) async throws -> PacketGeneratorStream {
        let (stream, failure) = try await run(options)
        return try #require(stream, "\(options): \(failure?.message ?? "")")
    }

    private static let packets: [(data: String, layers: [String])] = [
        ("IP4: \(ethernet) UDP: 1.2.3.4 -> 5.6.7.8 UDP: 1 -> 2 incrementing 31", ["ipv4", "udp"]),
        ("IP4: \(ethernet) vlan 7 TCP: 1.2.3.4 -> 5.6.7.8 TCP: 1 -> 2", ["vlan", "ipv4", "tcp"]),
        (
            "IP4: \(ethernet) vlan 7 dot1ad priority 3 vlan 9 cfi 1 ICMP: 1.2.3.4 -> 5.6.7.8 "
                + "ICMP time_exceeded code 1 hex 0xff", ["vlan", "vlan", "ipv4", "icmp"]
        ),
        ("IP6: \(ethernet) UDP: 2001:db8::1 -> ::2 UDP: 1 -> 2 hex 0x010203", ["ipv6", "udp"]),
        (
            "IP6: \(ethernet) vlan 4095 TCP: ::1 -> ::2 TCP: 5 -> 6 ACK PSH",
            ["vlan", "ipv6", "tcp"]
        ),
        ("IP6: \(ethernet) ICMP6: ::1 -> ::2 ICMP neighbor_solicitation", ["ipv6", "icmp6"]),
        (
            "IP6: \(ethernet) ICMP6: ::1 -> ::2 hop-limit 255 ICMP6 echo_request id 4",
            ["ipv6", "icmp6"]
        ),
        ("ARP: \(ethernet) request: 02:fe:0:0:0:1/10.0.0.1 -> 0:0:0:0:0:0/10.0.0.2", ["arp"]),
        ("0x806: \(ethernet) vlan 3 reply: 1.2.3/10.0.0.1 -> 4.5.6/10.0.0.2", ["vlan", "arp"]),
        ("0x88b5: \(ethernet) incrementing 50", []),
        ("IP4: \(ethernet) 47: 1.2.3.4 -> 5.6.7.8 incrementing 9", ["ipv4"]),
        (
            "IP4: \(ethernet) UDP: 1.2.3.4 -> 5.6.7.8 ttl 3 dscp 46 ecn 1 df fragment id 9 offset 0 "
                + "UDP: 1 -> 2", ["ipv4", "udp"]
        ),
    ]

    @Test func everyLayerIsRight() async throws {
        for (data, layers) in Self.packets {
            for size in ["", "size 200", "size 99-101", "size 99+300"] {
                let stream = try await stream("interface tap0 \(size) data { \(data) }")
                let judge = PacketJudge(stream.template)
                #expect(judge.layers == layers, "\(data)")
                #expect(judge.faults.isEmpty, "\(data) \(size): \(judge.faults)")
                #expect(stream.sizesAreRandom == (size == "size 99+300"))
            }
        }
    }

    @Test func fieldsAreWhereTheyBelong() async throws {
        let tcp = try await stream(
            "interface tap0 node ip4-input data { TCP: 1.2.3.4 -> 5.6.7.8 tos 0x21 id 0xabcd df "
                + "TCP: 5 -> 6 FIN CWR seqnum 0x01020304 acknum 5 window 6 urgent 7 }"
        ).template
        #expect(tcp[1] == 0x21 && Array(tcp[4...9]) == [0xAB, 0xCD, 0x40, 0, 64, 6])
        #expect(
            Array(tcp[20..<36]) == [
                0, 5, 0, 6, 1, 2, 3, 4, 0, 0, 0, 5, 0x50, 0x81, 0, 6,
            ] && Array(tcp[38..<40]) == [0, 7]
        )
        let arp = try await stream(
            "interface tap0 data { ARP: 1.2.3 -> ffff.ffff.ffff request: 1.2.3/9.8.7.6 -> 0.0.0/1.1.1.1 }"
        ).template
        #expect(
            Array(arp[12...]) == [
                8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 0, 1, 0, 2, 0, 3, 9, 8, 7, 6, 0, 0, 0, 0, 0, 0, 1, 1,
                1, 1,
            ]
        )
        let tags = try await stream(
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 vlan 100 dot1ad priority 5 vlan 0xabc cfi 1 "
                + "incrementing 4 }"
        ).template
        #expect(
            Array(tags[12...]) == [0x88, 0xA8, 0xA0, 100, 0x81, 0, 0x1A, 0xBC, 8, 0, 0, 1, 2, 3]
        )
        let six = try await stream(
            "interface tap0 data { IP6: 1.2.3 -> 4.5.6 UDP: 2001:db8::1 -> ff02::2 traffic-class "
                + "0xab flow-label 0x12345 hop-limit 1 UDP: 1 -> 2 }"
        ).template
        #expect(Array(six[14..<22]) == [0x6A, 0xB1, 0x23, 0x45, 0, 8, 17, 1])
        #expect(six[22] == 0x20 && six[37] == 1 && six[38] == 0xFF && six[53] == 2)
    }

    @Test func everyFieldMayVary() async throws {
        let stream = try await stream(
            """
            interface tap0 size 128+256 data { IP6: 02:fe:00:00:00:01+02:fe:00:00:00:ff -> 1.2.3 - 1.2.9 \
            vlan 1-4094 priority 0+7 UDP: 2001:db8::1-2001:db8::ffff -> fe80::1 + fe80::9 hop-limit 1-9 \
            flow-label 0+0xfffff UDP: 1024-65535 -> 53 + 99 }
            """
        )
        #expect(
            stream.fields.map { [Int($0.bitOffset), Int($0.bits), $0.isRandom ? 1 : 0] } == [
                [0, 48, 0], [48, 48, 1], [112, 3, 1], [116, 12, 0], [156, 20, 1], [200, 8, 0],
                [272, 64, 0], [400, 64, 1], [464, 16, 0], [480, 16, 1],
            ]
        )
        #expect(stream.fields[6].text == "IPv6 source 2001:db8::1 - 2001:db8::ffff")
        #expect(stream.fields[6].first == 1 && stream.fields[6].last == 0xFFFF)
        #expect(stream.fields[3].first == 1 && stream.fields[3].last == 4094)
        let fragments = try await self.stream(
            "interface tap0 node ip4-input data { UDP: 1.1.1.1 -> 2.2.2.2 fragment id 1-9 offset 0-1480 mf }"
        )
        #expect(fragments.fields.map(\.last) == [9, 185])
        let arp = try await self.stream(
            "interface tap0 data { ARP: 1.2.3 -> 4.5.6 "
                + "request: 1.2.3-1.2.9/10.0.0.1+10.0.0.9 -> 0.0.0/10.0.1.1-10.0.1.9 }"
        )
        #expect(arp.fields.map(\.bitOffset) == [176, 224, 304])
    }

    @Test func wrongLengthsAndChecksumsMayBeGiven() async throws {
        let stream = try await stream(
            "interface tap0 node ip4-input data { UDP: 1.2.3.4 -> 5.6.7.8 length 9 checksum 0x1234 "
                + "version 5 header-length 6 UDP: 1 -> 2 length 3 checksum 0xabcd incrementing 5 }"
        )
        let bytes = stream.template
        #expect(bytes[0] == 0x56 && Array(bytes[2...3]) == [0, 9])
        #expect(
            Array(bytes[10...11]) == [0x12, 0x34] && Array(bytes[24...27]) == [0, 3, 0xAB, 0xCD]
        )
        let none = try await self.stream(
            "interface tap0 node ip4-input data { UDP: 1.2.3.4 -> 5.6.7.8 UDP: 1 -> 2 checksum 0 }"
        )
        #expect(Array(none.template[26...27]) == [0, 0])
        let six = try await self.stream(
            "interface tap0 data { IP6: 1.2.3 -> 4.5.6 ICMP6: ::1 -> ::2 length 7 ICMP 5-9 checksum 1 }"
        )
        #expect(Array(six.template[18...19]) == [0, 7] && Array(six.template[56...57]) == [0, 1])
    }

    /// VPP's own scripts: sizes cut payloads, an output node sends at once.
    @Test func takesVPPsDefinitionsAsTheyAre() async throws {
        let ping = try await stream(
            "limit 1 node ip4-input size 64-64 interface tap0 data { ICMP: 1.0.0.2 -> 2.0.0.2 "
                + "ICMP echo_request incrementing 100 }"
        )
        #expect(ping.template.count == 64 && ping.minimumBytes == 64 && ping.maximumBytes == 64)
        #expect(PacketJudge(ping.template, startsAtNetwork: true).layers == ["ipv4", "icmp"])
        #expect(PacketJudge(ping.template, startsAtNetwork: true).faults.isEmpty)
        let sent = try await stream(
            "worker 0 limit 0 rate 1.2e7 size 128-128 tx-interface tap0 node tap0-output data { "
                + "IP4: 1.2.40 -> 3cfd.fed0.b6c8 UDP: 192.168.40.10 -> 192.168.50.10 "
                + "UDP: 1234 -> 2345 incrementing 114 }"
        )
        #expect(
            sent.graphNode == "interface-output" && sent.txInterface == 1 && sent.interface == 0
        )
        #expect(sent.packetsPerSecond == 12_000_000 && sent.template.count == 128)
        let range = try await stream(
            "limit 100 rate 1e6 size 300-300 interface tap0 node ethernet-input data { "
                + "IP4: 1.2.3 -> 4.5.6 UDP: 192.168.1.10 - 192.168.1.254 -> 192.168.2.10 "
                + "UDP: 1234 -> 2345 incrementing 286 }"
        )
        #expect(range.fields.map(\.bitOffset) == [208] && range.template.count == 300)
        let raw = try await stream(
            "interface tap0 size 64-64 node ethernet-input data { 0x8881: 4:4:4:4:4:4 -> 5:5:5:5:5:5 "
                + "incrementing 100 }"
        )
        #expect(Array(raw.template[12...15]) == [0x88, 0x81, 0, 1] && raw.template.count == 64)
        let both = try await stream(
            "interface tap1 tx-interface tap0 data { hex 0x0011223344556677 }"
        )
        #expect(both.interface == 2 && both.txInterface == 1 && both.fields.isEmpty)
    }

    /// What is refused, and the word at which it is.
    private static let wrong: [(options: String, message: String, word: String)] = [
        ("interface tap0 data { UDP: 1 -> 2 }", "an IPv4 or IPv6 header must stand", "UDP:"),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 UDP: 1.1.1.1 -> 2.2.2.2 TCP: 1 -> 2 }",
            "the header in front of this one says UDP:", "TCP:"
        ),
        (
            "interface tap0 data { IP6: 1.2.3 -> 4.5.6 UDP: 1.1.1.1 -> 2.2.2.2 }",
            "IP6: is not followed by such a header; 0x800:", "UDP:"
        ),
        (
            "interface tap0 node ip4-input data { IP4: 1.2.3 -> 4.5.6 }",
            "packets that start at ip4-input have no Ethernet header", "IP4:"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 UDP: 1.1.1.9 - 1.1.1.1 -> 2.2.2.2 }",
            "the range does not ascend", "1.1.1.9"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 UDP: 1.1.1.9-1.1.1.1 -> 2.2.2.2 }",
            "is not an IPv4 address, or a range A-B", "1.1.1.9-1.1.1.1"
        ),
        (
            "interface tap0 data { IP6: 1.2.3 -> 4.5.6 UDP: ::1-1::1 -> ::2 }",
            "the IPv6 source can vary in its last 64 bits only", "::1-1::1"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 ICMP: 1.1.1.1 -> 2.2.2.2 ICMP packet_too_big }",
            "packet_too_big is no type of ICMP for IPv4", "packet_too_big"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 vlan 1 vlan 2 vlan 3 }",
            "a packet has at most two VLAN tags", "vlan"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 UDP: 1.1.1.1 -> 2.2.2.2 fragment id 1 offset 3 }",
            "the IPv4 fragment offset is counted in 8s", "3 }"
        ),
        (
            "interface tap0 data { IP4: 1.2.3 -> 4.5.6 UDP: 1.1.1.1 -> 2.2.2.2 tos 1 dscp 2 }",
            "tos is dscp and ecn together", "1 dscp"
        ),
        ("interface tap0 data { hex }", "is not bytes such as", "}"),
        ("interface tap0 data { }", "a packet of 0 bytes", ""),
        ("interface tap0 data { hex 0x00 } loop 3", "loop goes with pcap", "loop"),
        ("interface tap0 data { hex 0x00 } pcap /x", "data and pcap: a stream has either", "data"),
        ("interface tap0 pcap /nowhere/x.pcap", "cannot read /nowhere/x.pcap", "/nowhere"),
        ("interface tap0 pcap /dev/null", "/dev/null: byte 0: 0 bytes are no capture", "/dev/null"),
        (
            "interface tap0 node tap1-output tx-interface tap0 data { hex 0x00 }", "two interfaces",
            "tap1-"
        ),
        ("tx-interface tap0 node ip4-input data { hex 0x00 }", "start at its output", "ip4-input"),
        ("interface tap0 node ip6-input data { hex 0x00 }", "not at \"ip6-input\"", "ip6-input"),
        (
            "interface tap0 size 14 data { IP4: 1.2.3 -> 4.5.6 vlan 1 }", "the 18 of the headers",
            "14"
        ),
    ]

    @Test func saysWhatIsWrongAndWhere() async throws {
        for (options, message, word) in Self.wrong {
            let (stream, failure) = try await run(options)
            #expect(stream == nil, "\(options) was taken")
            #expect(
                failure?.message.contains(message) ?? false,
                "\(options): \(failure?.message ?? "")"
            )
            guard !word.isEmpty else { continue }
            let line = "packet-generator new { name x \(options) }"
            let place = try #require(line.range(of: " " + word)).lowerBound
            #expect(
                failure?.position == line.utf8.distance(from: line.startIndex, to: place) + 1,
                "\(options): \(failure?.position ?? -1)"
            )
        }
    }

    @Test func showsStreams() async throws {
        let runner = CommandRunner(dataplane: try FakeDataplane())
        let text = await runner.run(line: "show packet-generator").text
        #expect(text.contains("NUMA node 0\nstream"))
        #expect(text.contains("\nx            done              7          7       none        64"))
        let verbose = await runner.run(line: "show packet-generator verbose").text
        #expect(verbose.contains("x:\n  packet 01ab\n"))
    }

    @Test func readsAndWritesIPv6Addresses() {
        for text in [
            "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "fe80::1:0:0:1", "1::2:0:0:3",
        ] {
            #expect(IPv6Address(text)?.description == text)
        }
        #expect(IPv6Address("::ffff:1.2.3.4")?.bits == 0xFFFF_0102_0304)
        #expect(IPv6Address("1:0:0:2:0:0:0:3")?.description == "1:0:0:2::3")
        for text in [
            "", ":", ":::", "1", "1:2", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1::", "1::2:", "12345::",
            "g::", "1:2:3:4:5:6:7::8", "::1.2.3", "+1::", "1.2.3.4",
        ] where text != "1:2:3:4:5:6:7::8" {
            #expect(IPv6Address(text) == nil, "\(text)")
        }
        #expect(IPv6Address("1:2:3:4:5:6:7::")?.description == "1:2:3:4:5:6:7:0")
    }
}
