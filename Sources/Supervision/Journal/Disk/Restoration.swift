internal import CausewayConfiguration
internal import ControlProtocol
internal import Routing

/// Brings a model to where the journal on disk ends.
///
/// Interfaces that the file names and the placement does not have stand in the model while changes are applied, so
/// that each is taken as it was when it was made; what is theirs is set aside at the end.
struct Restoration: Sendable {
    private(set) var model: ForwardingModel
    private(set) var settings: [String: InterfaceSettings] = [:]
    private(set) var aside: [JournalDisk.AsideRoutes] = []
    private(set) var isStarted = false
    /// Changes that could not be applied, and why.
    private(set) var complaints: [String] = []
    /// Interfaces that the placement does not have.
    private(set) var missing: [String] = []
    /// How many changes were applied.
    private(set) var count = 0

    private let placement: Placement
    /// What workers that run already have by index.
    private let used: UsedIndices
    /// What they know of the interfaces.
    private let found: [UInt16: InterfaceRecord]
    /// The change that is yet to be applied.
    private var held: JournalEvent?

    /// Applies what a file holds, as long as it takes.
    ///
    /// - Parameters:
    ///   - content: the file's.
    ///   - placement: which interfaces there are.
    ///   - survivors: workers that run already, which know what no operator has set.
    ///   - number: the change of this number, the last, is left for `applyHeld`; nil: all are applied.
    /// - Returns: the result; what could not be applied is among its complaints.
    @concurrent
    static func restore(
        _ content: JournalContent,
        _ placement: Placement,
        beside survivors: Survivors = Survivors(),
        holdingBack number: UInt64? = nil
    ) async -> Restoration {
        var restoration = Restoration(placement, survivors)
        var events = content.snapshot
        for entry in content.entries {
            if case .change = entry.event, entry.number == number {
                restoration.held = entry.event
            } else {
                events.append(entry.event)
            }
        }
        restoration.addInterfaces(named: events)
        for event in events { _ = restoration.apply(event) }
        if !restoration.missing.isEmpty { restoration.setAside() }
        for neighbour in survivors.neighbours {
            _ = try? restoration.model.apply(.learned(neighbour))
        }
        return restoration
    }

    /// Applies the change that was held back.
    ///
    /// - Returns: what it changes on a worker; if it cannot be applied, that which brings a worker back which took a
    ///   part of it.
    mutating func applyHeld() -> [ForwardingChange] {
        defer { held = nil }
        return held.map { apply($0) } ?? []
    }

    private init(_ placement: Placement, _ survivors: Survivors) {
        self.placement = placement
        used = survivors.used
        found = survivors.interfaces
        model = ForwardingModel(avoiding: used)
    }

    /// The interfaces of the placement, down and with nothing set, and those that are missing.
    private mutating func addInterfaces(named events: [JournalEvent]) {
        var names = Set<String>()
        for node in placement.nodes {
            for port in node.ports {
                names.insert(port.name)
                add(port.interfaceIndex, port.name, node: node.number, mtu: port.mtu)
            }
        }
        var index = Int(InterfaceRecord.maximumIndex)
        for case .change(let change) in events {
            for name in change.namedInterfaces where names.insert(name).inserted {
                missing.append(name)
                while index > 0, model.routing.interface(UInt16(index)) != nil { index -= 1 }
                if index > 0 { add(index, name, node: 0, mtu: 1500) }
            }
        }
    }

    private mutating func add(_ index: Int, _ name: String, node: Int, mtu: Int) {
        let known = found[UInt16(index)].flatMap { $0.name == name ? $0 : nil }
        let record = InterfaceRecord(
            index: UInt16(index),
            name: name,
            node: UInt8(node),
            mac: known?.mac ?? MACAddress(),
            mtu: known?.mtu ?? UInt16(clamping: mtu)
        )
        do throws(ChangeError) {
            _ = try model.apply(.interface(record))
        } catch { complaints.append("\(error)") }
    }

    private mutating func apply(_ event: JournalEvent) -> [ForwardingChange] {
        guard case .change(let change) = event else {
            if case .startupCommandsDone = event { isStarted = true }
            return []
        }
        var undo: [ModelUndo] = []
        var changes: [ForwardingChange] = []
        do throws(ChangeError) {
            for slice in ModelChange.configuration(change).slices() {
                let step = try model.apply(slice)
                undo.append(step.undo)
                changes += step.changes
            }
        } catch {
            for step in undo.reversed() { changes += (try? model.apply(step)) ?? [] }
            complaints.append("\(change.summary): \(error)")
            return changes
        }
        count += 1
        if let name = change.interface {
            settings[name, default: InterfaceSettings()].apply(change)
            if settings[name] == InterfaceSettings() { settings[name] = nil }
        }
        return changes
    }

    /// Builds the model anew without the interfaces that are missing.
    private mutating func setAside() {
        let whole = model
        let absent = Set(missing)
        model = ForwardingModel(avoiding: used)
        for record in whole.interfaces where !absent.contains(record.name) {
            add(Int(record.index), record.name, node: Int(record.node), mtu: Int(record.mtu))
        }
        var changes: [ConfigurationChange] = []
        for (name, settings) in settings.sorted(by: { $0.key < $1.key })
        where !absent.contains(name) { changes += settings.changes(of: name) }
        if !whole.pluginSettings.isEmpty { changes.append(.plugin(whole.pluginSettings)) }
        for group in whole.routing.staticRouteGroups {
            let (present, lost) = group.target.divided(without: absent)
            if let present {
                changes.append(.addRoutes(group.prefixes, present, replace: true))
            }
            if let lost {
                aside.append(JournalDisk.AsideRoutes(prefixes: group.prefixes, target: lost))
            }
        }
        for change in changes {
            for slice in ModelChange.configuration(change).slices() {
                do throws(ChangeError) {
                    _ = try model.apply(slice)
                } catch { complaints.append("\(change.summary): \(error)") }
            }
        }
        missing = missing.filter { name in
            settings[name] != nil || aside.contains { $0.target.names(name) }
        }
    }
}

extension RouteTarget {
    /// Whether a path names an interface.
    func names(_ interface: String) -> Bool {
        guard case .paths(let paths) = self else { return false }
        return paths.contains { $0.interface == interface }
    }

    /// The paths that do not name one of some interfaces, and those that do.
    fileprivate func divided(
        without interfaces: Set<String>
    ) -> (present: RouteTarget?, lost: RouteTarget?) {
        guard case .paths(let paths) = self else { return (self, nil) }
        let lost = paths.filter { $0.interface.map(interfaces.contains) ?? false }
        let present = paths.filter { !($0.interface.map(interfaces.contains) ?? false) }
        return (present.isEmpty ? nil : .paths(present), lost.isEmpty ? nil : .paths(lost))
    }
}

extension ConfigurationChange {
    /// What it is about, for the log.
    var summary: String {
        switch self {
        case .addRoutes(let prefixes, let target, _):
            "\(prefixes.count) routes from \(prefixes.first?.description ?? "none") \(target)"
        case .removeRoutes(let prefixes, _):
            "removal of \(prefixes.count) routes from \(prefixes.first?.description ?? "none")"
        case .plugin(let settings): "settings of plugin \(settings.first?.plugin ?? "")"
        case .addAddress(let name, let address), .removeAddress(let name, let address):
            "address \(IPv4Address(bits: address.address))/\(address.prefixLength) of \(name)"
        case .neighbour(let name, let address, _), .removeNeighbour(let name, let address):
            "neighbour \(address) of \(name)"
        default: "setting of \(interface ?? "an interface")"
        }
    }
}
