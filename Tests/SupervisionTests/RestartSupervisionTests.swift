import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Logging
import Testing

@testable import Supervision

@Suite struct RestartBudgetTests {
    private let policy = RestartPolicy(
        maximumRestarts: 4,
        windowSeconds: 60,
        backoffMilliseconds: 50,
        maximumBackoffMilliseconds: 150
    )

    @Test func theFirstRestartIsAtOnceAndLaterOnesWaitTwiceAsLongUpToALimit() {
        var budget = RestartBudget(policy: policy)
        let now = ContinuousClock.now
        let decisions = (0..<5).map { budget.decide(at: now + .seconds($0)) }
        let waits = [0, 50, 100, 150].map {
            RestartBudget.Decision.restart(after: .milliseconds($0))
        }
        #expect(decisions == waits + [.exhausted])
    }

    @Test func deathsBeforeTheWindowDoNotCount() {
        var budget = RestartBudget(policy: policy)
        let now = ContinuousClock.now
        for second in 0..<4 { _ = budget.decide(at: now + .seconds(second)) }
        #expect(budget.decide(at: now + .seconds(59)) == .exhausted)
        #expect(budget.decide(at: now + .seconds(120)) == .restart(after: .zero))
    }

    @Test func aPolicyOfNoRestartsAllowsNone() {
        var budget = RestartBudget(policy: RestartPolicy(maximumRestarts: 0))
        #expect(budget.decide(at: .now) == .exhausted)
    }

    @Test func longBackoffsDoNotOverflow() {
        var budget = RestartBudget(
            policy: RestartPolicy(
                maximumRestarts: 200,
                backoffMilliseconds: 1000,
                maximumBackoffMilliseconds: 5000
            )
        )
        let now = ContinuousClock.now
        let decisions = (0..<200).map { _ in budget.decide(at: now) }
        #expect(decisions.last == .restart(after: .seconds(5)))
    }
}

@Suite struct SupervisionLogTests {
    @Test func writesOneEventALineWithTheNodeFirstAndAwkwardValuesQuoted() {
        let store = LogStore(toStandardError: false)
        var logger = Logger(label: "supervisor") {
            KeyValueLogHandler(component: $0, level: .info, store: store)
        }
        logger[metadataKey: "node"] = "1"
        logger.warning(
            "worker-died",
            metadata: ["cause": "signal 9", "a": "say \"x\"\n", "empty": "", "n": "5"]
        )
        logger.debug("unheard")
        #expect(store.lines.count == 1)
        let words = store.lines[0].split(separator: " ", maxSplits: 1)
        #expect(words[0].count == "2026-11-23T04:37:57.123Z".count && words[0].hasSuffix("Z"))
        #expect(
            words[1] == #"warning supervisor worker-died node=1 a="say \"x\"\n" "#
                + #"cause="signal 9" empty="" n=5"#
        )
    }

    @Test func keepsTheLastThousandLines() {
        let store = LogStore(toStandardError: false)
        for number in 0..<2345 { store.append("\(number)") }
        #expect(store.lines == (1345..<2345).map { "\($0)" })
    }

    @Test func alsoWritesAFile() throws {
        let path = "/dev/shm/causeway-log-\(getpid())"
        defer { SmallFile.remove(path) }
        let store = LogStore(toStandardError: false)
        try store.open(path: path)
        store.append("one")
        store.append("two")
        #expect(SmallFile.read(path) == "one\ntwo\n")
        #expect(throws: SupervisionError.self) { try store.open(path: "/nonexistent/log") }
    }

    @Test(arguments: [false, true])
    func tellsSystemdThroughItsSocket(isAbstract: Bool) throws {
        let name = "\(isAbstract ? "@" : "/dev/shm/")causeway-notify-\(getpid())"
        defer { SmallFile.remove(name) }
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(2 + bytes.count))
            }
        }
        #expect(result == 0)
        #expect(ServiceNotification.send("READY=1", to: name))
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(socket, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        #expect(String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self) == "READY=1")
        #expect(!ServiceNotification.send("READY=1", to: "/nonexistent/socket"))
    }
}

@Suite struct CounterSupervisionTests {
    @Test func clearedCountersAreTakenOffAndOthersAreNot() throws {
        let path = "/dev/shm/causeway-segment-\(getpid())"
        defer { SmallFile.remove(path) }
        let segment = try WorkerSegment.create(path: path, node: 0, incarnation: 1, lanes: 2)
        segment.lane(1).node(3)[LaneBlock.NodeWord.vectors.rawValue] = 100
        segment.lane(1).node(3)[LaneBlock.NodeWord.maximumClocks.rawValue] = 7
        segment.lane(1).errors[5] = 9
        segment.lane(0).interface(2)[LaneBlock.InterfaceWord.txBytes.rawValue] = 1500
        segment.lane(0).peer(4)[LaneBlock.PeerWord.fullDrops.rawValue] = 3
        segment.lane(0).pointer(.loops).pointee = 11
        var baseline = CounterBaseline()
        #expect(baseline.error(5, lane: 1) == 0)
        baseline.take(.errors, from: segment)
        #expect(baseline.error(5, lane: 1) == 9)
        #expect(baseline.node(3, .vectors, lane: 1) == 0)
        for counters in [ClearedCounters.runtime, .interfaces, .handoff] {
            baseline.take(counters, from: segment)
        }
        #expect(baseline.node(3, .vectors, lane: 1) == 100)
        #expect(baseline.node(3, .maximumClocks, lane: 1) == 0)
        #expect(baseline.interface(2, .txBytes, lane: 0) == 1500)
        #expect(baseline.peer(4, .fullDrops, lane: 0) == 3)
        #expect(baseline.word(.loops, lane: 0) == 11)
        #expect(baseline.word(.loops, lane: 7) == 0)
    }
}
