import ControlProtocol
import PacketNodes
import Supervision
import TestSupport

/// Definitions of streams as the supervisor reads them, and the packets that a lane makes of those that it takes.
struct TemplateTarget: FuzzTarget {
    let name = "template"
    let words = [
        "IP4: ", "IP6: ", "ARP: ", "0x88b5: ", "1.2.3 -> 4.5.6 ", "vlan 7 ", "dot1ad ",
        "priority 3 ", "cfi 1 ",
        "request: 1.2.3/10.0.0.1 -> 0.0.0/10.0.0.2 ", "UDP: 10.0.0.1 -> 20.0.0.1 ", "UDP: 1 -> 2 ",
        "TCP: 1-9 -> 2+7 ", "TCP: ::1 -> ::2 ", "ICMP: ", "ICMP6: ::1 - ::9 -> fe80::1 ",
        "ICMP echo_request ",
        "ICMP 5-200 ", "ttl 1+255 ", "tos 3 ", "dscp 9 ", "df ", "mf ",
        "fragment id 1 offset 8-16 ",
        "length 0-65535 ", "checksum 7 ", "checksum 0 ", "hop-limit 4 ", "flow-label 0+1048575 ",
        "SYN ",
        "seqnum 0-4294967295 ", "random ", "incrementing 9 ", "hex 0x00ff ", "size 64-64 ",
        "size 64+9216 ",
        "size 14-9216 ", " - ", " + ", "node ip4-input ", "node left0-output ",
        "tx-interface left1 ",
        "maxframe 7 ", "worker 1 ", "limit 1e6 ", "rate 2e9 ", "::ffff:1.2.3.4 ", "vlan 0-4095 ",
        "version 5 ",
        "header-length 15 ", "id 0-65535 ",
    ]
    /// What a packet without lengths and checksums of its own has, and what such a packet has.
    private static let complete: Set = ["udp-source", "tcp-source", "ICMP", "ICMP6", "arp-source"]
    private static let wrongs: Set = [
        "length", "checksum", "version", "header-length", "mf", "MF", "fragment", "ethernet-type",
        "ip4-protocol", "ip6-protocol", "arp-operation",
    ]
    private let reader: StreamReader

    init() {
        reader = StreamReader(
            interfaces: [("left0", node: 0), ("left1", node: 0), ("right0", node: 1)],
            lanes: [0: 2, 1: 1]
        )
    }

    func seed(_ line: String) -> [UInt8] { Array(line.utf8) }

    func takes(_ line: String) -> Bool { line.hasPrefix("packet-generator new") }

    func examine(_ text: [UInt8]) async throws(FuzzFault) -> String {
        let line = String(decoding: text, as: UTF8.self)
        let stream: PacketGeneratorStream
        let words: Set<String>
        do throws(CommandFailure) {
            (stream, words) = try reader.stream(line)
        } catch {
            if let position = error.position, !(0...line.utf8.count).contains(position) {
                throw FuzzFault(description: "a fault beyond the line: \(error)")
            }
            // Numbers are those of the line.
            return String(LineTarget.plainMessage(of: error).filter { !$0.isNumber })
        }
        let isRight = words.isDisjoint(with: Self.wrongs) && !words.isDisjoint(with: Self.complete)
        try makePackets(stream, isRight: isRight)
        let fields = Set(stream.fields.map(\.bits)).sorted()
        return "\(stream.graphNode) \(words.filter { $0.hasSuffix(":") }.sorted()) \(fields) "
            + "\(stream.minimumBytes == stream.maximumBytes) \(PacketJudge(stream.template).layers)"
    }

    /// Makes some packets as a lane does, and looks at each.
    private func makePackets(_ stream: PacketGeneratorStream, isRight: Bool) throws(FuzzFault) {
        var packets: GeneratedPackets
        do throws(PacketGeneratorError) {
            packets = try GeneratedPackets(stream)
        } catch { throw FuzzFault(description: "a lane does not take what was taken: \(error)") }
        for number in 0..<12 {
            let packet = packets.next()
            guard Int(stream.minimumBytes)...Int(stream.maximumBytes) ~= packet.count else {
                throw FuzzFault(description: "packet \(number) has \(packet.count) bytes")
            }
            guard isRight else { continue }
            let judge = PacketJudge(packet, startsAtNetwork: stream.graphNode == "ip4-input")
            guard judge.faults.isEmpty else {
                throw FuzzFault(description: "packet \(number): \(judge.faults)")
            }
        }
    }
}
