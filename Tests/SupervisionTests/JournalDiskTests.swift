import ControlProtocol
import LinuxSystem
import Routing
import SystemPackage
import Testing

@testable import Supervision

/// The journal on the disk: what is acknowledged comes back, whatever is cut, flipped or refused.
@Suite(.timeLimit(.minutes(3)))
struct JournalDiskTests {
    private func address(_ text: String) -> IPv4Address {
        IPv4Address(text) ?? IPv4Address(bits: 0)
    }

    private func prefix(_ number: Int) -> IPv4Prefix {
        IPv4Prefix(address: IPv4Address(bits: 0x1400_0000 + UInt32(number) << 8), length: 24)
    }

    /// One of each kind, in an order in which they are possible.
    private var everyKind: [ConfigurationChange] {
        let own = InterfaceAddress(address: 0x0A00_0001, prefixLength: 24)
        let other = InterfaceAddress(address: 0x0A01_0001, prefixLength: 24)
        let path = RoutePath(nextHop: address("10.0.0.2"), interface: "a", weight: 3)
        return [
            .interfaceState(name: "a", isUp: true),
            .addAddress(interface: "a", own), .addAddress(interface: "b", other),
            .removeAddress(interface: "b", other),
            .mtu(interface: "a", bytes: 9000),
            .mac(interface: "a", MACAddress(bits: 0x0200_0000_0042)),
            .promiscuous(interface: "a", isOn: true),
            .handoff(interface: "a", HandoffTarget(nodes: [0], isSymmetric: true)),
            .rxMode(interface: "a", queue: nil, .adaptive),
            .rxMode(interface: "a", queue: 1, .interrupt),
            .rxMode(interface: "b", queue: nil, .interrupt),
            .rxMode(interface: "b", queue: nil, nil),
            .neighbour(interface: "a", address("10.0.0.2"), MACAddress(bits: 2)),
            .neighbour(interface: "a", address("10.0.0.3"), MACAddress(bits: 4)),
            .removeNeighbour(interface: "a", address("10.0.0.3")),
            .addRoutes((0..<10).map(prefix), .paths([path]), replace: true),
            .addRoutes(
                [prefix(3)],
                .paths([RoutePath(nextHop: nil, interface: "b")]),
                replace: false
            ),
            .addRoutes([prefix(20)], .drop, replace: true),
            .addRoutes([prefix(21)], .unreachable, replace: true),
            .addRoutes([prefix(22)], .prohibited, replace: true),
            .addRoutes([prefix(23)], .local, replace: true),
            .removeRoutes([prefix(1)], nil),
            .removeRoutes([prefix(3)], .paths([path])),
            .plugin([
                PluginSetting(plugin: "p", key: "k", value: "v"),
                PluginSetting(plugin: "p", key: "unset", value: nil),
            ]),
        ]
    }

    @Test func everyKindOfChangeComesBack() async throws {
        let fixture = JournalFixture()
        defer { fixture.remove() }
        var journal: Journal? = try await fixture.open().journal
        for change in everyKind { _ = try await journal?.commit(.configuration(change)) }
        let before = try #require(await journal?.view())
        await journal?.close()
        journal = nil
        for isCompacted in [false, true] {
            var opened: JournalFixture.OpenJournal? = try await fixture.open()
            let restored = try #require(opened?.restored)
            #expect(restored.complaints == [])
            #expect(restored.model.interfaces == before.model.interfaces)
            #expect(restored.model.snapshot().count == before.model.snapshot().count)
            #expect(
                restored.model.routing.staticRoutes.map(\.target)
                    == before.model.routing.staticRoutes.map(\.target)
            )
            #expect(restored.model.routing.neighbourList == before.model.routing.neighbourList)
            #expect(restored.model.pluginSettings == before.model.pluginSettings)
            #expect(await opened?.journal.view().number == before.number)
            if !isCompacted { #expect(await opened?.journal.compact() == nil) }
            await opened?.journal.close()
            opened = nil
        }
    }

