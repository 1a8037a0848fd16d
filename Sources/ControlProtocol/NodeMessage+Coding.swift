extension NodeMessage {
    /// The number of each kind of message on the wire; never reused.
    private enum Kind: UInt16 {
        case connect = 1
        case configureKeeper, configureWorker, change, forward, drain, recoverPorts, setPort,
            queryPorts
        case packetGenerator, laneWakeups, queryTables
        case prepareTakeOver = 16
        case handOver, takeOver, workerLeft
        case ask = 32
        case logLevels
        case hello = 64
        case state, acknowledged, result, portStatus, neighbourSeen, logged
        case plugins = 96
        case settings, buffers, tables
        case tapDescriptors = 128
    }

    private var kind: Kind {
        switch self {
        case .connect: .connect
        case .configureKeeper: .configureKeeper
        case .configureWorker: .configureWorker
        case .change: .change
        case .forward: .forward
        case .drain: .drain
        case .prepareTakeOver: .prepareTakeOver
        case .handOver: .handOver
        case .takeOver: .takeOver
        case .workerLeft: .workerLeft
        case .recoverPorts: .recoverPorts
        case .setPort: .setPort
        case .queryPorts: .queryPorts
        case .packetGenerator: .packetGenerator
        case .laneWakeups: .laneWakeups
        case .queryTables: .queryTables
        case .tables: .tables
        case .ask: .ask
        case .logLevels: .logLevels
        case .plugins: .plugins
        case .settings: .settings
        case .buffers: .buffers
        case .hello: .hello
        case .state: .state
        case .acknowledged: .acknowledged
        case .result: .result
        case .portStatus: .portStatus
        case .neighbourSeen: .neighbourSeen
        case .logged: .logged
        case .tapDescriptors: .tapDescriptors
        }
    }

    /// The message as bytes, header first.
    ///
    /// - Parameter request: the sender's number for it.
    /// - Returns: one datagram of at most `maximumBytes`, if bodies keep to their bounds.
    public func encoded(request: UInt32) -> [UInt8] {
        var body = WireWriter()
        writeBody(to: &body)
        var writer = WireWriter()
        writer.put(Self.magic)
        writer.put(Self.version)
        writer.put(kind.rawValue)
        writer.put(request)
        writer.put(UInt32(body.bytes.count))
        writer.put(raw: body.bytes)
        return writer.bytes
    }

    /// Takes a datagram apart.
    ///
    /// - Parameter bytes: a datagram whole, or anything.
    /// - Returns: the sender's request number and the message.
    /// - Throws: `version` for a message of another version, `malformed` for what is no message.
    public static func decode(
        _ bytes: [UInt8]
    ) throws(ChannelError) -> (request: UInt32, message: NodeMessage) {
        var reader = WireReader(bytes)
        do throws(WireError) {
            let magic = try reader.get(UInt32.self)
            guard magic == Self.magic else { throw .invalid(field: "magic", value: UInt64(magic)) }
        } catch { throw .malformed(error) }
        let version: UInt16
        do throws(WireError) { version = try reader.get() } catch { throw .malformed(error) }
        guard version == Self.version else { throw .version(theirs: version) }
        do throws(WireError) {
            let number = try reader.get(UInt16.self)
            guard let kind = Kind(rawValue: number) else {
                throw .invalid(field: "kind", value: UInt64(number))
            }
            let request = try reader.get(UInt32.self)
            let length = Int(try reader.get(UInt32.self))
            guard length == reader.remaining else { throw .truncated }
            let message = try readBody(kind, from: &reader)
            try reader.finish()
            return (request, message)
        } catch { throw .malformed(error) }
    }

    private func writeBody(to writer: inout WireWriter) {
        switch self {
        case .connect(let pid): writer.put(pid)
        case .configureKeeper(let configuration): configuration.write(to: &writer)
        case .configureWorker(let configuration): configuration.write(to: &writer)
        case .change(let number, let part, let isLast, let body):
            writer.put(number)
            writer.put(part)
            writer.put(isLast)
            writer.put(raw: body)
        case .drain, .recoverPorts, .queryPorts, .takeOver, .queryTables, .workerLeft: break
        case .forward(let keepsHandoffs): writer.put(keepsHandoffs)
        case .prepareTakeOver(let record, let segment):
            writer.put(record)
            writer.put(segment)
        case .handOver(let record): writer.put(record)
        case .tables(let body): writer.put(raw: body)
        case .setPort(let interface, let setting):
            writer.put(interface)
            setting.write(to: &writer)
        case .packetGenerator(let command): command.write(to: &writer)
        case .laneWakeups(let first): writer.put(first)
        case .logLevels(let least, let standardError):
            writer.put(least)
            writer.put(standardError)
        case .ask(let topic, let line):
            writer.put(topic)
            writer.put(line)
        case .plugins(let reports): writer.put(reports) { $1.write(to: &$0) }
        case .settings(let settings): writer.put(settings) { $1.write(to: &$0) }
        case .buffers(let report): report.write(to: &writer)
        case .hello(let identity): identity.write(to: &writer)
        case .state(let report):
            writer.put(report.state)
            writer.put(report.detail)
        case .acknowledged(let number, let error):
            writer.put(number)
            writer.put(error)
        case .result(let error, let text):
            writer.put(error)
            writer.put(text)
        case .portStatus(let status): status.write(to: &writer)
        case .neighbourSeen(let interface, let address, let mac):
            writer.put(interface)
            writer.put(address)
            writer.put(mac.bits)
        case .logged(let level, let text):
            writer.put(level)
            writer.put(text)
        case .tapDescriptors(let interface): writer.put(interface)
        }
    }

    private static func readBody(
        _ kind: Kind,
        from reader: inout WireReader
    ) throws(WireError) -> NodeMessage {
        switch kind {
        case .connect: return .connect(supervisorPID: try reader.get())
        case .configureKeeper: return .configureKeeper(try KeeperConfiguration(from: &reader))
        case .configureWorker: return .configureWorker(try WorkerConfiguration(from: &reader))
        case .change:
            let number = try reader.get(UInt64.self)
            let part = try reader.get(UInt32.self)
            let isLast = try reader.getBool()
            return .change(
                number: number,
                part: part,
                isLast: isLast,
                body: Array(try reader.getRaw(reader.remaining))
            )
        case .forward: return .forward(keepsHandoffs: try reader.getBool())
        case .prepareTakeOver:
            return .prepareTakeOver(record: try reader.getString(), segment: try reader.getString())
        case .handOver: return .handOver(record: try reader.getString())
        case .takeOver: return .takeOver
        case .workerLeft: return .workerLeft
        case .drain: return .drain
        case .recoverPorts: return .recoverPorts
        case .queryPorts: return .queryPorts
        case .setPort:
            return .setPort(interface: try reader.get(), try PortSetting(from: &reader))
        case .packetGenerator: return .packetGenerator(try PacketGeneratorCommand(from: &reader))
        case .laneWakeups: return .laneWakeups(first: try reader.get())
        case .queryTables: return .queryTables
        case .tables: return .tables(Array(try reader.getRaw(reader.remaining)))
        case .logLevels:
            return .logLevels(least: try reader.get(), standardError: try reader.get())
        case .ask: return .ask(topic: try reader.getString(), line: try reader.getString())
        case .plugins: return .plugins(try reader.getList(PluginReport.init(from:)))
        case .settings: return .settings(try reader.getList(PluginSetting.init(from:)))
        case .buffers: return .buffers(try PoolReport(from: &reader))
        case .hello: return .hello(try ProcessIdentity(from: &reader))
        case .state:
            return .state(
                ProcessStateReport(state: try reader.get(), detail: try reader.getString())
            )
        case .acknowledged:
            return .acknowledged(number: try reader.get(), error: try reader.getString())
        case .result: return .result(error: try reader.getString(), text: try reader.getString())
        case .portStatus: return .portStatus(try PortStatus(from: &reader))
        case .neighbourSeen:
            return .neighbourSeen(
                interface: try reader.get(),
                address: try reader.get(),
                mac: MACAddress(bits: try reader.get())
            )
        case .logged: return .logged(level: try reader.get(), text: try reader.getString())
        case .tapDescriptors: return .tapDescriptors(interface: try reader.get())
        }
    }
}
