import Coordination
import Testing

@Suite struct BufferAccountsTests {
    private func reading(
        free: Int,
        receive: Int = 100,
        slack: Int = 0,
        transmitMost: Int = 0,
        atHand: Int = 32,
        held: Int = 0,
        betweenLanes: Int = 0,
        turns: UInt64 = 1,
        packets: UInt64 = 0,
        isAtRest: Bool = true
    ) -> BufferAccounts.Reading {
        BufferAccounts.Reading(
            size: 1000,
            free: free,
            receive: receive,
            slack: slack,
            transmitMost: transmitMost,
            atHand: atHand,
            held: held,
            betweenLanes: betweenLanes,
            lanes: [.init(turns: turns, packets: packets, isAtRest: isAtRest)]
        )
    }

    @Test func twoEqualReadingsAtRestAreExact() {
        var accounts = BufferAccounts()
        #expect(accounts.take(reading(free: 868)) == .busy)
        #expect(accounts.take(reading(free: 868)) == .exact(missing: 0))
        #expect(accounts.take(reading(free: 866, held: 2)) == .exact(missing: 0))
        #expect(accounts.take(reading(free: 861, held: 2, betweenLanes: 5)) == .exact(missing: 0))
    }

    @Test func findsBuffersThatAreMissingAndThoseThatAreThereTwice() {
        for (free, missing) in [(865, 3), (871, -3), (0, 868)] {
            var accounts = BufferAccounts()
            _ = accounts.take(reading(free: free))
            #expect(accounts.take(reading(free: free)) == .exact(missing: missing))
        }
    }

    @Test func aLaneThatMayHavePacketsInHandMakesAReadingWorthless() {
        var accounts = BufferAccounts()
        // In the middle of a turn: it has not counted yet what it took, and the terms agree by chance.
        _ = accounts.take(reading(free: 865, turns: 7, isAtRest: false))
        #expect(accounts.take(reading(free: 865, turns: 7, isAtRest: false)) == .busy)
        // It has turned, and took packets in.
        #expect(accounts.take(reading(free: 865, turns: 8, packets: 3, isAtRest: false)) == .busy)
        // It has turned, and took none.
        let next = reading(free: 865, turns: 9, packets: 3, isAtRest: false)
        #expect(accounts.take(next) == .exact(missing: 3))
    }

    @Test func whatTransmitQueuesMayHoldIsNotMissing() {
        for (free, transmit, missing) in [(868, 0, 0), (860, 8, 0), (840, 28, 0), (836, 28, 4)] {
            var accounts = BufferAccounts()
            let seen = reading(free: free, transmitMost: 28)
            _ = accounts.take(seen)
            #expect(accounts.take(seen) == .exact(missing: missing))
            #expect(seen.transmit == transmit)
        }
        // A driver that has yet to replace some of its receive buffers, and one that is short of more.
        for (free, missing) in [(880, 0), (900, 0), (901, -1)] {
            #expect(reading(free: free, slack: 32).missing == missing)
        }
    }

    @Test func aNodeThatNeverRestsIsFoundOutWhenMoreIsMissingThanCanBeInFlight() {
        func verdicts(_ missing: Int) -> Set<BufferAccounts.Verdict> {
            var accounts = BufferAccounts()
            return Set(
                (0..<200).map { turn in
                    accounts.take(
                        BufferAccounts.Reading(
                            size: 10_000,
                            free: 10_000 - missing - turn % 7,
                            receive: 0,
                            slack: 0,
                            transmitMost: 0,
                            atHand: 0,
                            held: 0,
                            betweenLanes: 0,
                            lanes: [
                                .init(turns: UInt64(turn), packets: UInt64(turn), isAtRest: false)
                            ]
                        )
                    )
                }
            )
        }
        #expect(verdicts(1000) == [.busy])
        #expect(verdicts(1030) == [.busy, .atLeast(missing: 6)])
    }
}
