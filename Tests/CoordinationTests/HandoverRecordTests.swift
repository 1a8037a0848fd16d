import Coordination
import Foundation
import Testing

/// Who may do what in a planned restart, and who learns of it.
@Suite struct HandoverRecordTests {
    private func withRecord(_ body: (HandoverRecord, HandoverRecord) throws -> Void) throws {
        let path = "/dev/shm/causeway-record-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        defer { unlink(path) }
        let record = try HandoverRecord.create(path: path, lanes: 1)
        try body(record, try HandoverRecord.open(path: path))
    }

    @Test func aRestartThatWasGivenUpDoesNotBegin() throws {
        try withRecord { ours, theirs in
            #expect(ours.abandon())
            #expect(!theirs.begin())
            #expect(theirs.stage == .abandoned)
            // Twice is once.
            #expect(ours.abandon())
            #expect(!theirs.waitUntilHanded(microseconds: 60_000_000))
        }
    }

    @Test func aRestartThatHasBegunIsNotGivenUp() throws {
        try withRecord { ours, theirs in
            #expect(theirs.begin())
            #expect(!theirs.begin())
            #expect(!ours.abandon())
            #expect(ours.stage == .begun)
            theirs.enter(.handed)
            #expect(!ours.abandon(isOldDead: true))
            #expect(ours.waitUntilHanded(microseconds: 0))
        }
    }

    @Test func whatCannotBeDoneIsNeitherHandedNorUntouched() throws {
        try withRecord { ours, theirs in
            theirs.fail()
            #expect(ours.stage == .open)
            #expect(theirs.begin())
            theirs.fail()
            #expect(!ours.waitUntilHanded(microseconds: 60_000_000))
            #expect(!ours.abandon(isOldDead: true))
        }
    }

    @Test func whatADeadOneBeganIsGivenUp() throws {
        try withRecord { ours, theirs in
            #expect(theirs.begin())
            #expect(ours.abandon(isOldDead: true))
            #expect(!theirs.waitUntilHanded(microseconds: 60_000_000))
        }
    }

    @Test func aWaitIsOverWhenTheOtherGivesUp() async throws {
        let path = "/dev/shm/causeway-record-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        defer { unlink(path) }
        let record = try HandoverRecord.create(path: path, lanes: 1)
        let theirs = try HandoverRecord.open(path: path)
        #expect(theirs.begin())
        // Far beyond the test's own limit, if nobody wakes it.
        async let isHanded = Task.detached { theirs.waitUntilHanded(microseconds: 600_000_000) }
            .value
        try await Task.sleep(for: .milliseconds(20))
        #expect(record.abandon(isOldDead: true))
        #expect(await isHanded == false)
    }

    @Test func aWaitEndsWithoutAnybody() throws {
        try withRecord { _, theirs in
            #expect(!theirs.waitUntilHanded(microseconds: 1000))
            #expect(theirs.stage == .open)
        }
    }
}
