import PacketBuffers
import PacketGraph
import PacketNodes
import Testing

@MainActor
@Suite struct DropReasonTests {
    /// A packet, and the one reason for which it is dropped.
    struct Case: CustomTestStringConvertible, Sendable {
        var reason: String
        var packet: Packet
        var interface: UInt16 = 1
        var node = "ethernet-input"
        var testDescription: String { reason }
    }

    nonisolated static let frameCases: [Case] = {
        func ethernet(_ type: UInt16, _ count: Int) -> Packet {
            Packet(
                Packet.mac(1) + Packet.mac(0x19) + [UInt8(type >> 8), UInt8(type & 255)]
                    + Array(repeating: 0, count: count)
            )
        }
        return [
            Case(
                reason: "ethernet-input: packet too short",
                packet: Packet(Array(Packet.IPv4().frame.bytes.prefix(13)))
            ),
            Case(
                reason: "ethernet-input: interface is down",
                packet: Packet.IPv4().frame,
                interface: 3
            ),
            Case(
                reason: "ethernet-input: interface is down",
                packet: Packet.IPv4().frame,
                interface: 999
            ),
            Case(
                reason: "ethernet-input: l3 mac mismatch",
                packet: Packet.IPv4(to: Packet.mac(2)).frame
            ),
            Case(reason: "ethernet-input: unknown vlan", packet: ethernet(0x8100, 46)),
            Case(reason: "ethernet-input: unknown vlan", packet: ethernet(0x88A8, 46)),
            Case(reason: "ethernet-input: llc length > packet length", packet: ethernet(47, 46)),
            Case(reason: "ethernet-input: llc packet", packet: ethernet(38, 46)),
            Case(reason: "ethernet-input: unknown ethernet type", packet: ethernet(0x86DD, 46)),
        ]
    }()

    nonisolated static let headerCases: [Case] = {
        let good = Packet.IPv4()
        func broken(_ reason: String, fixing: Bool = true, _ change: (inout Packet) -> Void) -> Case
        {
            var packet = good.frame
            change(&packet)
            if fixing {
                packet.setWord(0, at: 24)
                packet.setWord(Packet.checksum(packet.bytes[14..<34]), at: 24)
            }
            return Case(reason: "ip4-input: \(reason)", packet: packet)
        }
        return [
            broken("ip4 length < 20 bytes", fixing: false) {
                $0.bytes.removeLast($0.bytes.count - 33)
            },
            broken("ip4 version != 4") { $0[14] = 0x65 },
            broken("ip4 IHL < 5") { $0[14] = 0x44 },
            broken("ip4 header length > packet length") { $0[14] = 0x4F },
            broken("bad ip4 checksum", fixing: false) { $0[24] ^= 1 },
            broken("bad ip4 checksum", fixing: false) { $0[22] = 63 },
            broken("ip4 total length < header length") { $0.setWord(19, at: 16) },
            broken("ip4 length > l2 length") { $0.setWord(47, at: 16) },
            broken("ip4 fragment offset == 1") { $0.setWord(1, at: 20) },
            Case(
                reason: "ip4-input: bad ip4 checksum",
                packet: {
                    var packet = Packet.IPv4(options: [1, 1, 1, 0]).frame
                    packet[34] = 2
                    return packet
                }()
            ),
        ]
    }()

    nonisolated static let addressCases: [Case] = {
        func from(_ source: UInt32) -> Case {
            Case(
                reason: "ip4-input: ip4 source address is no host's",
                packet: Packet.IPv4(source: source).frame
            )
        }
        func to(_ destination: UInt32, _ reason: String) -> Case {
            Case(
                reason: "ip4-input: \(reason)",
                packet: Packet.IPv4(destination: destination).frame
            )
        }
        return [
            from(0), from(address(0, 1, 2, 3)), from(address(127, 0, 0, 1)),
            from(address(224, 0, 0, 1)), from(address(240, 0, 0, 1)), from(.max),
            to(address(224, 0, 0, 1), "ip4 multicast destination"),
            to(address(239, 255, 255, 255), "ip4 multicast destination"),
            to(.max, "ip4 limited broadcast destination"),
            to(0, "ip4 destination address is no host's"),
            to(address(127, 1, 1, 1), "ip4 destination address is no host's"),
            to(address(240, 0, 0, 1), "ip4 destination address is no host's"),
            Case(
                reason: "ip4-input: ip4 unicast in a broadcast or multicast frame",
                packet: Packet.IPv4(to: Array(repeating: 0xFF, count: 6)).frame
            ),
        ]
    }()

