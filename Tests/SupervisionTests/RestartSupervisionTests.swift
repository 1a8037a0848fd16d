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

/// A policy that drops nothing.
let everything: LogPolicy = {
    var policy = LogPolicy(level: .trace)
    policy.rateLimit = .max
    return policy
}()

@Suite struct SupervisionLogTests {
    @Test func writesOneEventALineWithTheNodeFirstAndAwkwardValuesQuoted() {
        let store = LogStore(toStandardError: false, policy: LogPolicy(level: .info))
        var logger = Logger(label: "supervisor") {
            KeyValueLogHandler(component: $0, store: store)
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

    @Test func keepsTheLastLines() {
        let store = LogStore(toStandardError: false, capacity: 100, policy: everything)
        for number in 0..<345 { store.append("\(number)", class: "supervisor", level: .info) }
        #expect(store.lines == (245..<345).map { "\($0)" })
        store.resize(to: 10)
        #expect(store.lines == (335..<345).map { "\($0)" })
        store.append("last", class: "supervisor", level: .info)
        #expect(store.lines.count == 10 && store.lines.last == "last")
        store.resize(to: 20)
        store.append("more", class: "supervisor", level: .info)
        #expect(store.lines.count == 11)
        store.clear()
        #expect(store.lines.isEmpty)
    }

    @Test func alsoWritesAFile() throws {
        let path = "/dev/shm/causeway-log-\(getpid())"
        defer { SmallFile.remove(path) }
        let store = LogStore(toStandardError: false)
        try store.open(path: path)
        store.append("one", class: "supervisor", level: .info)
        store.append("two", class: "supervisor", level: .info)
        #expect(SmallFile.read(path) == "one\ntwo\n")
        #expect(throws: SupervisionError.self) { try store.open(path: "/nonexistent/log") }
    }

    @Test func throttlesAClassThatLogsTooMuch() {
        var policy = LogPolicy()
        policy.set("control") { $0.rateLimit = 3 }
        let verdicts = (0..<5).map { policy.judge("control", at: 1000 + $0) }
        #expect(verdicts == [.logged, .logged, .logged, .throttles, .dropped])
        #expect(policy.judge("supervisor", at: 1005) == .logged)
        // Three seconds after it was throttled, not after its last message.
        #expect(policy.judge("control", at: 4002) == .dropped)
        #expect(policy.judge("control", at: 4003) == .logged)
        #expect(policy.dropped(of: "control") == 3)
        // A second has a count of its own.
        #expect((0..<9).allSatisfy { policy.judge("control", at: 10_000 + $0 * 400) == .logged })
    }

    @Test func takesALevelForEachClass() {
        let store = LogStore(toStandardError: false, policy: LogPolicy(level: .notice))
        let loud = Logger(label: "control") { KeyValueLogHandler(component: $0, store: store) }
        let quiet = Logger(label: "causeway") { KeyValueLogHandler(component: $0, store: store) }
        loud.info("one")
        store.setPolicy { policy in policy.set("control") { $0.level = .debug } }
        loud.debug("two")
        quiet.info("three")
        quiet.notice("four")
        #expect(store.lines.map { $0.hasSuffix("two") || $0.hasSuffix("four") } == [true, true])
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
