internal import CLinux
public import CPlugin
internal import PacketBuffers
internal import PluginInterface

/// Lets packets into an interface, or not, by addresses, protocol and ports.
final class AccessListFeature: Plugin {
    static let name = "access-list"
    static let version = "1.0"
    static let summary = "Permits or denies received IPv4 packets by their 5-tuple"

    static let nodes = [
        PluginNode(
            "access-list-input",
            exits: ["next", "error-drop"],
            reasons: ["denied by an access list", "no rule of the access list matches"],
            arc: "ip4-unicast",
            process: { state, frame in
                AccessListFeature.process(state, PluginFrame(frame))
            }
        )
    ]

    static let commands = [
        PluginCommand(
            "access-list add",
            "LIST [NUMBER] {permit | deny} [proto P] [src PREFIX] [dst PREFIX] [sport A[-B]] [dport A[-B]]",
            changes: true,
            "Adds a rule, or replaces the one of that number."
        ),
        PluginCommand(
            "access-list delete",
            "LIST [NUMBER]",
            changes: true,
            "Takes a rule out, or the whole list."
        ),
        PluginCommand(
            "set interface access-list",
            "INTERFACE {LIST | none}",
            changes: true,
            "Judges the packets that an interface receives by a list."
        ),
        PluginCommand(
            "show access-list",
            "[LIST]",
            changes: false,
            "Shows rules with the packets and bytes that they matched."
        ),
        PluginCommand("clear access-list", changes: false, "Counts from zero again."),
    ]

    private let host: Host
    private var wanted = AccessLists()
    private var inForce = AccessLists()
    /// The rules of the program in force, by list and number, in its order.
    private var order: [(list: String, number: Int)] = []
    private var program: AccessProgram?
    /// The program's address for lanes, on a cache line of its own; 0: none.
    private let published: UnsafeMutablePointer<UInt64>
    /// What former programs counted: packets and bytes by list and number.
    private var totals: [String: (packets: UInt64, bytes: UInt64)] = [:]
    /// Rules of all lists together; `configure { rules N }`.
    private var limit = 4096

    init(host: Host) throws(PluginError) {
        self.host = host
        guard let line = host.allocate(byteCount: 64) else {
            throw PluginError("the worker's heap is full")
        }
        published = line.bindMemory(to: UInt64.self, capacity: 8)
    }

    func configure(_ words: [String]) throws(PluginError) {
        guard words.count == 2, words[0] == "rules", let count = Int(words[1]),
            1...1_000_000 ~= count
        else {
            throw PluginError(
                "access-list takes `rules N`, 1 to 1000000, not \"\(words.joined(separator: " "))\""
            )
        }
        limit = count
    }

    // MARK: Packets

    /// A lane's state.
    private struct LaneState {
        let published: UnsafeMutablePointer<UInt64>
        let lanes: Int
        let lane: Int
    }

    func makeState(node: String, lane: Int) -> UnsafeMutableRawPointer? {
        let state = UnsafeMutablePointer<LaneState>.allocate(capacity: 1)
        state.initialize(to: LaneState(published: published, lanes: host.lanes, lane: lane))
        return UnsafeMutableRawPointer(state)
    }

    private static func process(_ state: UnsafeMutableRawPointer?, _ frame: PluginFrame) {
        guard let state = state?.assumingMemoryBound(to: LaneState.self) else { return }
        let address = CLinux_load_acquire64(state.pointee.published)
        guard let header = UnsafePointer<Header>(bitPattern: UInt(address)) else {
            return frame.route { _ in 0 }
        }
        let program = header.pointee.program
        let counters = program.counters(lane: state.pointee.lane)
        frame.route { mbuf in
            switch program.judge(mbuf, counters) {
            case .permitted: return 0
            case .denied:
                frame.mark(mbuf, reason: 0)
                return 1
            case .unmatched:
                frame.mark(mbuf, reason: 1)
                return 1
            }
        }
    }

    /// What `published` points to.
    private struct Header {
        var program: AccessProgram
    }

    private static let headerBytes = 64

    // MARK: Settings

    func set(_ key: String, _ value: String?) throws(PluginError) {
        do throws(AccessListError) { try wanted.set(key, value) } catch {
            throw PluginError(error.description)
        }
    }

    func commit() throws(PluginError) {
        guard wanted != inForce else { return }
        let names = wanted.lists.keys.sorted()
        let numbered = names.flatMap { list in
            wanted.rules(of: list).map { (list: list, number: $0.number, rule: $0.rule) }
        }
        guard numbered.count <= limit else {
            throw PluginError(
                "\(numbered.count) rules, at most \(limit): raise `configure { rules N }`"
            )
        }
        let bytes =
            Self.headerBytes
            + AccessProgram.byteCount(rules: numbered.count, lanes: host.lanes)
        guard let memory = host.allocate(byteCount: bytes) else {
            throw PluginError(
                "the worker's heap has no room for \(numbered.count) rules: raise `heap`"
            )
        }
        let next = AccessProgram(
            at: memory + Self.headerBytes,
            rules: numbered.map(\.rule),
            lanes: host.lanes
        )
        for (interface, list) in wanted.bindings {
            guard let index = host.interfaceIndex(interface) else { continue }
            let start = numbered.firstIndex { $0.list == list } ?? 0
            let count = numbered.count { $0.list == list }
            next.ranges[Int(index)] = AccessProgram.Range(start: Int32(start), count: Int32(count))
        }
        memory.bindMemory(to: Header.self, capacity: 1).initialize(to: Header(program: next))
        replaceProgram(with: next, at: memory)
        order = numbered.map { ($0.list, $0.number) }
        setFeatures()
        inForce = wanted
    }