    @Test func prefixesInAnyOrderComeBack() throws {
        var generator = SeededGenerator(seed: 7)
        for count in [0, 1, 2, 1000] {
            let prefixes = (0..<count).map { _ in
                IPv4Prefix(
                    address: IPv4Address(bits: .random(in: 0...(.max), using: &generator)),
                    length: .random(in: 0...32, using: &generator)
                )
            }
            #expect(try PrefixRuns.decode(PrefixRuns.encode(prefixes)[...]) == prefixes)
        }
        let table = (0..<100_000).map(prefix)
        #expect(PrefixRuns.encode(table).count < 2 * table.count)
        for bytes: [UInt8] in [
            [33, 1, 0, 0, 0, 0], [8, 2, 0, 0, 0, 1], [8, 1, 0, 0, 0, 0x80], [1],
        ] {
            #expect(throws: WireError.self) { try PrefixRuns.decode(bytes[...]) }
        }
    }

    /// A journal of some changes, and what was configured after each of them.
    private func written(
        _ fixture: JournalFixture,
        seed: UInt64,
        count: Int,
        isCompacted: Bool
    ) async throws -> (ends: [Int], states: [PlainConfiguration]) {
        let journal = try await fixture.open().journal
        var changes = RandomChanges(seed: seed)
        var plain = PlainConfiguration()
        if isCompacted {
            for _ in 0..<count {
                let change = changes.next()
                if (try? await journal.commit(.configuration(change))) != nil {
                    plain.apply(change)
                }
            }
            #expect(await journal.compact() == nil)
        }
        var ends = [fixture.bytes.count]
        var states = [plain]
        while ends.count <= count {
            let change = changes.next()
            if (try? await journal.commit(.configuration(change))) != nil { plain.apply(change) }
            guard fixture.bytes.count > ends[ends.count - 1] else { continue }
            ends.append(fixture.bytes.count)
            states.append(plain)
        }
        return (ends, states)
    }

