import CausewayConfiguration
import ControlProtocol
import Glibc
import LinuxSystem
import Logging
import Routing
import Synchronization
import SystemPackage

@testable import Supervision

/// A journal without workers, on a file in a directory of its own, and a disk that can fail.
final class JournalFixture: Sendable {
    let directory: String
    let disk = FailingDisk()
    var file: String { directory + "/journal" }

    init() { directory = "/dev/shm/causeway-journal-\(getpid())-\(UInt64.random(in: 0 ..< .max))" }

    func remove() { SmallFile.removeTree(directory) }

    var bytes: [UInt8] { (try? DurableFile.open(file)?.read()) ?? [] }

    func write(_ bytes: [UInt8]) throws { try SmallFile.write(file, bytes: bytes) }

    /// Opens the journal as a supervisor does; `ports` are the placement's interfaces, from index 1.
    func open(ports: [String] = ["a", "b", "c"]) async throws -> OpenJournal {
        let (store, content) = try await openStore()
        disk.noteLength(of: file)
        let restored = await Restoration.restore(content, Self.placement(ports))
        var kept = JournalDisk(store: store)
        kept.settings = restored.settings
        kept.aside = restored.aside
        kept.isStarted = restored.isStarted
        let journal = Journal(
            model: ForwardingModel(),
            times: StepTimes(),
            logger: Logger(label: "journal") { _ in SwiftLogNoOpLogHandler() },
            onHung: { _, _ in }
        )
        await journal.keep(in: kept, model: restored.model, number: content.number)
        return OpenJournal(journal: journal, content: content, restored: restored)
    }

