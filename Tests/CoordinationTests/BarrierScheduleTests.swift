import CLinux
import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Coordination

/// Barriers whose lanes and coordinators die and stop at random times.
@Suite(.serialized, .timeLimit(.minutes(3))) struct BarrierScheduleTests {
    @Test(arguments: [UInt64(1), 2, 3, 4])
    func everybodyGoesOnWhateverDiesOrStops(seed: UInt64) throws {
        var random = SplitMix(seed)
        var peers = [
            try BarrierPeer(node: 0, lanes: 2, seed: seed),
            try BarrierPeer(node: 1, seed: seed + 1),
        ]
        defer { for peer in peers { peer.remove() } }
        var barrier = Barrier(times: BarrierTests.times(), hertz: BarrierTests.hertz)
        for step in 0..<60 {
            let victim = Int(random.next(below: 2))
            switch random.next(below: 6) {
            case 0:
                // A death at a random time, before or while the barrier is closed.
                let peer = peers[victim]
                let delay = UInt32(random.next(below: 3000))
                Thread.detachNewThread {
                    usleep(delay)
                    try? peer.signal(SIGKILL)
                }
            case 1:
                let peer = peers[victim]
                try peer.signal(SIGSTOP)
                let delay = UInt32(random.next(below: 40_000))
                Thread.detachNewThread {
                    usleep(delay)
                    try? peer.signal(SIGCONT)
                }
            case 2:
                // The coordinator forgets what it has closed; its successor begins anew.
                _ = try barrier.close(peers.map(\.member))
                barrier = Barrier(times: BarrierTests.times(), hertz: BarrierTests.hertz)
            default: break
            }
            let closed = try barrier.close(peers.map(\.member))
            BarrierTests.expectStill(
                peers.filter { closed.nodes.contains($0.member.node) },
                closed,
                seed: seed
            )
            // Too late on a machine that did not let this thread run.
            _ = try? barrier.open(closed)
            for index in peers.indices where peers[index].member.process.waitForEnd(milliseconds: 4)
            {
                let life = peers[index].member.incarnation + 1
                peers[index].remove()
                peers[index] = try BarrierPeer(
                    node: index,
                    lanes: index == 0 ? 2 : 1,
                    incarnation: life,
                    seed: seed &+ UInt64(step)
                )
            }
        }
        for peer in peers where !peer.member.process.waitForEnd(milliseconds: 50) {
            #expect(peer.goesOn(), "seed \(seed)")
        }
    }

    @Test(arguments: [UInt64(11), 12])
    func aKilledCoordinatorStopsNobodyForLong(seed: UInt64) throws {
        var random = SplitMix(seed)
        let peers = [try BarrierPeer(node: 0), try BarrierPeer(node: 1)]
        defer { for peer in peers { peer.remove() } }
        for _ in 0..<25 {
            let coordinator = try BarrierPeer.spawn(
                ["coordinator", "\(random.next(below: 1000))"]
                    + peers.flatMap { [$0.path, "\($0.child.process.pid)"] }
            )
            let before = peers.map { $0.segment.lane(0).load(.barriers) }
            while peers.indices.contains(where: {
                peers[$0].segment.lane(0).load(.barriers) < before[$0] + 2
            }) { usleep(100) }
            usleep(UInt32(random.next(below: 2000)))
            try coordinator.process.send(signal: SIGKILL)
            while coordinator.reap() == nil { usleep(200) }
            for peer in peers { #expect(peer.goesOn(), "seed \(seed)") }
        }
        let stood = peers.map { $0.segment.lane(0).load(.barriers) }
        #expect(stood.allSatisfy { $0 >= 50 }, "the coordinators were at work: \(stood)")
        let barrier = Barrier(times: BarrierTests.times(), hertz: BarrierTests.hertz)
        let closed = try barrier.close(peers.map(\.member))
        BarrierTests.expectStill(peers, closed, seed: seed)
        _ = try barrier.open(closed)
    }
}

/// Numbers that a seed determines.
struct SplitMix {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next(below bound: UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return (value ^ value >> 31) % bound
    }
}

@Suite struct BarrierTimesTests {
    /// A member whose only lane sleeps, so that closing takes no time.
    private func member() throws -> BarrierMember {
        let segment = try BarrierTests.plainSegment(lanes: 1)
        segment.lane(0).pointer(.asleep).pointee = 1
        return BarrierMember(segment: segment, process: try ProcessDescriptor(pid: getpid()))
    }

    @Test func lanesWithPacketsHaveTimeBetweenBarriers() throws {
        let member = try member()
        let barrier = Barrier(times: BarrierTests.times(), hertz: BarrierTests.hertz)
        func close() throws -> [BarrierIncident] {
            var incidents: [BarrierIncident] = []
            let closed = try barrier.close([member]) { incidents.append($0) }
            let begin = CLinux_tsc()
            while CLinux_tsc() &- begin < barrier.ticks(.milliseconds(2)) { CLinux_pause() }
            _ = try barrier.open(closed)
            return incidents
        }
        let block = member.segment.lane(0)
        block.pointer(.turnVectors).pointee = 10
        #expect(try close().isEmpty)
        #expect(try close().isEmpty, "few packets need no time")
        block.pointer(.turnVectors).pointee = 11
        let open = barrier.noCloseBefore
        let incidents = try close()
        guard case .heldDown(let wait, isJump: false)? = incidents.first else {
            // This thread was not let run in time.
            #expect(CLinux_tsc() > open)
            return
        }
        #expect(wait <= 1_000_001, "three times two milliseconds, but a millisecond at most")
        barrier.noCloseBefore = CLinux_tsc() &+ barrier.ticks(.seconds(60))
        guard case .heldDown(_, isJump: true)? = try close().first else {
            Issue.record("a minute is no hold-down")
            return
        }
    }

    @Test func lanesBeginTogetherAndTheMissingOneIsNamed() throws {
        let segment = try BarrierTests.plainSegment(lanes: 2)
        let member = BarrierMember(
            segment: segment,
            process: try ProcessDescriptor(pid: getpid())
        )
        let barrier = Barrier(times: BarrierTests.times(), hertz: BarrierTests.hertz)
        nonisolated(unsafe) var wentOn = [false, false]
        func start(_ lane: Int) {
            Thread.detachNewThread {
                let side = LaneBarrier(segment, lane: lane)
                if side.isCalled { _ = side.stand() }
                wentOn[lane] = true
            }
        }
        let missing = barrier.beginLanes(
            of: member,
            within: .milliseconds(200),
            isCancelled: { false },
            begun: { start(0) }
        )
        #expect(missing.map(\.description) == ["node 0 lane 1"])
        let none = barrier.beginLanes(
            of: member,
            within: .seconds(20),
            isCancelled: { false },
            begun: {
                start(0)
                start(1)
            }
        )
        #expect(none.isEmpty)
        while !wentOn[0] || !wentOn[1] { usleep(100) }
        let cancelled = barrier.beginLanes(
            of: member,
            within: .seconds(20),
            isCancelled: { true },
            begun: {}
        )
        #expect(cancelled.count == 2)
    }

    @Test func quantilesAreExactToAnEighth() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == 0)
        for value in 1...1000 { histogram.add(UInt64(value) * 1000) }
        #expect(histogram.count == 1000 && histogram.maximum == 1_000_000)
        for (part, exact) in [(0.5, 500_000.0), (0.99, 990_000), (1, 1_000_000)] {
            let found = Double(histogram.quantile(part))
            #expect(found >= exact && found <= exact * 1.125, "\(part): \(found)")
        }
        histogram.add(.max)
        #expect(histogram.quantile(1) == .max)
    }
}
