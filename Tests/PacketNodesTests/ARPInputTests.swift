import PacketBuffers
import PacketNodes
import Testing

@MainActor
@Suite struct ARPInputTests {
    static func reports(_ router: TestRouter) -> [NeighbourMailbox.Report] {
        var reports: [NeighbourMailbox.Report] = []
        while let report = router.context.pointee.neighbours.take() { reports.append(report) }
        return reports
    }

    @Test func aRequestForTheRouterIsAnsweredAndTheAskerLearned() throws {
        let router = try TestRouter()
        var request = Packet.ARP(senderMAC: Packet.mac(0x42), sender: address(10, 0, 1, 42)).frame
        request.bytes += Array(repeating: 0xEE, count: 30)
        try router.run([request])
        let sent = router.sent()
        var reply = Packet.ARP(
            to: Packet.mac(0x42),
            operation: 2,
            senderMAC: Packet.mac(1),
            sender: address(10, 0, 1, 1),
            targetMAC: Packet.mac(0x42),
            target: address(10, 0, 1, 42)
        ).frame
        reply.bytes += Array(repeating: 0xEE, count: 18)
        #expect(sent.map(\.packet) == [reply])
        #expect(sent.map(\.node) == ["tx-1"])
        let reports = Self.reports(router)
        #expect(reports.map(\.mac) == [0x02FE_0000_0042])
        #expect(reports.map(\.address) == [address(10, 0, 1, 42)])
        #expect(reports.map(\.interface) == [1])
        #expect(router.counters == ["arp-input: ARP replies sent": 1])
        #expect(router.pool.available == router.buffers)
    }

    @Test func aNeighbourThatIsKnownAsItIsIsNotReported() throws {
        let router = try TestRouter()
        try router.run([Packet.ARP().frame])
        #expect(router.sent().count == 1)
        #expect(Self.reports(router).isEmpty)
        try router.run([Packet.ARP(senderMAC: Packet.mac(0x66)).frame])
        #expect(Self.reports(router).map(\.mac) == [0x02FE_0000_0066])
    }

    @Test func aReplyIsLearnedAndEnds() throws {
        let router = try TestRouter()
        let reply = Packet.ARP(
            to: Packet.mac(1),
            operation: 2,
            senderMAC: Packet.mac(0x42),
            sender: address(10, 0, 1, 42),
            targetMAC: Packet.mac(1),
            target: address(10, 0, 1, 1)
        )
        try router.run([reply.frame])
        #expect(router.sent().isEmpty)
        #expect(Self.reports(router).count == 1)
        #expect(router.counters == ["arp-input: ARP replies received": 1])
        #expect(router.interfaceDrops == 0)
        #expect(router.pool.available == router.buffers)
    }

    @Test func announcementsUpdateKnownNeighboursOnly() throws {
        let router = try TestRouter()
        let known = address(10, 0, 1, 9)
        let unknown = address(10, 0, 1, 42)
        for operation in UInt8(1)...2 {
            try router.run([
                Packet.ARP(
                    operation: operation,
                    senderMAC: Packet.mac(0x66),
                    sender: known,
                    target: known
                ).frame,
                Packet.ARP(
                    operation: operation,
                    senderMAC: Packet.mac(0x66),
                    sender: unknown,
                    target: unknown
                ).frame,
            ])
            #expect(Self.reports(router).map(\.address) == [known])
        }
        #expect(router.counters == ["arp-input: ARP announcements received": 4])
    }

    @Test func requestsForOthersUpdateKnownNeighboursOnly() throws {
        let router = try TestRouter()
        let other = address(10, 0, 1, 50)
        try router.run([
            Packet.ARP(senderMAC: Packet.mac(0x66), target: other).frame,
            Packet.ARP(sender: address(10, 0, 1, 42), target: other).frame,
        ])
        #expect(Self.reports(router).map(\.address) == [address(10, 0, 1, 9)])
        #expect(router.counters == ["arp-input: ARP request not for this router": 2])
    }

    @Test func aProbeForTheRoutersAddressIsAnsweredAndNotLearned() throws {
        let router = try TestRouter()
        try router.run([Packet.ARP(sender: 0).frame])
        #expect(router.sent().count == 1)
        #expect(Self.reports(router).isEmpty)
    }

    @Test func aFullMailboxLosesReportsAndNothingElse() throws {
        let router = try TestRouter()
        for start in stride(from: 0, to: NeighbourMailbox.capacity + 256, by: 256) {
            try router.run(
                (0..<256).map {
                    Packet.ARP(senderMAC: Packet.mac(UInt8($0)), sender: address(10, 0, 1, 42))
                        .frame
                }
            )
            #expect(router.sent().count == 256, "\(start)")
        }
        #expect(Self.reports(router).count == NeighbourMailbox.capacity)
    }
}
