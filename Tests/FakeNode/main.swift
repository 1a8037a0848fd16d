import ControlProtocol
import Coordination
import Glibc
import LinuxSystem

/// A keeper or worker without packets, for tests of the supervisor: it says what a real one says,
/// unless a rule of the environment makes it misbehave.
///
/// `FAKE_NODE_RULES` has rules `ROLE NODE INCARNATION ACTION ARGUMENT...` separated by `;`, where
/// `*` is any node or incarnation. `FAKE_NODE_TRANSCRIPTS` names a directory that gets a file a
/// process with what it was told.
struct FakeNode {
    let role: String
    let node: Int
    let incarnation: UInt32
    let rules: [[String]]
    let transcript: CInt
    var ports: [UInt16: PortStatus] = [:]
    var segment: WorkerSegment?
    /// The record of the restart in which this is the successor.
    var handover: HandoverRecord?
    var state = ProcessState.starting
    var tables = FakeTables()
    /// The eventfds of all lanes.
    var wakeups: [CInt] = []

    init(arguments: [String]) {
        func value(_ option: String) -> String {
            arguments.firstIndex(of: option).map { arguments[$0 + 1] } ?? ""
        }
        let role = arguments[1]
        let node = value("--node")
        let incarnation = value("--incarnation")
        self.role = role
        self.node = Int(node) ?? -1
        self.incarnation = UInt32(incarnation) ?? 0
        rules = Self.variable("FAKE_NODE_RULES").split(separator: ";").compactMap { rule in
            let words = rule.split(separator: " ").map(String.init)
            guard words.count >= 4, words[0] == role, [node, "*"].contains(words[1]),
                [incarnation, "*"].contains(words[2])
            else { return nil }
            return Array(words[3...])
        }
        let directory = Self.variable("FAKE_NODE_TRANSCRIPTS")
        transcript =
            directory.isEmpty
            ? -1
            : open(
                "\(directory)/\(role).\(node).\(incarnation)",
                O_WRONLY | O_CREAT | O_APPEND,
                0o644
            )
        write(
            "environment " + Self.variable("CAUSEWAY_LOG_LEVEL") + " "
                + Self.variable("CAUSEWAY_SYSLOG_LEVEL")
        )
        write("arguments " + arguments.dropFirst().joined(separator: " "))
    }

    static func variable(_ name: String) -> String {
        getenv(name).map { String(cString: $0) } ?? ""
    }

    /// The arguments of a rule for `action`; nil: there is none.
    func rule(_ action: String) -> [String]? {
        rules.first { $0[0] == action }.map { Array($0.dropFirst()) }
    }

