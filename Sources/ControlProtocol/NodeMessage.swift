/// What supervisor, keepers and workers tell each other over their unix sockets (SOCK_SEQPACKET).
///
/// One message is one datagram: a header of 16 bytes (magic, version, kind, request number, body
/// length) and the body. Nodes listen, so that a new supervisor can find running ones; whoever is
/// late or gone blocks nobody, because every socket is non-blocking and every queue bounded.
public enum NodeMessage: Hashable, Sendable {
    // From the supervisor.
    /// First message of a connection; answered with `hello`.
    case connect(supervisorPID: UInt32)
    /// Everything a keeper needs to start.
    case configureKeeper(KeeperConfiguration)
    /// Everything a worker needs to start.
    case configureWorker(WorkerConfiguration)
    /// Worker, before its configuration: comes with the eventfds of lanes, at most 64, by their
    /// numbers among all lanes of the placement from `first` on.
    case laneWakeups(first: UInt16)
    /// A part of a journal entry: an encoded list of `ForwardingChange`s.
    ///
    /// Entries come in ascending order of their numbers, parts from 0; the worker answers with
    /// `acknowledged` after the last part.
    case change(number: UInt64, part: UInt32, isLast: Bool, body: [UInt8])
    /// Start forwarding (worker that is `ready`), and keep or skip what other nodes handed to the life
    /// before. Answered with `result`.
    case forward(keepsHandoffs: Bool)
    /// Worker that is `ready`: it will take the place of the one whose counters are in `segment`, by the
    /// record in that file. Answered with `result`: an error if the two do not fit together.
    case prepareTakeOver(record: String, segment: String)
    /// Worker that forwards: let the lanes come to rest, and leave everything to a successor by the
    /// record in that file. Answered with `result`; it is `draining` then.
    case handOver(record: String)
    /// Worker that has prepared: wait until the record is complete, and go on from there. Answered
    /// with `result`, whose text says for how many microseconds no packet was taken.
    case takeOver
    /// Stop taking packets, flush, report `draining` and then `stopped`, and exit.
    case drain
    /// Keeper: the worker is dead; stop queues, rebuild the pool, start queues. Answered with
    /// `buffers`, one `portStatus` a port, and `result`.
    case recoverPorts
    /// Keeper: a worker or a spare has ended. Answered with `result`.
    case workerLeft
    /// Keeper: change a setting of a port. Answered with `result`.
    case setPort(interface: UInt16, PortSetting)
    /// Keeper: answered with one `portStatus` a port, then `result`.
    case queryPorts
    /// Keeper and worker: the least level of lines that go to the supervisor, and of those that go to
    /// standard error too; levels count as `logged`'s. There is no answer.
    case logLevels(least: UInt8, standardError: UInt8)
    /// Worker: a new supervisor asks for what the last one knew of it. What others still have to say to it is
    /// dropped; answered with `laneWakeups`, `tables`, `plugins`, and `result` with the number of the last entry.
    case queryTables
    /// Worker: a packet-generator command. Answered with `result`.
    case packetGenerator(PacketGeneratorCommand)
    /// Worker: a question of the operator's. Answered with `result`, and `settings` before it if
    /// something is to be changed.
    case ask(topic: String, line: String)

    // From keepers and workers.
    /// Who answers.
    case hello(ProcessIdentity)
    /// A state was reached; `detail` is for the log.
    case state(ProcessStateReport)
    /// A journal entry was applied (`error` empty) or refused.
    case acknowledged(number: UInt64, error: String)
    /// The answer to a request; `error` empty: done. `text` is for the operator.
    case result(error: String, text: String)
    /// A port's state, asked for or changed.
    case portStatus(PortStatus)
    /// What a keeper found in its pool when the worker had died.
    case buffers(PoolReport)
    /// The plugins that a worker found; it says so when it is about to be `ready`.
    case plugins([PluginReport])
    /// What a worker has by index: interfaces, adjacencies, path lists, as an encoded list of `ForwardingChange`s.
    case tables([UInt8])
    /// What is to be set on every worker.
    case settings([PluginSetting])
    /// A worker saw who owns an address on a connected subnet.
    case neighbourSeen(interface: UInt16, address: UInt32, mac: MACAddress)
    /// A line of the log; the level counts from the least urgent (trace) up. May be lost.
    case logged(level: UInt8, text: String)

    // Between worker and keeper.
    /// Worker to keeper: answered with `result` and the tap descriptors of port `interface`, one a
    /// queue.
    case tapDescriptors(interface: UInt16)

    /// "CWNM" in little-endian order; a datagram that starts otherwise is refused.
    public static let magic: UInt32 = 0x4D4E_5743
    /// The version of this protocol; both ends must have the same.
    public static let version: UInt16 = 4
    /// The most bytes of a message, header included.
    public static let maximumBytes = 65_536
    /// Bytes of the header.
    public static let headerBytes = 16
    /// The most bytes of a change's body, so that the message stays within `maximumBytes`.
    public static let maximumChangeBytes = 61_440
}

