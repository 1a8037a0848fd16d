import CLinux
import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Coordination

/// A process with lanes that a barrier stops; see Tests/BarrierPeer.
final class BarrierPeer: @unchecked Sendable {
    let segment: WorkerSegment
    let child: ChildProcess
    let member: BarrierMember
    let path: String

    init(node: Int, lanes: Int = 1, incarnation: UInt32 = 1, seed: UInt64 = 1) throws {
        path = "/dev/shm/causeway-barrier-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        segment = try WorkerSegment.create(
            path: path,
            node: node,
            incarnation: incarnation,
            lanes: lanes
        )
        child = try Self.spawn(["lanes", path, "\(seed)"])
        member = BarrierMember(segment: segment, process: child.process)
        while !(0..<lanes).allSatisfy({ segment.lane($0).load(.loops) > 10 }) { usleep(200) }
    }

    static func spawn(_ arguments: [String]) throws -> ChildProcess {
        let own = SmallFile.linkTarget("/proc/self/exe") ?? ""
        let folder = String(own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex))
        return try ChildProcess.spawn(
            executable: folder + "/barrier-peer",
            arguments: arguments,
            environment: [:],
            descriptor: 0
        )
    }

    func signal(_ number: Int32) throws { try child.process.send(signal: number) }

    func remove() {
        try? signal(SIGKILL)
        while child.reap() == nil { usleep(500) }
        unlink(path)
    }

    /// What its lanes have forwarded, and whether one is at it.
    var work: [UInt64] {
        (0..<segment.laneCount).flatMap {
            [segment.lane($0).load(.inputVectors), segment.lane($0).load(.held)]
        }
    }

    /// Whether every lane forwards again within some time.
    func goesOn(withinMilliseconds limit: Int = 10_000) -> Bool {
        let before = (0..<segment.laneCount).map { segment.lane($0).load(.inputVectors) }
        for _ in 0..<(limit * 10) {
            if before.indices.allSatisfy({ segment.lane($0).load(.inputVectors) > before[$0] }) {
                return true
            }
            usleep(100)
        }
        return false
    }
}

