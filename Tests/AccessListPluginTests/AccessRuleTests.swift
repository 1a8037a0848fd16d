import CDPDK
import PacketBuffers
import Testing

@testable import AccessListPlugin

@Suite struct AccessRuleTests {
    private func rule(_ text: String) throws -> AccessRule {
        try AccessRule(parsing: text.split(separator: " ").map(String.init))
    }

    @Test(arguments: [
        "permit", "deny", "deny proto tcp", "permit proto 89 src 10.0.0.0/8",
        "deny proto udp src 10.1.0.0/16 dst 192.0.2.7/32 sport 53 dport 1024-65535",
    ])
    func writesWhatItReads(text: String) throws {
        #expect(try rule(text).description == text)
    }

    @Test(arguments: [
        ("", "permit or deny"), ("allow", "permit or deny"), ("deny src", "src has no value"),
        ("deny src 10.0.0.0/33", "10.0.0.0/33"), ("deny src 10.0.0", "10.0.0"),
        ("deny proto gopher", "gopher"), ("deny proto 256", "256"), ("deny port 80", "port"),
        ("deny proto tcp dport 90-80", "90-80"), ("deny proto tcp dport 65536", "65536"),
        ("deny dport 80", "ports need proto"), ("deny proto icmp dport 80", "ports need proto"),
    ])
    func namesWhatIsWrong(text: String, word: String) {
        do {
            _ = try rule(text)
            Issue.record("taken: \(text)")
        } catch { #expect("\(error)".contains(word), "\(error)") }
    }

    @Test func clearsHostBits() throws {
        #expect(try rule("deny src 10.1.2.3/8").description == "deny src 10.0.0.0/8")
    }

    /// What a program of some lists makes of a packet on interface 1.
    private func verdict(
        _ rules: [String],
        _ packet: [UInt8],
        bound: Bool = true
    ) throws -> (AccessProgram.Verdict, counts: [UInt64]) {
        let parsed = try rules.map(rule)
        let bytes = AccessProgram.byteCount(rules: parsed.count, lanes: 1)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        let program = AccessProgram(at: memory, rules: parsed, lanes: 1)
        if bound {
            program.ranges[1] = AccessProgram.Range(start: 0, count: Int32(parsed.count))
        }
        let counters = program.counters(lane: 0)
        let verdict = withPacket(packet) { mbuf in
            mbuf.rxInterface = 1
            return program.judge(mbuf, counters)
        }
        return (verdict, (0..<parsed.count).map { counters[$0 * 2] })
    }

    private func withPacket<Result>(_ bytes: [UInt8], _ body: (Mbuf) -> Result) -> Result {
        let size = MemoryLayout<cw_mbuf>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + 256, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size + 256)
        let pointer = memory.assumingMemoryBound(to: cw_mbuf.self)
        pointer.pointee.buf_addr = memory + size
        pointer.pointee.buf_len = 256
        pointer.pointee.data_len = UInt16(bytes.count)
        (memory + size).copyMemory(from: bytes, byteCount: bytes.count)
        return body(Mbuf(pointer))
    }

    /// An IPv4 packet from 10.0.0.1 to 10.0.1.2 with a protocol, ports and a fragment word.
    private func packet(
        _ number: UInt8,
        _ source: UInt16 = 1000,
        _ destination: UInt16 = 80,
        fragment: UInt16 = 0,
        options: Int = 0
    ) -> [UInt8] {
        let words = UInt8(5 + options)
        var bytes: [UInt8] = [0x40 | words, 0, 0, 28, 0, 0]
        bytes += [UInt8(fragment >> 8), UInt8(fragment & 255), 64, number, 0, 0]
        bytes += [10, 0, 0, 1, 10, 0, 1, 2] + [UInt8](repeating: 1, count: options * 4)
        bytes += [UInt8(source >> 8), UInt8(source & 255)]
        bytes += [UInt8(destination >> 8), UInt8(destination & 255), 0, 8, 0, 0]
        return bytes
    }

    @Test func takesTheFirstRuleThatApplies() throws {
        let rules = ["deny proto tcp dport 80", "permit proto tcp", "deny src 10.0.0.0/8"]
        #expect(try verdict(rules, packet(6)) == (.denied, [1, 0, 0]))
        #expect(try verdict(rules, packet(6, 1000, 81)) == (.permitted, [0, 1, 0]))
        #expect(try verdict(rules, packet(17)) == (.denied, [0, 0, 1]))
        #expect(try verdict(["permit dst 10.9.0.0/16"], packet(17)) == (.unmatched, [0]))
        #expect(try verdict(rules, packet(6), bound: false) == (.permitted, [0, 0, 0]))
    }

    @Test func looksBehindOptions() throws {
        let rules = ["deny proto udp sport 1000-1001 dport 80"]
        #expect(try verdict(rules, packet(17, 1001, options: 3)).0 == .denied)
        #expect(try verdict(rules, packet(17, 1002, options: 3)).0 == .unmatched)
    }

    @Test func seesNoPortsWhereThereAreNone() throws {
        let rules = ["permit proto udp dport 80", "deny proto udp"]
        // A later fragment, and a packet that ends before its ports.
        #expect(try verdict(rules, packet(17, fragment: 3)).0 == .denied)
        #expect(try verdict(rules, Array(packet(17).prefix(22))).0 == .denied)
    }
}

@Suite struct AccessListsTests {
    private var lists: AccessLists {
        get throws {
            var lists = AccessLists()
            try lists.set("rule web 10", "permit proto tcp dport 80")
            try lists.set("rule web 20", "deny")
            try lists.set("bind east", "web")
            return lists
        }
    }

    @Test func numbersRulesThatHaveNoNumber() throws {
        #expect(try lists.add(["web", "deny"]).map(\.key) == ["rule web 30"])
        #expect(try lists.add(["web", "15", "deny"]).map(\.key) == ["rule web 15"])
        #expect(try lists.add(["other", "deny"]).map(\.key) == ["rule other 10"])
    }

    @Test func keepsAListThatIsInUse() throws {
        #expect(throws: AccessListError.self) { try lists.delete(["web"]) }
        #expect(try lists.delete(["web", "20"]).map(\.key) == ["rule web 20"])
        var unbound = try lists
        try unbound.set("bind east", nil)
        #expect(try unbound.delete(["web"]).map(\.key) == ["rule web 10", "rule web 20"])
    }

    @Test func isTheSameAfterItsSettingsAreTakenBack() throws {
        var lists = try lists
        let before = lists
        try lists.set("rule web 15", "deny proto icmp")
        try lists.set("rule web 15", nil)
        #expect(lists == before)
    }

    @Test func bindsOnlyWhatThereIs() throws {
        #expect(throws: AccessListError.self) { try lists.bind(["west", "web"]) { $0 == "east" } }
        #expect(throws: AccessListError.self) { try lists.bind(["east", "no"]) { $0 == "east" } }
        #expect(try lists.bind(["east", "none"]) { $0 == "east" }.first?.value == nil)
    }
}
