import ControlProtocol
import Testing

@Suite struct ChangeCodingTests {
    /// One of every kind, at the edges of what fields can hold.
    static let samples: [ForwardingChange] = [
        .interface(
            {
                var record = InterfaceRecord(index: 3, name: "q", node: 1, mac: MACAddress())
                record.rxMode = .adaptive
                record.queueModes = [0: .interrupt, 127: .polling, 5: .adaptive]
                return record
            }()
        ),
        .interface(
            InterfaceRecord(
                index: 255,
                name: "TenGigabitEthernet3/0/0",
                node: 7,
                isUp: true,
                isPromiscuous: true,
                mac: MACAddress(bits: 0x02FE_0000_0001),
                mtu: 9000,
                addresses: [
                    InterfaceAddress(address: 0x0A00_0001, prefixLength: 24),
                    InterfaceAddress(address: .max, prefixLength: 32),
                ],
                handoff: HandoffTarget(nodes: [0, 3], isSymmetric: true)
            )
        ),
        .interface(InterfaceRecord(index: 0, name: "", node: 0, mac: MACAddress())),
        .adjacency(
            index: (1 << 23) - 1,
            AdjacencyRecord(
                kind: .rewrite,
                interface: 3,
                nextHop: 0x0A00_0002,
                destination: MACAddress(bits: 0xFFFF_FFFF_FFFF)
            )
        ),
        .adjacency(index: 1, AdjacencyRecord(kind: .prohibited)),
        .adjacencyRemoved(index: 9),
        .pathList(index: 4, buckets: [1, 2]),
        .pathList(index: 5, buckets: Array(repeating: 77, count: 64)),
        .pathListRemoved(index: 4),
        .routes([
            Route(prefix: 0, length: 0, leaf: Leaf(adjacency: 1)),
            Route(prefix: .max, length: 32, leaf: Leaf(pathList: 5)),
        ]),
        .routesRemoved([
            RemovedRoute(
                prefix: 0x0A00_0000,
                length: 8,
                coverLength: 0,
                coverLeaf: Leaf(adjacency: 1)
            ),
            RemovedRoute(prefix: 0, length: 0, coverLength: 0, coverLeaf: .noRoute),
        ]),
    ]

    @Test func givesBackWhatWasWritten() throws {
        let chunks = ChangeCoding.encodeChunks(Self.samples)
        #expect(chunks.count == 1)
        #expect(try ChangeCoding.decode(chunks[0]) == Self.samples)
        #expect(ChangeCoding.encodeChunks([]).isEmpty)
    }

    @Test func splitsLongRunsAndKeepsTheirOrder() throws {
        let routes = (0..<100_000 as Range<UInt32>).map {
            Route(prefix: $0, length: 32, leaf: Leaf(rawValue: $0 & 0xFF_FFFF))
        }
        let removed = routes.map {
            RemovedRoute(
                prefix: $0.prefix,
                length: 32,
                coverLength: 8,
                coverLeaf: Leaf(rawValue: 5)
            )
        }
        let chunks = ChangeCoding.encodeChunks([.routes(routes), .routesRemoved(removed)])
        #expect(chunks.allSatisfy { $0.count <= ChangeCoding.maximumChunkBytes })
        var added: [Route] = []
        var gone: [RemovedRoute] = []
        for chunk in chunks {
            for change in try ChangeCoding.decode(chunk) {
                switch change {
                case .routes(let run):
                    #expect(gone.isEmpty)
                    added += run
                case .routesRemoved(let run): gone += run
                default: Issue.record("\(change)")
                }
            }
        }
        #expect(added == routes)
        #expect(gone == removed)
    }

    @Test func refusesEveryMessageThatIsCutShort() throws {
        let whole = ChangeCoding.encodeChunks(Self.samples)[0]
        for length in 1..<whole.count {
            // A cut between two changes leaves a message that is right as far as it goes.
            let changes = try? ChangeCoding.decode(Array(whole.prefix(length)))
            if let changes {
                #expect(changes == Array(Self.samples.prefix(changes.count)))
                #expect(changes.count < Self.samples.count)
            }
        }
    }

    @Test func refusesFieldsWithoutMeaning() {
        // A tag, an adjacency kind, an index, a bucket count, a route's length, its host bits, a
        // long list.
        let messages: [[UInt8]] = [
            [0], [8], [2, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [3, 0, 0, 0x80, 0], [4, 1, 0, 0, 0, 3, 0, 0, 0] + [UInt8](repeating: 0, count: 12),
            [6, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 33], [6, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 31],
            [7, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 8, 8], [6, 255, 255, 255, 255],
        ]
        for message in messages {
            #expect(throws: WireError.self, "\(message)") { try ChangeCoding.decode(message) }
        }
    }

    @Test func survivesAnyBytes() {
        var random = SeededRandom(seed: 4)
        let whole = ChangeCoding.encodeChunks(Self.samples)[0]
        var accepted = 0
        for round in 0..<100_000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                    UInt8.random(in: .min ... .max, using: &random)
                }
                if !bytes.isEmpty { bytes[0] = UInt8.random(in: 0...8, using: &random) }
            } else {
                bytes = whole
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                        in: .min ... .max,
                        using: &random
                    )
                }
            }
            guard let changes = try? ChangeCoding.decode(bytes) else { continue }
            accepted += 1
            // What is taken can be sent on.
            let again = ChangeCoding.encodeChunks(changes)
            guard (try? again.flatMap { try ChangeCoding.decode($0) }) == changes else {
                Issue.record("seed 4, round \(round): \(bytes)")
                return
            }
        }
        #expect(accepted > 1000)
    }
}
