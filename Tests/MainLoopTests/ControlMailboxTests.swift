import Coordination
import Foundation
import MainLoop
import Testing

@Suite struct ControlMailboxTests {
    private func block() -> LaneBlock {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: LaneBlock.byteCount,
            alignment: 4096
        )
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: LaneBlock.byteCount)
        return LaneBlock(plainMemory: memory)
    }

    @Test func aFullMailboxRefusesAndCounts() {
        let block = block()
        let mailbox = ControlMailbox(block: block)
        for number in 0..<ControlMailbox.capacity + 5 {
            let isPut = mailbox.put(ControlCall(.modeSwitch, UInt64(number)))
            #expect(isPut == (number < ControlMailbox.capacity))
        }
        #expect(block.load(.controlCalls) == UInt64(ControlMailbox.capacity))
        #expect(block.load(.controlCallsRefused) == 5)
        for number in 0..<ControlMailbox.capacity {
            #expect(mailbox.take() == ControlCall(.modeSwitch, UInt64(number)))
        }
        #expect(mailbox.take() == nil && mailbox.isEmpty)
    }

    @Test func everyCallThatWasTakenInArrivesOnceAndInOrder() {
        let block = block()
        let mailbox = ControlMailbox(block: block)
        let wanted: UInt64 = 200_000
        let lane = Thread {
            var number: UInt64 = 0
            while number < wanted {
                if mailbox.put(ControlCall(.neighbour, number, ~number)) {
                    number += 1
                } else {
                    sched_yield()
                }
            }
        }
        lane.start()
        var next: UInt64 = 0
        var wrong = 0
        while next < wanted {
            guard let call = mailbox.take() else {
                sched_yield()
                continue
            }
            wrong += call == ControlCall(.neighbour, next, ~next) ? 0 : 1
            next += 1
        }
        #expect(wrong == 0)
        #expect(block.load(.controlCalls) == wanted)
        #expect(mailbox.isEmpty)
    }
}
