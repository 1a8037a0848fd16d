internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where changes go before they go to all.
public struct CanaryRule: Hashable, Sendable {
    /// The NUMA node's number in the placement; nil: the first that forwards.
    public var node: Int?
    /// How long its worker must live with a change.
    public var windowMilliseconds: Int

    /// The time unless an operator says otherwise: twice that in which a lane is found to hang.
    public static let usualMilliseconds = 2000

    /// Makes a rule.
    public init(node: Int? = nil, windowMilliseconds: Int = CanaryRule.usualMilliseconds) {
        self.node = node
        self.windowMilliseconds = windowMilliseconds
    }

    /// The rule as a line of a file.
    var text: String { "\(node.map { "\($0)" } ?? "any") \(windowMilliseconds)\n" }

    /// Reads a file's line; nil: it is none.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let window = Int(words[1]), window > 0 else { return nil }
        let node = Int(words[0])
        guard node != nil || words[0] == "any" else { return nil }
        self.init(node: node, windowMilliseconds: window)
    }
}

/// Where changes go first, and what came of it.
public struct CanaryStatus: Sendable {
    /// Nil: changes go to all at once.
    public var rule: CanaryRule?
    /// The change that is with one worker now, and for how many milliseconds.
    public var pending: (change: String, milliseconds: Int)?
    /// The last changes that a worker did not survive, oldest first.
    public var poison: [PoisonChange] = []

    /// Changes go to all at once, and none was fatal.
    public init() {}
}

extension Supervisor {
    /// The changes that are remembered because a worker did not survive them.
    private static let poisonLimit = 16

    /// Kept beside the sockets, for the next supervisor: an operator who asked for care shall have it.
    private var canaryFile: String { runtime.path + "/canary" }

    /// Has changes go to one node first, or to all at once again; the next change does.
    ///
    /// - Parameter rule: where they go and for how long; nil: to all at once.
    /// - Throws: `ChangeError` if there is no such node, or the rule cannot be written down.
    public func setCanary(_ rule: CanaryRule?) async throws(ChangeError) {
        if let node = rule?.node, nodes[node] == nil { throw ChangeError("no node \(node)") }
        if let rule {
            do throws(Errno) { try SmallFile.write(canaryFile, rule.text) } catch {
                throw ChangeError("\(canaryFile): \(error)")
            }
        } else {
            SmallFile.remove(canaryFile)
        }
        canaryRule = rule
        let fields =
            rule.map {
                ["node": $0.node.map { "\($0)" } ?? "any", "window-ms": "\($0.windowMilliseconds)"]
            } ?? [:]
        log(.notice, rule == nil ? "canary-off" : "canary-on", fields)
    }

    /// Where changes go first, and which of them a worker did not survive.
    public func canaryStatus() async -> CanaryStatus {
        var status = CanaryStatus()
        status.rule = canaryRule
        status.pending = provedChange.map { ($0.change, Self.milliseconds(since: $0.since)) }
        status.poison = poisonChanges
        return status
    }

    /// Goes on as an operator told an earlier supervisor.
    func inheritCanary() {
        canaryRule = SmallFile.read(canaryFile).flatMap { CanaryRule($0) }
    }

    func removeCanaryFile() { SmallFile.remove(canaryFile) }

    /// Makes an operator's change.
    func commit(_ change: ConfigurationChange) async throws(ChangeError) -> UInt64 {
        defer { provedChange = nil }
        return try await journal.commit(.configuration(change))
    }

    /// Says where a change goes first; asked when its turn has come.
    func chooseCanary(for change: ConfigurationChange) -> CanaryChoice {
        provedChange = nil
        guard let rule = canaryRule, !isStopping else { return .off }
        let candidates = rule.node.map { [$0] } ?? order
        for number in candidates {
            guard let node = nodes[number], let worker = node.worker, let segment = node.segment,
                node.workerPhase == .up, node.recovery == nil
            else { continue }
            provedChange = (change.summary, .now)
            return .first(
                Canary(
                    process: worker,
                    segment: segment,
                    window: .milliseconds(rule.windowMilliseconds)
                )
            )
        }
        guard let node = rule.node else { return .off }
        return .refused(
            "changes go to node \(node) first, and it does not forward; name another with "
                + "`canary on node N`, or `canary off`"
        )
    }

    /// Takes note of a change that its first worker did not survive.
    ///
    /// - Returns: the words for who asked for it.
    func notePoison(_ name: ProcessName, _ number: UInt64, _ cause: String) -> ChangeError {
        let life = nodes[name.node]?.deadLives.last { $0.incarnation == name.incarnation }
        let kill = killReasons.reason(node: name.node, life: name.incarnation)
        // Why it was killed is known here, or was when its end was dealt with.
        let how = kill.map { "killed: \($0)" } ?? life.map(\.cause) ?? cause
        let poison = PoisonChange(
            number: number,
            change: provedChange?.change ?? "",
            numaNode: name.node,
            incarnation: name.incarnation,
            cause: how,
            unixSeconds: time(nil)
        )
        poisonChanges.append(poison)
        if poisonChanges.count > Self.poisonLimit { poisonChanges.removeFirst() }
        events.poison(number, name)
        log(
            .error,
            "poison-change",
            node: name.node,
            [
                "change": poison.change, "number": "\(number)",
                "incarnation": "\(name.incarnation)", "cause": how,
            ]
        )
        return ChangeError(
            "\(poison.change): taken back; node \(name.node)'s worker \(name.incarnation), which had "
                + "it first, ended: \(how)"
        )
    }
}
