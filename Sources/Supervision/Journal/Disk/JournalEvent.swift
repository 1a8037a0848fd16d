internal import ControlProtocol
internal import Routing

/// What a record of the journal on disk says.
enum JournalEvent: Sendable {
    /// What an operator asked for, and every worker has.
    case change(ConfigurationChange)
    /// The startup commands of a file have been run to their end.
    case startupCommandsDone(file: String)
    /// The supervisor ended in order: what came before is whole.
    case closed

    fileprivate enum Tag: UInt8 {
        case interfaceState = 1
        case addAddress, removeAddress, mtu, mac, promiscuous, handoff, rxMode
        case addRoutes, removeRoutes, neighbour, removeNeighbour, plugin
        case startupCommandsDone = 64
        case closed
    }

    /// The event as it lies in a record.
    func encoded() -> [UInt8] {
        var writer = WireWriter()
        switch self {
        case .startupCommandsDone(let file):
            writer.put(Tag.startupCommandsDone.rawValue)
            writer.put(file)
        case .closed: writer.put(Tag.closed.rawValue)
        case .change(let change): Self.encode(change, to: &writer)
        }
        return writer.bytes
    }

    private static func encode(_ change: ConfigurationChange, to writer: inout WireWriter) {
        switch change {
        case .addRoutes(let prefixes, let target, let replace):
            writer.put(Tag.addRoutes.rawValue)
            writer.put(replace)
            target.write(to: &writer)
            writer.put(raw: PrefixRuns.encode(prefixes))
        case .removeRoutes(let prefixes, let target):
            writer.put(Tag.removeRoutes.rawValue)
            writer.put(target != nil)
            target?.write(to: &writer)
            writer.put(raw: PrefixRuns.encode(prefixes))
        case .neighbour(let interface, let address, let mac):
            writer.put(.neighbour, interface)
            writer.put(address.bits)
            writer.put(mac.bits)
        case .removeNeighbour(let interface, let address):
            writer.put(.removeNeighbour, interface)
            writer.put(address.bits)
        case .plugin(let settings):
            writer.put(Tag.plugin.rawValue)
            writer.put(UInt32(settings.count))
            for setting in settings {
                writer.put(setting.plugin)
                writer.put(setting.key)
                writer.put(setting.value != nil)
                if let value = setting.value { writer.put(value) }
            }
        default: encodeInterface(change, to: &writer)
        }
    }

    private static func encodeInterface(
        _ change: ConfigurationChange,
        to writer: inout WireWriter
    ) {
        switch change {
        case .interfaceState(let name, let isUp):
            writer.put(.interfaceState, name)
            writer.put(isUp)
        case .addAddress(let name, let address):
            writer.put(.addAddress, name)
            writer.put(address.address)
            writer.put(address.prefixLength)
        case .removeAddress(let name, let address):
            writer.put(.removeAddress, name)
            writer.put(address.address)
            writer.put(address.prefixLength)
        case .mtu(let name, let bytes):
            writer.put(.mtu, name)
            writer.put(UInt32(clamping: bytes))
        case .mac(let name, let mac):
            writer.put(.mac, name)
            writer.put(mac.bits)
        case .promiscuous(let name, let isOn):
            writer.put(.promiscuous, name)
            writer.put(isOn)
        case .handoff(let name, let target):
            writer.put(.handoff, name)
            writer.put(target.nodes) { $0.put($1) }
            writer.put(target.isSymmetric)
        case .rxMode(let name, let queue, let mode):
            writer.put(.rxMode, name)
            writer.put(UInt32(clamping: queue ?? Int(UInt32.max)))
            writer.put(mode?.rawValue ?? UInt8.max)
        case .addRoutes, .removeRoutes, .neighbour, .removeNeighbour, .plugin:
            preconditionFailure("a change of no interface's settings")
        }
    }

    /// Reads an event.
    ///
    /// - Parameter bytes: the body of a record whose checksum is right.
    /// - Throws: what this version does not know.
    init(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        var reader = WireReader(bytes)
        let number = try reader.get(UInt8.self)
        guard let tag = Tag(rawValue: number) else {
            throw .invalid(field: "record", value: UInt64(number))
        }
        switch tag {
        case .startupCommandsDone: self = .startupCommandsDone(file: try reader.getString())
        case .closed: self = .closed
        case .addRoutes, .removeRoutes: self = .change(try Self.routes(tag, &reader))
        case .plugin: self = .change(.plugin(try Self.settings(&reader)))
        default: self = .change(try Self.interface(tag, try reader.getString(), &reader))
        }
        try reader.finish()
    }