    func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        if transcript >= 0 { _ = Glibc.write(transcript, bytes, bytes.count) }
    }

    mutating func run() -> Never {
        if rule("ignore-term") != nil { signal(SIGTERM, SIG_IGN) }
        var channel: MessageChannel?
        while true {
            var polls = [
                pollfd(fd: 3, events: Int16(POLLIN), revents: 0),
                pollfd(fd: channel?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&polls, 2, -1)
            if polls[0].revents != 0, let new = try? MessageChannel.accept(from: 3) {
                channel = new
            }
            guard let current = channel else { continue }
            do throws(ChannelError) {
                while let message = try current.receive() { handle(message, current) }
            } catch { channel = nil }
        }
    }

    func send(
        _ message: NodeMessage,
        _ request: UInt32,
        _ channel: MessageChannel,
        _ descriptors: [CInt] = []
    ) {
        while true {
            do throws(ChannelError) {
                return try channel.send(message, request: request, descriptors: descriptors)
            } catch {
                guard error == .full else { return write("send-failed \(error)") }
            }
            var room = pollfd(fd: channel.descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&room, 1, 1000)
        }
    }

    mutating func report(_ new: ProcessState, _ channel: MessageChannel) {
        if let arguments = rule("exit-at"), arguments[0] == "\(new)" {
            _exit(CInt(arguments[1]) ?? 1)
        }
        if let arguments = rule("silent-at"), arguments[0] == "\(new)" {
            write("silent")
            while true { pause() }
        }
        state = new
        segment?.store(.state, UInt64(new.rawValue))
        let report = ProcessStateReport(state: new.rawValue, detail: "")
        send(.state(report), 0, channel)
    }

    mutating func handle(_ received: ReceivedMessage, _ channel: MessageChannel) {
        let request = received.request
        switch received.message {
        case .connect: introduce(channel)
        case .logLevels(let least, let standardError):
            write("logLevels \(least) \(standardError)")
        case .laneWakeups: wakeups += received.descriptors
        case .queryTables: describeTables(request, channel)
        case .configureKeeper(let configuration):
            for port in configuration.ports { ports[port.interface] = Self.status(of: port) }
            write("rings \(configuration.ringFile)")
            report(.attached, channel)
            report(.ready, channel)
        case .configureWorker(let configuration):
            segment = try? WorkerSegment.open(path: configuration.segmentFile, writable: true)
            write("sleep \(segment?.load(.idleSleepMicroseconds) ?? 0)")
            report(.attached, channel)
            report(.ready, channel)
        case .change(let number, let part, let isLast, let body):
            write("change \(number) \(part) \(isLast) \(body.count)")
            do throws(WireError) {
                for change in try ChangeCoding.decode(body) { tables.apply(change) }
            } catch { write("malformed \(error)") }
            if isLast { acknowledge(number, channel) }
        case .forward, .prepareTakeOver, .handOver, .takeOver:
            handOver(received.message, request, channel)
        case .drain:
            write("tables \(tables.digest)")
            write("drain")
            if rule("ignore-drain") != nil { return }
            report(.draining, channel)
            report(.stopped, channel)
            _exit(0)
        case .recoverPorts:
            write("recoverPorts")
            if rule("recover-silent") != nil { return }
            send(.result(error: rule("recover-fails")?[0] ?? "", text: ""), request, channel)
        case .workerLeft: send(.result(error: "", text: ""), request, channel)
        case .queryPorts:
            for port in ports.values.sorted(by: { $0.interface < $1.interface }) {
                send(.portStatus(port), request, channel)
            }
            send(.result(error: "", text: ""), request, channel)
        case .setPort(let interface, let setting):
            write("setPort \(interface) \(setting)")
            send(.result(error: set(setting, of: interface), text: ""), request, channel)
        case .packetGenerator(let command):
            write("generator \(command)")
            send(.result(error: "", text: "streams of node \(node)"), request, channel)
        default:
            write("unexpected \(received.message)")
        }
    }

    func startLanes() {
        guard let segment, rule("no-lanes") == nil else { return }
        FakeLane.start(segment, isStuck: rule("stuck") != nil)
    }

    /// A worker begins to forward, or has its part in a planned restart.
    mutating func handOver(_ message: NodeMessage, _ request: UInt32, _ channel: MessageChannel) {
        switch message {
        case .forward(let keepsHandoffs):
            if keepsHandoffs { write("keeps-handoffs") }
            write("forward")
            startLanes()
            report(.forwarding, channel)
            send(.result(error: "", text: ""), request, channel)
            reportNeighbours(channel)
        case .prepareTakeOver(let record, let segment):
            write("prepare \(record) \(segment)")
            handover = try? HandoverRecord.open(path: record)
            send(.result(error: rule("refuse-take-over")?[0] ?? "", text: ""), request, channel)
        case .handOver(let path):
            write("hand-over")
            let record = try? HandoverRecord.open(path: path)
            guard record?.begin() == true else {
                return send(.result(error: "given up", text: ""), request, channel)
            }
            let refusal = rule("refuse-hand-over")?[0] ?? ""
            if refusal.isEmpty {
                record?.enter(.handed)
                if rule("die-after-hand-over") != nil { _exit(3) }
                report(.draining, channel)
            } else {
                record?.fail()
            }
            send(.result(error: refusal, text: ""), request, channel)
        default:
            write("take-over")
            guard handover?.waitUntilHanded(microseconds: 3_000_000) == true else {
                return send(.result(error: "not handed over", text: ""), request, channel)
            }
            startLanes()
            if rule("die-at-take-over") != nil { _exit(3) }
            report(.forwarding, channel)
            send(.result(error: "", text: "42"), request, channel)
            if rule("die-after-take-over") != nil { _exit(3) }
        }
    }

    func introduce(_ channel: MessageChannel) {
        var versions = BuildVersions(version: rule("build")?[0] ?? Build.version, buildID: "fa4e")
        if let arguments = rule("layout") { versions.layouts[arguments[0]] = arguments[1] }
        send(
            .hello(
                ProcessIdentity(
                    role: role == "keeper" ? .keeper : .worker,
                    node: UInt8(node),
                    incarnation: incarnation,
                    pid: UInt32(getpid()),
                    versions: versions
                )
            ),
            0,
            channel
        )
        if state != .starting {
            let report = ProcessStateReport(state: state.rawValue, detail: "")
            send(.state(report), 0, channel)
        }
    }

    /// What a new supervisor must know.
    func describeTables(_ request: UInt32, _ channel: MessageChannel) {
        send(.laneWakeups(first: 0), request, channel, wakeups)
        for body in ChangeCoding.encodeChunks(tables.indexed) {
            send(.tables(body), request, channel)
        }
        let number = segment?.load(.changeNumber) ?? 0
        write("queryTables \(number)")
        send(.result(error: "", text: "\(number)"), request, channel)
    }

    /// What a port is that has just been configured.
    static func status(of port: PortConfiguration) -> PortStatus {
        let mac =
            port.mac == MACAddress()
            ? UInt64(0x02_0000_0000_00) + UInt64(port.interface) : port.mac.bits
        return PortStatus(
            interface: port.interface,
            driver: "fake",
            mac: MACAddress(bits: mac),
            isLinkUp: true,
            speedMegabits: 1000,
            isFullDuplex: true,
            mtu: port.mtu,
            rxQueues: port.rxQueues,
            txQueues: port.txQueues,
            numaNode: -1
        )
    }

    /// Sets a port; gives the reason for a refusal, else an empty text.
    mutating func set(_ setting: PortSetting, of interface: UInt16) -> String {
        if rule("refuse-ports") != nil { return "not possible" }
        switch setting {
        case .mac(let mac): ports[interface]?.mac = mac
        case .mtu(let mtu): ports[interface]?.mtu = mtu
        default: break
        }
        return ""
    }

    /// Says that it saw the neighbours of rule `neighbour INTERFACE ADDRESS MAC COUNT`.
    func reportNeighbours(_ channel: MessageChannel) {
        guard let arguments = rule("neighbour") else { return }
        for count in 0..<(Int(arguments[3]) ?? 1) {
            let address = (IPv4Address(arguments[1])?.bits ?? 0) + UInt32(count)
            send(
                .neighbourSeen(
                    interface: UInt16(arguments[0]) ?? 0,
                    address: address,
                    mac: MACAddress(arguments[2]) ?? MACAddress()
                ),
                0,
                channel
            )
        }
    }

    func acknowledge(_ number: UInt64, _ channel: MessageChannel) {
        if let arguments = rule("deaf-at"), number >= UInt64(arguments[0]) ?? 0 {
            write("deaf")
            while true { pause() }
        }
        if let arguments = rule("die-at"), number >= UInt64(arguments[0]) ?? 0 { _exit(9) }
        let isRefused = rule("refuse")?.contains("\(number)") ?? false
        segment?.store(.changeNumber, number)
        send(.acknowledged(number: number, error: isRefused ? "heap full" : ""), 0, channel)
    }
}

if CommandLine.arguments.dropFirst() == ["--versions"] {
    print(BuildVersions(buildID: "fa4e", processor: "v3").json)
    exit(0)
}
var node = FakeNode(arguments: CommandLine.arguments)
node.run()