    @Test(arguments: [false, true])
    func aFileCutAnywhereHasEveryWholeChange(isCompacted: Bool) async throws {
        let fixture = JournalFixture()
        defer { fixture.remove() }
        let (ends, states) = try await written(
            fixture,
            seed: 11,
            count: 12,
            isCompacted: isCompacted
        )
        let whole = fixture.bytes
        #expect(whole.count == ends.last)
        for cut in ends[0]...whole.count {
            try fixture.write(Array(whole[..<cut]))
            let opened = try await fixture.open()
            let index = try #require(ends.lastIndex { $0 <= cut })
            let found = PlainConfiguration(opened.restored.model, opened.restored.settings)
            #expect(found == states[index], "cut at \(cut)")
            #expect(opened.content.tornBytes == cut - ends[index])
            #expect(opened.restored.complaints == [])
            // What is torn is gone from the file, and the next change follows what is whole.
            #expect(fixture.bytes.count == ends[index])
            _ = try await opened.journal.commit(
                .configuration(.mtu(interface: "a", bytes: 1300 + cut))
            )
            let again = try JournalContent(fixture.bytes, path: "")
            #expect(again.entries.count == index + 1)
        }
        for cut in 0..<ends[0] {
            #expect(throws: JournalError.self, "cut at \(cut)") {
                try JournalContent(Array(whole[..<cut]), path: "f")
            }
        }
    }

    @Test func aWrongBitIsFoundWhereItIs() async throws {
        let fixture = JournalFixture()
        defer { fixture.remove() }
        let (ends, states) = try await written(fixture, seed: 5, count: 6, isCompacted: true)
        let whole = fixture.bytes
        let last = ends[ends.count - 2]
        for place in 0..<whole.count {
            for bit in 0..<8 {
                var bytes = whole
                bytes[place] ^= 1 << UInt8(bit)
                do throws(JournalError) {
                    let content = try JournalContent(bytes, path: "f")
                    // Only in the last record: it may have been half written, so it is cut off whole.
                    #expect(place >= last, "byte \(place) bit \(bit)")
                    #expect(content.end == last && content.tornBytes == whole.count - last)
                } catch {
                    #expect(place < last, "byte \(place) bit \(bit): \(error)")
                    guard place >= ends[0] else { continue }
                    let start = try #require(ends.last { $0 <= place })
                    #expect("\(error)".contains("at offset \(start):"), "\(error)")
                    #expect("\(error)".contains("truncate -s \(start) f"), "\(error)")
                }
            }
        }
        // And so it is when the supervisor opens it: the file is left alone.
        var bytes = whole
        bytes[ends[1] + 40] ^= 1
        try fixture.write(bytes)
        await #expect(throws: JournalError.self) { _ = try await fixture.open() }
        #expect(fixture.bytes == bytes)
        // An orderly end leaves no last record that could be taken for a torn one.
        try fixture.write(whole)
        await (try fixture.open()).journal.close()
        bytes = fixture.bytes
        bytes[last + 40] ^= 1
        #expect(throws: JournalError.self) { try JournalContent(bytes, path: "f") }
        #expect(states.count == ends.count)
    }

    @Test func anotherVersionIsRefusedByName() throws {
        var bytes = JournalFormat.encode(
            JournalFormat.Head(snapshotBytes: 0, firstSequence: 1, number: 0, snapshotChecksum: 0)
        )
        bytes[8] = 9
        let error = #expect(throws: JournalError.self) { try JournalContent(bytes, path: "f") }
        #expect(error?.description.contains("f is of format version 9") == true)
        #expect(error?.description.contains("writes version 1") == true)
        let foreign = #expect(throws: JournalError.self) {
            try JournalContent(Array("# startup.conf\nunix { nodaemon }\n".utf8), path: "f")
        }
        #expect(foreign == .foreign(path: "f"))
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func whatWasAcknowledgedSurvivesPowerCuts(seed: UInt64) async throws {
        let fixture = JournalFixture()
        defer { fixture.remove() }
        var changes = RandomChanges(seed: seed)
        var plain = PlainConfiguration()
        var cuts = 0
        for life in 0..<25 {
            let opened = try await fixture.open()
            let found = PlainConfiguration(opened.restored.model, opened.restored.settings)
            #expect(found == plain, "seed \(seed), life \(life)")
            #expect(opened.restored.complaints == [], "seed \(seed), life \(life)")
            for _ in 0..<changes.number(40) {
                let change = changes.next()
                switch changes.number(25) {
                case 0: fixture.disk.fail(times: 1 + changes.number(3))
                case 1: _ = await opened.journal.compact()
                default: break
                }
                if (try? await opened.journal.commit(.configuration(change))) != nil {
                    plain.apply(change)
                }
            }
            fixture.disk.fail(times: 0)
            // A disk that failed may still hold what was refused, until a new file is made.
            if await opened.journal.disk?.store.needsNewFile() == true {
                #expect(await opened.journal.compact() == nil)
            }
            guard changes.number(5) > 0 else {
                await opened.journal.close()
                continue
            }
            let settled = fixture.bytes.count
            // The power goes while the next change is being written.
            let started = await opened.journal.disk?.store.append(
                .change(changes.next()),
                number: 1_000_000
            )
            #expect(started == nil)
            let bytes = fixture.bytes
            let durable = min(fixture.disk.durableBytes, settled)
            let cut = durable + changes.number(bytes.count - durable)
            try fixture.write(Array(bytes[..<cut]))
            cuts += 1
        }
        #expect(cuts > 5, "seed \(seed)")
    }

    @Test func aDiskThatFailsRefusesChangesUntilItIsWell() async throws {
        let fixture = JournalFixture()
        defer { fixture.remove() }
        var opened: JournalFixture.OpenJournal? = try await fixture.open()
        let journal = try #require(opened?.journal)
        _ = try await journal.commit(.configuration(.mtu(interface: "a", bytes: 1400)))
        fixture.disk.fail(times: 2)
        for bytes in [1401, 1402] {
            let error = await #expect(throws: ChangeError.self) {
                try await journal.commit(.configuration(.mtu(interface: "a", bytes: bytes)))
            }
            #expect(
                error?.description.contains("\(fixture.file): Input/output error") == true,
                "\(error)"
            )
            #expect(error?.description.contains("nothing was changed") == true, "\(error)")
            #expect(await journal.view().model.interfaces.first?.mtu == 1400)
        }
        _ = try await journal.commit(.configuration(.mtu(interface: "b", bytes: 1403)))
        #expect(await journal.diskStatus()?.failure == "")
        await journal.close()
        opened = nil
        let again = try await fixture.open().restored.model.interfaces
        #expect(again.map(\.mtu) == [1400, 1403, 1500])
    }
}