    private static func routes(
        _ tag: Tag,
        _ reader: inout WireReader
    ) throws(WireError) -> ConfigurationChange {
        let flag = try reader.getBool()
        let target = tag == .addRoutes || flag ? try RouteTarget(&reader) : nil
        let prefixes = try PrefixRuns.decode(try reader.getRaw(reader.remaining))
        guard tag == .addRoutes, let target else { return .removeRoutes(prefixes, target) }
        return .addRoutes(prefixes, target, replace: flag)
    }

    private static func settings(
        _ reader: inout WireReader
    ) throws(WireError) -> [PluginSetting] {
        var settings: [PluginSetting] = []
        for _ in 0..<(try reader.get(UInt32.self)) {
            let plugin = try reader.getString()
            let key = try reader.getString()
            let value = try reader.getBool() ? try reader.getString() : nil
            settings.append(PluginSetting(plugin: plugin, key: key, value: value))
        }
        return settings
    }

    private static func interface(
        _ tag: Tag,
        _ name: String,
        _ reader: inout WireReader
    ) throws(WireError) -> ConfigurationChange {
        switch tag {
        case .interfaceState: return .interfaceState(name: name, isUp: try reader.getBool())
        case .addAddress: return .addAddress(interface: name, try address(&reader))
        case .removeAddress: return .removeAddress(interface: name, try address(&reader))
        case .mtu: return .mtu(interface: name, bytes: Int(try reader.get(UInt32.self)))
        case .mac: return .mac(interface: name, MACAddress(bits: try reader.get()))
        case .promiscuous: return .promiscuous(interface: name, isOn: try reader.getBool())
        case .handoff:
            let nodes = try reader.getList { (reader) throws(WireError) in
                try reader.get(UInt8.self)
            }
            return .handoff(
                interface: name,
                HandoffTarget(nodes: nodes, isSymmetric: try reader.getBool())
            )
        case .rxMode:
            let queue = try reader.get(UInt32.self)
            let number = try reader.get(UInt8.self)
            let mode = RxMode(rawValue: number)
            guard mode != nil || number == .max else {
                throw .invalid(field: "rx mode", value: UInt64(number))
            }
            return .rxMode(interface: name, queue: queue == .max ? nil : Int(queue), mode)
        case .neighbour:
            let address = IPv4Address(bits: try reader.get())
            return .neighbour(interface: name, address, MACAddress(bits: try reader.get()))
        case .removeNeighbour:
            return .removeNeighbour(interface: name, IPv4Address(bits: try reader.get()))
        case .addRoutes, .removeRoutes, .plugin, .startupCommandsDone, .closed:
            preconditionFailure("a record of no interface's settings")
        }
    }

    private static func address(
        _ reader: inout WireReader
    ) throws(WireError) -> InterfaceAddress {
        InterfaceAddress(address: try reader.get(), prefixLength: try reader.get())
    }
}

extension WireWriter {
    fileprivate mutating func put(_ tag: JournalEvent.Tag, _ interface: String) {
        put(tag.rawValue)
        put(interface)
    }
}

extension RouteTarget {
    fileprivate func write(to writer: inout WireWriter) {
        switch self {
        case .paths(let paths):
            writer.put(UInt8(0))
            writer.put(paths) { writer, path in
                writer.put(path.nextHop != nil)
                writer.put(path.nextHop?.bits ?? 0)
                writer.put(path.interface != nil)
                writer.put(path.interface ?? "")
                writer.put(UInt16(clamping: path.weight))
            }
        case .drop: writer.put(UInt8(1))
        case .unreachable: writer.put(UInt8(2))
        case .prohibited: writer.put(UInt8(3))
        case .local: writer.put(UInt8(4))
        }
    }

    fileprivate init(_ reader: inout WireReader) throws(WireError) {
        let kind = try reader.get(UInt8.self)
        switch kind {
        case 0:
            self = .paths(
                try reader.getList { (reader) throws(WireError) in
                    let hasNextHop = try reader.getBool()
                    let nextHop = IPv4Address(bits: try reader.get())
                    let hasInterface = try reader.getBool()
                    let interface = try reader.getString()
                    return RoutePath(
                        nextHop: hasNextHop ? nextHop : nil,
                        interface: hasInterface ? interface : nil,
                        weight: Int(try reader.get(UInt16.self))
                    )
                }
            )
        case 1: self = .drop
        case 2: self = .unreachable
        case 3: self = .prohibited
        case 4: self = .local
        default: throw .invalid(field: "route target", value: UInt64(kind))
        }
    }
}
