import CBench
import CLinux
import Coordination
import MainLoop
import PacketBuffers
import PacketGraph
import PacketNodes

/// Times a body and the C loop's, batch by batch.
class LoopSubject: Subject {
    let unit: String
    let parts: [String] = []
    var checksum: UInt64 { 0 }
    private let operations: Int

    /// Makes a subject whose batch is so many of its units.
    init(unit: String, operations: Int) {
        self.unit = unit
        self.operations = operations
    }

    func work() {}
    func reference() {}

    final func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        measure(batches, values) { work() }
    }

    final func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        measure(batches, values) { reference() }
    }

    private func measure(
        _ batches: Int,
        _ values: UnsafeMutablePointer<Double>,
        _ body: () -> Void
    ) {
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            body()
            let clocks = Double(timestamp() &- start)
            values[batch] = contextSwitches() == switches ? clocks / Double(operations) : .nan
        }
    }
}

/// A timer's life: started and stopped, or started and expired.
final class TimerLife: LoopSubject {
    private let wheel: TimingWheel
    private let plain: OpaquePointer
    private let expires: Bool
    private let ids: UnsafeMutablePointer<TimerID?>
    private let places: UnsafeMutablePointer<Int32>
    private var time: UInt64 = 0
    private var plainTime: UInt64 = 0
    private var sum: UInt64 = 0
    private static let count = 512

    override var checksum: UInt64 { sum &+ CBench_wheel_expired(plain) }

    /// Makes both wheels.
    ///
    /// - Parameter expires: whether timers expire rather than being stopped.
    /// - Throws: when there is no memory.
    init(expires: Bool) throws {
        guard let plain = CBench_wheel_make(1024) else { throw BenchError("no memory") }
        self.plain = plain
        self.expires = expires
        wheel = TimingWheel(capacity: 1024, now: 0)
        ids = .allocate(capacity: Self.count)
        ids.initialize(repeating: nil, count: Self.count)
        places = .allocate(capacity: Self.count)
        super.init(unit: "clocks/timer", operations: Self.count)
    }

    deinit {
        wheel.deallocate()
        CBench_wheel_free(plain)
        ids.deallocate()
        places.deallocate()
    }

    /// Spread over the finest wheel, and for timers that are stopped over the others too.
    private func ticks(_ index: Int) -> UInt64 {
        let ticks = UInt64(truncatingIfNeeded: index &* 37 % 500 &+ 1)
        return expires ? ticks : ticks << UInt64(truncatingIfNeeded: index % 3 &* 10)
    }

    override func work() {
        for index in 0..<Self.count {
            let handle = TimerHandle(.node, UInt32(truncatingIfNeeded: index))
            ids[index] = wheel.start(handle, after: ticks(index), at: time)
        }
        if expires {
            time &+= 512
            wheel.expire(upTo: time) { sum &+= UInt64($0.index) }
        } else {
            for index in 0..<Self.count { if let id = ids[index] { wheel.stop(id) } }
        }
    }

    override func reference() {
        for index in 0..<Self.count {
            places[index] = CBench_wheel_start(
                plain,
                UInt32(truncatingIfNeeded: index),
                ticks(index)
            )
        }
        if expires {
            plainTime &+= 512
            CBench_wheel_expire(plain, plainTime)
        } else {
            for index in 0..<Self.count { CBench_wheel_stop(plain, places[index]) }
        }
    }
}

/// An interrupt of a graph node: set, found, and the node called, which does nothing.
final class InterruptLife: LoopSubject {
    private struct SilentInput: InputNode {
        typealias Next = NoExit
        static let name = "silent-input"
        let calls: UnsafeMutablePointer<UInt64>

        mutating func poll(_ output: Output<NoExit>) -> Int {
            calls.pointee &+= 1
            return 0
        }
    }

    private struct EndNode: Node {
        typealias Next = NoExit
        static let name = "error-drop"

        mutating func process(_ frame: borrowing Frame<Next>) {}
    }

    private let graph: LaneGraph
    private let signals: LaneSignals
    private let words: UnsafeMutablePointer<UInt64>
    private let table: UnsafeMutablePointer<@convention(c) (UnsafeMutableRawPointer) -> Void>
    private let calls: UnsafeMutablePointer<UInt64>
    private static let count = 256

    override var checksum: UInt64 { calls.pointee }

    init(pool: MbufPool) throws {
        let line = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
        line.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
        signals = LaneSignals(line)
        words = (line + 64).bindMemory(to: UInt64.self, capacity: 8)
        calls = .allocate(capacity: 1)
        calls.initialize(to: 0)
        table = .allocate(capacity: 256)
        table.initialize(repeating: CBench_counting(), count: 256)
        var builder = GraphBuilder()
        try builder.add(EndNode())
        try builder.addInput(SilentInput(calls: calls))
        graph = try builder.build(block: makeLaneBlock(), pool: pool)
        graph.setMode(of: 1, .interrupt)
        super.init(unit: "clocks/interrupt", operations: Self.count)
    }

    override func work() {
        for turn in 0..<Self.count {
            signals.setInterrupt(1)
            _ = graph.takeInterrupts(signals, turn: UInt64(truncatingIfNeeded: turn))
        }
    }

    override func reference() {
        for _ in 0..<Self.count { CBench_interrupt(words, 1, table, calls) }
    }
}

/// A call of a lane to its control lane: put and taken by one thread.
final class CallLife: LoopSubject {
    private let mailbox: ControlMailbox
    private let plain: OpaquePointer
    private var sum: UInt64 = 0
    private static let count = 512

    override var checksum: UInt64 { sum }

    init() throws {
        guard let plain = CBench_mailbox_make() else { throw BenchError("no memory") }
        self.plain = plain
        let line = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        line.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
        mailbox = ControlMailbox(
            waker: LaneWaker(signals: LaneSignals(line), descriptor: -1),
            block: makeLaneBlock()
        )
        super.init(unit: "clocks/call", operations: Self.count)
    }

    deinit { CBench_mailbox_free(plain) }

    override func work() {
        for number in 0..<UInt64(Self.count) {
            _ = mailbox.put(ControlCall(.neighbour, number, 2, 3))
        }
        while let call = mailbox.take() { sum &+= call.first }
    }

    override func reference() {
        var call: (UInt64, UInt64, UInt64, UInt64) = (1, 0, 2, 3)
        withUnsafeMutableBytes(of: &call) { bytes in
            guard let words = bytes.bindMemory(to: UInt64.self).baseAddress else { return }
            for number in 0..<UInt64(Self.count) {
                words[1] = number
                _ = CBench_mailbox_put(plain, words)
            }
            while CBench_mailbox_take(plain, words) == 0 { sum &+= words[1] }
        }
    }
}