@Suite(.serialized, .timeLimit(.minutes(3))) struct BarrierTests {
    static let hertz = ClockKeeper.roughHertz()

    /// Times for a machine on which the lanes of a test share two CPUs with other tests.
    static func times(fence: Duration = .seconds(20)) -> BarrierTimes {
        var times = BarrierTimes()
        times.fence = fence
        times.lease = .milliseconds(500)
        return times
    }

    /// No lane of the peers forwards while the barrier is closed.
    static func expectStill(_ peers: [BarrierPeer], _ closed: ClosedBarrier, seed: UInt64 = 0) {
        let before = peers.map(\.work)
        for _ in 0..<200 { CLinux_pause() }
        let after = peers.map(\.work)
        // A machine that did not let this thread run says nothing about the lanes.
        guard closed.isClosed else { return }
        #expect(before == after, "a lane forwarded, seed \(seed)")
        #expect(
            before.allSatisfy { work in
                work.indices.allSatisfy { $0 % 2 == 0 || work[$0] == 0 }
            },
            "a lane stood with a packet, seed \(seed)"
        )
    }

    @Test func noLaneForwardsWhileItIsClosedAndAllGoOn() throws {
        let peers = [try BarrierPeer(node: 0, lanes: 2), try BarrierPeer(node: 1, seed: 9)]
        defer { for peer in peers { peer.remove() } }
        let barrier = Barrier(times: Self.times(), hertz: Self.hertz)
        var stood: UInt64 = 0
        for _ in 0..<2000 {
            let closed = try barrier.close(peers.map(\.member))
            #expect(closed.nodes == [0, 1])
            Self.expectStill(peers, closed)
            let reading = try barrier.open(closed)
            #expect(reading.lanes.count == 3)
            #expect(reading.closedNanoseconds >= reading.closingNanoseconds)
            stood += UInt64(reading.lanes.filter { $0.nanoseconds != nil }.count)
        }
        for peer in peers { #expect(peer.goesOn()) }
        let counted = peers.flatMap { peer in
            (0..<peer.segment.laneCount).map { peer.segment.lane($0).load(.barriers) }
        }
        #expect(stood > 2000, "lanes that polled said that they stood: \(stood)")
        // A lane may stand through several barriers, if it is not let run between them.
        #expect(counted.allSatisfy { $0 > 0 }, "\(counted)")
        for peer in peers { #expect(peer.segment.lane(0).load(.barriersExpired) == 0) }
    }

    @Test func oneNodeStandsAndTheOtherDoesNot() throws {
        let peers = [try BarrierPeer(node: 0), try BarrierPeer(node: 1)]
        defer { for peer in peers { peer.remove() } }
        let barrier = Barrier(times: Self.times(), hertz: Self.hertz)
        let closed = try barrier.close([peers[1].member])
        #expect(peers[0].goesOn())
        #expect(barrier.renew(closed))
        Self.expectStill([peers[1]], closed)
        _ = try barrier.open(closed)
        #expect(peers[1].goesOn())
    }

    @Test func aSleepingLaneCountsAsStoppedAndStandsWhenItWakes() throws {
        let segment = try Self.plainSegment(lanes: 1)
        let own = BarrierMember(segment: segment, process: try ProcessDescriptor(pid: getpid()))
        let block = segment.lane(0)
        block.pointer(.asleep).pointee = 1
        let barrier = Barrier(times: Self.times(), hertz: Self.hertz)
        let closed = try barrier.close([own])
        let lane = LaneBarrier(segment, lane: 0)
        #expect(lane.isCalled)
        let gate = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var stay: LaneBarrier.Stay?
        Thread.detachNewThread {
            CLinux_store_release64(block.pointer(.asleep), 0)
            CLinux_full_fence()
            stay = lane.stand()
            gate.signal()
        }
        #expect(gate.wait(timeout: .now() + 0.05) == .timedOut, "it is closed")
        #expect(barrier.renew(closed))
        let reading = try barrier.open(closed)
        gate.wait()
        #expect(stay?.hasStood == true && stay?.isExpired == false)
        #expect(reading.lanes.count == 1)
        #expect(!lane.isCalled)
        // One that sleeps through the whole of it only notes the epoch.
        block.pointer(.asleep).pointee = 1
        _ = try barrier.open(try barrier.close([own]))
        #expect(lane.isCalled)
        #expect(!lane.stand().hasStood)
    }

    @Test func aMemberThatDiesLeavesWhileTheBarrierWaits() throws {
        let peers = [try BarrierPeer(node: 0), try BarrierPeer(node: 1)]
        defer { for peer in peers { peer.remove() } }
        try Self.stopAwake(peers[1])
        let victim = peers[1]
        Thread.detachNewThread {
            usleep(60_000)
            try? victim.signal(SIGKILL)
        }
        let barrier = Barrier(times: Self.times(), hertz: Self.hertz)
        var left: [Int] = []
        var fences = 0
        let closed = try barrier.close(peers.map(\.member)) { incident in
            switch incident {
            case .left(let node): left.append(node)
            case .fenced: fences += 1
            default: break
            }
        }
        #expect(closed.nodes == [0])
        #expect(fences == 0)
        #expect(Set(left).isSubset(of: [1]))
        Self.expectStill([peers[0]], closed)
        _ = try barrier.open(closed)
        #expect(peers[0].goesOn())
        // One that was dead before is no member at all.
        let again = try barrier.close(peers.map(\.member))
        #expect(again.nodes == [0])
        _ = try barrier.open(again)
    }

    /// Stops a peer's process at a moment when its lane does not sleep.
    static func stopAwake(_ peer: BarrierPeer) throws {
        while true {
            try peer.signal(SIGSTOP)
            while ThreadReading.read(
                pid: peer.child.process.pid,
                thread: Int(peer.child.process.pid)
            )?
            .state != "T" { usleep(100) }
            if peer.segment.lane(0).load(.asleep) == 0 { return }
            try peer.signal(SIGCONT)
            usleep(500)
        }
    }

    @Test func aStoppedLaneLosesItsWorkerAndHoldsNobodyUp() throws {
        let peers = [try BarrierPeer(node: 0), try BarrierPeer(node: 1)]
        defer { for peer in peers { peer.remove() } }
        try Self.stopAwake(peers[1])
        let barrier = Barrier(times: Self.times(fence: .milliseconds(400)), hertz: Self.hertz)
        var letGo: [LanePlace] = []
        var culprit: (LanePlace, StallCause)?
        let before = peers[0].segment.lane(0).load(.inputVectors)
        var atFence = before
        let begin = ContinuousClock.now
        let closed = try barrier.close(peers.map(\.member)) { incident in
            switch incident {
            case .letGo(let places, _): letGo += places
            case .fenced(_, let place, let cause):
                culprit = (place, cause)
                atFence = peers[0].segment.lane(0).load(.inputVectors)
            default: break
            }
        }
        let taken = ContinuousClock.now - begin
        #expect(closed.nodes == [0])
        #expect(culprit?.0.description == "node 1 lane 0" && culprit?.1 == .stopped)
        #expect(letGo.contains { $0.node == 1 } && !letGo.contains { $0.node == 0 })
        #expect(atFence > before + 10, "the other node forwarded while the late one was waited for")
        #expect(taken >= .milliseconds(400) && taken < .seconds(15), "\(taken)")
        #expect(peers[1].member.process.waitForEnd(milliseconds: 0))
        _ = try barrier.open(closed)
        #expect(peers[0].goesOn())
    }

    @Test func aLaneThatIsStoppedForAWhileIsWaitedFor() throws {
        let peer = try BarrierPeer(node: 0)
        defer { peer.remove() }
        try Self.stopAwake(peer)
        Thread.detachNewThread {
            usleep(100_000)
            try? peer.signal(SIGCONT)
        }
        let barrier = Barrier(times: Self.times(), hertz: Self.hertz)
        let closed = try barrier.close([peer.member])
        #expect(closed.attempts > 1)
        Self.expectStill([peer], closed)
        _ = try barrier.open(closed)
    }

    @Test func lanesGoOnByThemselvesWhenTheCoordinatorIsSilent() throws {
        let peers = [try BarrierPeer(node: 0, lanes: 2), try BarrierPeer(node: 1)]
        defer { for peer in peers { peer.remove() } }
        var times = Self.times()
        times.lease = .milliseconds(200)
        let barrier = Barrier(times: times, hertz: Self.hertz)
        let closed = try barrier.close(peers.map(\.member))
        for peer in peers { #expect(peer.goesOn()) }
        #expect(!closed.isClosed)
        #expect(!barrier.renew(closed), "it is too late")
        #expect(throws: BarrierError.leaseOver) { try barrier.open(closed) }
        let expired = peers.map { peer in
            (0..<peer.segment.laneCount).map { peer.segment.lane($0).load(.barriersExpired) }
                .reduce(0, +)
        }
        #expect(expired == [1, 1], "one lane of each worker opens it")
        let again = try barrier.close(peers.map(\.member))
        Self.expectStill(peers, again)
        _ = try barrier.open(again)
    }

    static func plainSegment(lanes: Int) throws -> WorkerSegment {
        let path = "/dev/shm/causeway-barrier-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        defer { unlink(path) }
        return try WorkerSegment.create(path: path, node: 0, incarnation: 1, lanes: lanes)
    }
}