    private func replaceProgram(with next: AccessProgram, at memory: UnsafeMutableRawPointer) {
        CLinux_store_release64(published, UInt64(UInt(bitPattern: memory)))
        let old = program
        program = next
        guard let old else { return }
        host.waitForLanes()
        for (index, place) in order.enumerated() {
            let count = Self.count(of: index, in: old)
            let key = "\(place.list) \(place.number)"
            let before = totals[key] ?? (0, 0)
            // A rule that has changed counts from zero.
            let isSame =
                inForce.lists[place.list]?[place.number] == wanted.lists[place.list]?[place.number]
            totals[key] =
                isSame ? (before.packets &+ count.packets, before.bytes &+ count.bytes) : nil
        }
        host.deallocate(
            old.base - Self.headerBytes,
            byteCount: Self.headerBytes
                + AccessProgram.byteCount(rules: old.ruleCount, lanes: old.lanes)
        )
    }

    private func setFeatures() {
        let interfaces = Set(wanted.bindings.keys).union(inForce.bindings.keys)
        for name in interfaces {
            guard let index = host.interfaceIndex(name) else { continue }
            let isBound = wanted.bindings[name] != nil
            _ = host.setFeature("access-list-input", on: index, isBound)
        }
    }

    private static func count(
        of index: Int,
        in program: AccessProgram
    ) -> (packets: UInt64, bytes: UInt64) {
        var sum: (packets: UInt64, bytes: UInt64) = (0, 0)
        for lane in 0..<program.lanes {
            let counters = program.counters(lane: lane)
            sum.packets &+= counters[index * 2]
            sum.bytes &+= counters[index * 2 + 1]
        }
        return sum
    }

    // MARK: Commands

    func run(_ words: [String], _ answer: Answer) throws(PluginError) {
        do throws(AccessListError) {
            switch words.prefix(2) {
            case ["access-list", "add"]: give(try inForce.add(Array(words.dropFirst(2))), answer)
            case ["access-list", "delete"]:
                give(try inForce.delete(Array(words.dropFirst(2))), answer)
            case ["set", "interface"]:
                let changes = try inForce.bind(Array(words.dropFirst(3))) {
                    host.interfaceIndex($0) != nil
                }
                give(changes, answer)
            case ["show", "access-list"]: try show(Array(words.dropFirst(2)), answer)
            case ["clear", "access-list"]: clear()
            default: throw AccessListError("unknown command \(words.joined(separator: " "))")
            }
        } catch { throw PluginError(error.description) }
    }

    private func give(_ changes: [AccessLists.Change], _ answer: Answer) {
        for change in changes { answer.set(change.key, change.value) }
    }

    private func clear() {
        for (index, place) in order.enumerated() {
            guard let program else { return }
            let count = Self.count(of: index, in: program)
            // Lanes go on counting: what they have so far is taken off.
            totals["\(place.list) \(place.number)"] = (0 &- count.packets, 0 &- count.bytes)
        }
    }

    private func show(_ words: [String], _ answer: Answer) throws(AccessListError) {
        if let name = words.first, inForce.lists[name] == nil {
            throw AccessListError("there is no access list \(name)")
        }
        for list in inForce.lists.keys.sorted() where words.isEmpty || words[0] == list {
            let users = inForce.bindings.filter { $0.value == list }.keys.sorted()
            let place = users.isEmpty ? "on no interface" : "on \(users.joined(separator: ", "))"
            answer.say("access list \(list) \(place)\n")
            for (number, rule) in inForce.rules(of: list) {
                let count = total(list, number)
                answer.say("  \(number) \(rule): \(count.packets) packets, \(count.bytes) bytes\n")
            }
        }
    }

    private func total(_ list: String, _ number: Int) -> (packets: UInt64, bytes: UInt64) {
        let former = totals["\(list) \(number)"] ?? (0, 0)
        guard let program,
            let index = order.firstIndex(where: { $0.list == list && $0.number == number })
        else { return former }
        let now = Self.count(of: index, in: program)
        return (former.packets &+ now.packets, former.bytes &+ now.bytes)
    }
}

/// What the worker looks for in this shared object.
@_cdecl("cw_plugin_registration")
public func registration() -> UnsafePointer<cw_plugin> {
    PluginRegistration.make(AccessListFeature.self)
}
