internal import CLinux
internal import LinuxSystem

/// What the control lane makes of its lanes' counters: rates, once a second.
public struct RateMeter: Sendable {
    /// What a lane had counted at the last look.
    private struct Reading: Sendable {
        var loops: UInt64
        var input: UInt64
        var calls: UInt64
        var vectors: UInt64

        init(_ block: LaneBlock) {
            loops = block.load(.loops)
            input = block.load(.inputVectors)
            calls = block.load(.internalCalls)
            vectors = block.load(.internalVectors)
        }
    }

    private var last: [Reading]
    private var lastTSC: UInt64

    /// Starts to measure.
    ///
    /// - Parameters:
    ///   - segment: the worker's.
    ///   - tsc: the time-stamp counter now.
    public init(_ segment: WorkerSegment, at tsc: UInt64) {
        last = (0..<segment.laneCount).map { Reading(segment.lane($0)) }
        lastTSC = tsc
    }

    /// Writes the rates since the last writing, if that is a second ago.
    ///
    /// - Parameters:
    ///   - segment: the worker's.
    ///   - tsc: the time-stamp counter now.
    ///   - hertz: its ticks a second.
    public mutating func update(_ segment: WorkerSegment, at tsc: UInt64, hertz: UInt64) {
        guard hertz > 0, tsc &- lastTSC >= hertz, tsc > lastTSC else { return }
        let seconds = Double(tsc - lastTSC) / Double(hertz)
        var vectorRates = 0.0
        var inputRates = 0.0
        for index in last.indices {
            let now = Reading(segment.lane(index))
            let then = last[index]
            let calls = now.calls &- then.calls
            let vectors = calls > 0 ? Double(now.vectors &- then.vectors) / Double(calls) : 0
            let input = Double(now.input &- then.input) / seconds
            segment.store(.vectorRate, lane: index, vectors)
            segment.store(.input, lane: index, input)
            segment.store(.loops, lane: index, Double(now.loops &- then.loops) / seconds)
            vectorRates += vectors
            inputRates += input
            last[index] = now
        }
        let mean = last.isEmpty ? 0 : vectorRates / Double(last.count)
        segment.store(.vectorRate, mean.bitPattern)
        segment.store(.inputRate, inputRates.bitPattern)
        lastTSC = tsc
    }
}

/// A rate of a lane, which its worker's control lane writes.
enum LaneRate: Int {
    /// Packets a call of an internal graph node.
    case vectorRate = 0
    /// Packets a second from inputs and rings.
    case input
    /// Turns a second.
    case loops
}

extension WorkerSegment {
    func store(_ rate: LaneRate, lane: Int, _ value: Double) {
        let address = mapping.base + Self.ratesOffset + lane * Self.rateBytes + rate.rawValue * 8
        CLinux_store_relaxed64(
            address.assumingMemoryBound(to: UInt64.self),
            value.bitPattern
        )
    }
}
