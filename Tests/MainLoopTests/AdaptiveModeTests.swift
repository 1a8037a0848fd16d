import Coordination
import MainLoop
import Testing

/// A row of the rule's table: calls of a node, and its state after each.
struct AdaptiveCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var start: LaneNodeState
    var isAdaptive = true
    var thresholds = AdaptiveMode.Thresholds()
    /// The turn of each call, and the packets that it handled.
    var calls: [(turn: UInt64, packets: Int)]
    var states: [LaneNodeState]
}

@Suite struct AdaptiveModeTests {
    static let cases: [AdaptiveCase] = [
        AdaptiveCase(
            testDescription: "ten packets in the block before make it polled",
            start: .interrupt,
            calls: [(5, 10), (128, 0)],
            states: [.interrupt, .polling]
        ),
        AdaptiveCase(
            testDescription: "nine do not",
            start: .interrupt,
            calls: [(5, 9), (128, 100)],
            states: [.interrupt, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "they may come in several calls",
            start: .interrupt,
            calls: [(1, 3), (64, 3), (127, 4), (200, 1)],
            states: [.interrupt, .interrupt, .interrupt, .polling]
        ),
        AdaptiveCase(
            testDescription: "a burst in the present block counts in the next",
            start: .interrupt,
            calls: [(130, 256), (255, 256), (256, 0)],
            states: [.interrupt, .interrupt, .polling]
        ),
        AdaptiveCase(
            testDescription: "a block without a call has no packets",
            start: .interrupt,
            calls: [(5, 100), (256, 1)],
            states: [.interrupt, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "five packets in the block before: one more poll, then interrupts",
            start: .polling,
            calls: [(127, 100), (128, 5), (256, 0), (257, 0)],
            states: [.polling, .polling, .polling, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "six keep it polled",
            start: .polling,
            calls: [(127, 100), (128, 6), (256, 0), (257, 0), (300, 0)],
            states: [.polling, .polling, .polling, .polling, .polling]
        ),
        AdaptiveCase(
            testDescription: "six before the block keep it polled for all of it",
            start: .polling,
            calls: [(127, 6), (128, 0), (129, 0), (255, 0), (256, 0), (257, 0)],
            states: [.polling, .polling, .polling, .polling, .polling, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "what the last poll brings comes too late",
            start: .polling,
            calls: [(127, 0), (128, 7), (256, 0), (257, 0)],
            states: [.polling, .interrupt, .interrupt, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "the flag of a poll that was not the last is taken back",
            start: .polling,
            calls: [(100, 6), (128, 0), (256, 6), (384, 0), (512, 0), (513, 0)],
            states: [.polling, .polling, .polling, .polling, .polling, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "it goes there and back",
            start: .interrupt,
            calls: [(1, 10), (128, 0), (256, 0), (257, 0), (258, 12), (384, 0)],
            states: [.interrupt, .polling, .polling, .interrupt, .interrupt, .polling]
        ),
        AdaptiveCase(
            testDescription: "other thresholds",
            start: .interrupt,
            thresholds: AdaptiveMode.Thresholds(polling: 2, interrupt: 0),
            calls: [(1, 2), (128, 1), (256, 1), (384, 0), (512, 0), (513, 0)],
            states: [.interrupt, .polling, .polling, .polling, .polling, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "what is not adaptive stays polled",
            start: .polling,
            isAdaptive: false,
            calls: [(1, 0), (128, 0), (256, 0)],
            states: [.polling, .polling, .polling]
        ),
        AdaptiveCase(
            testDescription: "what is not adaptive stays by interrupt",
            start: .interrupt,
            isAdaptive: false,
            calls: [(1, 1000), (128, 1000), (256, 0)],
            states: [.interrupt, .interrupt, .interrupt]
        ),
        AdaptiveCase(
            testDescription: "what is disabled stays so",
            start: .disabled,
            calls: [(1, 1000), (128, 1000), (129, 0)],
            states: [.disabled, .disabled, .disabled]
        ),
    ]

    @Test(arguments: cases)
    func switchesByTheTable(row: AdaptiveCase) {
        var mode = AdaptiveMode(state: row.start, isAdaptive: row.isAdaptive)
        var states: [LaneNodeState] = []
        var switches: UInt64 = 0
        for call in row.calls {
            let before = mode.state
            let isSwitched = mode.note(
                packets: call.packets,
                turn: call.turn,
                row.thresholds
            )
            #expect(isSwitched == (mode.state != before))
            switches += isSwitched ? 1 : 0
            states.append(mode.state)
        }
        #expect(states == row.states)
        #expect(mode.switches == switches)
    }
}