/// Who a process is.
public struct ProcessIdentity: Hashable, Sendable {
    /// What a process of `causeway-node` does.
    public enum Role: UInt8, Sendable, CaseIterable { case keeper = 0, worker = 1 }

    /// Whether it is the node's keeper or its worker.
    public var role: Role
    /// The NUMA node's number in the placement, 0...31.
    public var node: UInt8
    /// Counts the lives of this role on this node, from 1.
    public var incarnation: UInt32
    /// The process's id in the kernel.
    public var pid: UInt32
    /// What program it is, and the versions of what it shares.
    public var versions: BuildVersions
    /// The build's version text.
    public var build: String { versions.version }

    /// Makes the identity that a process answers `connect` with.
    public init(
        role: Role,
        node: UInt8,
        incarnation: UInt32,
        pid: UInt32,
        versions: BuildVersions
    ) {
        self.role = role
        self.node = node
        self.incarnation = incarnation
        self.pid = pid
        self.versions = versions
    }
}

/// A state that a process reports; the numbers are `Coordination.ProcessState`'s.
public struct ProcessStateReport: Hashable, Sendable {
    /// The raw value of the `ProcessState` reached, or of the one it failed in.
    public var state: UInt8
    /// What the log shall say of it, such as why the process cannot start; often empty.
    public var detail: String

    /// Makes a report; a process sends one with every state it enters.
    public init(state: UInt8, detail: String) {
        self.state = state
        self.detail = detail
    }
}

/// A change to a port's hardware.
public enum PortSetting: Hashable, Sendable {
    /// Link up or down.
    case admin(isUp: Bool)
    /// The MTU: bytes of the largest IP packet.
    case mtu(UInt16)
    /// The port's own MAC address.
    case mac(MACAddress)
    /// Whether frames to foreign MAC addresses are taken.
    case promiscuous(Bool)
}

/// What a keeper knows of a port.
public struct PortStatus: Hashable, Sendable {
    /// The `sw_if_index` of the port's interface.
    public var interface: UInt16
    /// The driver's name, such as `net_vmxnet3` or `tap`.
    public var driver: String
    /// The port's MAC address as it is now.
    public var mac: MACAddress
    /// Whether the port has carrier; always true for a TAP.
    public var isLinkUp: Bool
    /// The link's speed in Mb/s; 0: unknown.
    public var speedMegabits: UInt32
    /// Whether the link sends and receives at a time; always true for a TAP.
    public var isFullDuplex: Bool
    /// The MTU as it is now: bytes of the largest IP packet.
    public var mtu: UInt16
    /// Receive queues that the port was set up with.
    public var rxQueues: UInt16
    /// Transmit queues that the port was set up with.
    public var txQueues: UInt16
    /// The device's NUMA node in the operating system; -1: unknown.
    public var numaNode: Int16
    /// Packets that the hardware received since the port was opened; this and the other counters
    /// are 0 for a TAP.
    public var rxPackets: UInt64
    /// Packets that the hardware sent.
    public var txPackets: UInt64
    /// Packets that the hardware dropped because no receive descriptor was free.
    public var rxMissed: UInt64
    /// Packets that the hardware received broken.
    public var rxErrors: UInt64
    /// Receive buffers that the driver wanted and the pool did not have.
    public var rxNoBuffer: UInt64
    /// The buffers that its queues hold.
    public var buffers: PortBuffers

    /// Makes a status; without counters, as for a TAP, they are 0.
    public init(
        interface: UInt16,
        driver: String,
        mac: MACAddress,
        isLinkUp: Bool,
        speedMegabits: UInt32,
        isFullDuplex: Bool,
        mtu: UInt16,
        rxQueues: UInt16,
        txQueues: UInt16,
        numaNode: Int16,
        rxPackets: UInt64 = 0,
        txPackets: UInt64 = 0,
        rxMissed: UInt64 = 0,
        rxErrors: UInt64 = 0,
        rxNoBuffer: UInt64 = 0,
        buffers: PortBuffers = PortBuffers()
    ) {
        self.interface = interface
        self.driver = driver
        self.mac = mac
        self.isLinkUp = isLinkUp
        self.speedMegabits = speedMegabits
        self.isFullDuplex = isFullDuplex
        self.mtu = mtu
        self.rxQueues = rxQueues
        self.txQueues = txQueues
        self.numaNode = numaNode
        self.rxPackets = rxPackets
        self.txPackets = txPackets
        self.rxMissed = rxMissed
        self.rxErrors = rxErrors
        self.rxNoBuffer = rxNoBuffer
        self.buffers = buffers
    }
}