    nonisolated static let routeCases: [Case] = {
        func local(_ number: UInt8, _ payload: [UInt8], fragment: UInt16 = 0) -> Packet {
            Packet.IPv4(
                destination: address(10, 0, 2, 1),
                number: number,
                fragment: fragment,
                payload: payload
            ).frame
        }
        let data = Array(repeating: UInt8(7), count: 20)
        return [
            Case(
                reason: "ip4-lookup: ip4 adjacency drop",
                packet: Packet.IPv4(destination: address(40, 1, 1, 1)).frame
            ),
            Case(
                reason: "interface-output: interface is down",
                packet: Packet.IPv4(destination: address(21, 1, 1, 1)).frame
            ),
            Case(
                reason: "ip4-glean: ip4 directed broadcast",
                packet: Packet.IPv4(destination: address(10, 0, 2, 255)).frame
            ),
            Case(
                reason: "ip4-local: ip4 spoofed local-address packet drops",
                packet: Packet.IPv4(
                    source: address(10, 0, 2, 1),
                    destination: address(10, 0, 1, 1)
                ).frame
            ),
            Case(
                reason: "ip4-local: ip4 local fragments are not reassembled",
                packet: local(17, Packet.udp(data), fragment: 0x2000)
            ),
            Case(
                reason: "ip4-local: ip4 local fragments are not reassembled",
                packet: local(17, Packet.udp(data), fragment: 2)
            ),
            Case(
                reason: "ip4-local: icmp packet too short",
                packet: local(1, [8, 0, 0, 0, 0, 0, 0])
            ),
            Case(
                reason: "ip4-local: icmp echo reply nobody waits for",
                packet: local(1, Packet.icmp(type: 0, data: data))
            ),
            Case(
                reason: "ip4-local: icmp error message to the router",
                packet: local(1, Packet.icmp(type: 11, data: data))
            ),
            Case(
                reason: "ip4-local: unknown icmp type",
                packet: local(1, Packet.icmp(type: 13, data: data))
            ),
            Case(
                reason: "ip4-local: inconsistent udp/ip lengths",
                packet: local(17, [0, 1, 0, 2, 0, 9, 0, 0])
            ),
            Case(
                reason: "ip4-local: inconsistent udp/ip lengths",
                packet: local(17, [0, 1, 0, 2, 0, 7, 0, 0])
            ),
            Case(reason: "ip4-local: inconsistent udp/ip lengths", packet: local(17, [0, 1])),
            Case(
                reason: "ip4-local: inconsistent tcp/ip lengths",
                packet: local(6, Array(repeating: 0, count: 19))
            ),
            Case(
                reason: "ip4-icmp-echo-request: bad icmp checksum",
                packet: local(1, [8, 0, 1, 1, 0, 1, 0, 1])
            ),
        ]
    }()

    nonisolated static let arpCases: [Case] = {
        func broken(_ reason: String, _ change: (inout Packet) -> Void) -> Case {
            var packet = Packet.ARP().frame
            change(&packet)
            return Case(reason: "arp-input: \(reason)", packet: packet)
        }
        func message(_ reason: String, _ message: Packet.ARP, interface: UInt16 = 1) -> Case {
            Case(reason: "arp-input: \(reason)", packet: message.frame, interface: interface)
        }
        return [
            broken("ARP packet too short") { $0.bytes.removeLast() },
            broken("L2 type not ethernet") { $0[15] = 6 },
            broken("L3 type not IP4") { $0[16] = 9 },
            broken("ARP address lengths not 6 and 4") { $0[18] = 8 },
            broken("ARP operation not request or reply") { $0[21] = 3 },
            broken("ARP hw addr does not match L2 frame src addr") { $0[27] = 0x20 },
            message(
                "ARP sender hw addr is zero or multicast",
                .init(senderMAC: [1, 0, 0, 0, 0, 1])
            ),
            message(
                "ARP sender hw addr is zero or multicast",
                .init(senderMAC: Array(repeating: 0, count: 6))
            ),
            message(
                "interface has no ip4 address",
                .init(sender: address(10, 0, 5, 9)),
                interface: 5
            ),
            message(
                "IP4 source address matches local interface",
                .init(sender: address(10, 0, 1, 1))
            ),
            message(
                "IP4 source address not local to subnet",
                .init(sender: address(10, 0, 2, 9))
            ),
            message(
                "IP4 source address not local to subnet",
                .init(sender: address(10, 0, 1, 255))
            ),
            message("ARP probe dropped", .init(sender: 0, target: address(10, 0, 1, 50))),
            message("ARP request not for this router", .init(target: address(10, 0, 1, 50))),
            message(
                "ARP reply not for this router",
                .init(operation: 2, target: address(10, 0, 1, 50))
            ),
        ]
    }()

    @Test(arguments: frameCases + headerCases + addressCases + routeCases + arpCases)
    func aPacketIsDroppedForItsOwnReason(_ example: Case) throws {
        let router = try TestRouter()
        try router.run([example.packet], interface: example.interface, to: example.node)
        #expect(router.counters == [example.reason: 1])
        #expect(router.sent().isEmpty)
        #expect(router.interfaceDrops == (example.interface < 8 ? 1 : 0))
        #expect(router.pool.available == router.buffers)
    }

    @Test func everyReasonHasItsOwnText() throws {
        let router = try TestRouter()
        for entry in router.description.entries {
            #expect(Set(entry.errors).count == entry.errors.count, "\(entry.name)")
        }
        #expect(router.description.entries[0].name == "error-drop")
    }
}