    /// A store whose journal has gone lets go of its lock when its last task has ended: that is waited for.
    private func openStore() async throws -> (JournalStore, JournalContent) {
        let disk = disk
        var attempt = 0
        while true {
            do throws(JournalError) {
                return try JournalStore.open(directory: directory) { descriptor throws(Errno) in
                    try disk.synchronize(descriptor)
                }
            } catch {
                guard case .held = error, attempt < 1000 else { throw error }
            }
            attempt += 1
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    struct OpenJournal {
        var journal: Journal
        var content: JournalContent
        var restored: Restoration
    }

    static func placement(_ ports: [String]) -> Placement {
        var placement = SupervisedMachine.placement(nodes: 1, restart: RestartPolicy())
        let model = placement.nodes[0].ports[0]
        placement.nodes[0].ports = ports.enumerated().map { index, name in
            var port = model
            port.name = name
            port.interfaceIndex = index + 1
            return port
        }
        return placement
    }
}

/// Knows what of a file is on the disk, and fails when it is told to.
final class FailingDisk: Sendable {
    private let state = Mutex((durableBytes: 0, failures: 0))

    /// Bytes of the file that a power cut leaves.
    var durableBytes: Int { state.withLock(\.durableBytes) }

    /// The next calls fail.
    func fail(times: Int) { state.withLock { $0.failures = times } }

    func noteLength(of path: String) {
        let length = (try? DurableFile.open(path)?.byteCount()) ?? 0
        state.withLock { $0.durableBytes = length }
    }

    func synchronize(_ descriptor: CInt) throws(Errno) {
        let fails = state.withLock { state in
            guard state.failures > 0 else {
                state.durableBytes = Int(lseek(descriptor, 0, SEEK_END))
                return false
            }
            state.failures -= 1
            return true
        }
        if fails { throw .ioError }
    }
}

/// What an operator has configured, kept as simply as possible.
struct PlainConfiguration: Hashable, CustomStringConvertible {
    var isUp: [String: Bool] = [:]
    var mtu: [String: Int] = [:]
    var addresses: [String: [InterfaceAddress]] = [:]
    var neighbours: [String: [IPv4Address: MACAddress]] = [:]
    var routes: [IPv4Prefix: Set<RoutePath>] = [:]
    var plugins: [String: String] = [:]

    var description: String {
        "up \(isUp) mtu \(mtu) addresses \(addresses.mapValues(\.count)) "
            + "neighbours \(neighbours.mapValues(\.count)) routes \(routes.count) plugins \(plugins)"
    }

    init() {}

    /// What is in a journal.
    init(_ model: ForwardingModel, _ settings: [String: InterfaceSettings]) {
        for record in model.interfaces {
            let name = record.name
            if let isUp = settings[name]?.isUp {
                self.isUp[name] = isUp
                precondition(isUp == record.isUp, "the model is not as the settings say")
            }
            if let bytes = settings[name]?.mtu {
                mtu[name] = bytes
                precondition(bytes == record.mtu, "the model is not as the settings say")
            }
            if !record.addresses.isEmpty { addresses[name] = record.addresses }
            let own = model.routing.neighbourList.filter {
                $0.interface == record.index && $0.isStatic
            }
            if !own.isEmpty {
                neighbours[name] = Dictionary(
                    uniqueKeysWithValues: own.map { ($0.address, $0.mac) }
                )
            }
        }
        for route in model.routing.staticRoutes {
            if case .paths(let paths) = route.target { routes[route.prefix] = Set(paths) }
        }
        for setting in model.pluginSettings { plugins[setting.key] = setting.value }
    }

    /// Takes a change that the journal has taken.
    mutating func apply(_ change: ConfigurationChange) {
        switch change {
        case .interfaceState(let name, let isUp): self.isUp[name] = isUp
        case .mtu(let name, let bytes): mtu[name] = bytes
        case .addAddress(let name, let address): addresses[name, default: []].append(address)
        case .removeAddress(let name, let address):
            addresses[name]?.removeAll { $0 == address }
            if addresses[name]?.isEmpty == true { addresses[name] = nil }
        case .neighbour(let name, let address, let mac):
            neighbours[name, default: [:]][address] = mac
        case .removeNeighbour(let name, let address):
            neighbours[name]?[address] = nil
            if neighbours[name]?.isEmpty == true { neighbours[name] = nil }
        case .addRoutes(let prefixes, .paths(let paths), let replace):
            for prefix in prefixes {
                routes[prefix] = replace ? Set(paths) : (routes[prefix] ?? []).union(paths)
            }
        case .removeRoutes(let prefixes, nil): for prefix in prefixes { routes[prefix] = nil }
        case .plugin(let settings): for setting in settings { plugins[setting.key] = setting.value }
        default: preconditionFailure("a change that these tests do not make")
        }
    }
}

/// Changes drawn at random, most of them possible.
struct RandomChanges {
    private var generator: SeededGenerator
    let ports: [String]

    init(seed: UInt64, ports: [String] = ["a", "b", "c"]) {
        generator = SeededGenerator(seed: seed)
        self.ports = ports
    }

    mutating func number(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

    mutating func next() -> ConfigurationChange {
        let index = number(ports.count)
        let port = ports[index]
        let host = IPv4Address(bits: 0x0A00_0000 | UInt32(index) << 16 | UInt32(number(20) + 2))
        switch number(10) {
        case 0: return .interfaceState(name: port, isUp: number(2) == 0)
        case 1: return .mtu(interface: port, bytes: 1400 + number(4))
        case 2, 3: return address(port, index, isAdded: number(3) > 0)
        case 4:
            return .neighbour(interface: port, host, MACAddress(bits: UInt64(number(9) + 2) << 1))
        case 5: return .removeNeighbour(interface: port, host)
        case 6: return .removeRoutes(prefixes(1 + number(2)), nil)
        case 7:
            let value = number(4) == 0 ? nil : "\(number(100))"
            return .plugin([PluginSetting(plugin: "p", key: "k\(number(5))", value: value)])
        default:
            let path = RoutePath(nextHop: host, interface: number(2) == 0 ? port : nil)
            return .addRoutes(prefixes(1 + number(40)), .paths([path]), replace: number(2) == 0)
        }
    }

    private mutating func address(
        _ port: String,
        _ index: Int,
        isAdded: Bool
    ) -> ConfigurationChange {
        let bits = 0x0A00_0000 | UInt32(index) << 16 | UInt32(number(4)) << 8 | 1
        let address = InterfaceAddress(address: bits, prefixLength: 24)
        return isAdded
            ? .addAddress(interface: port, address) : .removeAddress(interface: port, address)
    }

    private mutating func prefixes(_ count: Int) -> [IPv4Prefix] {
        let start = number(200)
        let length = [16, 24, 24, 32][number(4)]
        return (start..<start + count).map {
            IPv4Prefix(
                address: IPv4Address(bits: UInt32(20 << 24 | $0 << (32 - length))),
                length: length
            )
        }
    }
}
