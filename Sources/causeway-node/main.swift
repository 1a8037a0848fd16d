import ArgumentParser
import ControlProtocol
import LinuxSystem
import Logging
import NodeRuntime

#if canImport(Glibc)
    import Glibc
#endif

/// The packet-side process of one NUMA node, started by the supervisor.
struct CausewayNode: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway-node",
        abstract: "The keeper or the worker of one NUMA node; started by `causeway`, not by hand.",
        version: Build.version,
        subcommands: [KeeperCommand.self, WorkerCommand.self]
    )

    @Flag(help: "Print as JSON what program this is and the versions of all that it shares.")
    var versions = false

    func run() throws {
        guard versions else { throw CleanExit.helpRequest(Self.self) }
        print(BuildVersions.ofThisNode.json)
    }
}

/// What both roles are started with.
struct NodeOptions: ParsableArguments {
    @Option(help: "The NUMA node's number in the placement.")
    var node: Int

    @Option(help: "Counts the lives of this role on this node.")
    var incarnation: UInt32

    @Option(help: "The descriptor of a listening SOCK_SEQPACKET socket.")
    var listenFd: Int32

    @Option(help: "The file for a report if the process crashes.")
    var crashFile: String?

    @Argument(parsing: .postTerminator, help: "Arguments for DPDK's environment.")
    var environment: [String] = []

    func validate() throws {
        guard (0..<32).contains(node) else { throw ValidationError("--node must be 0...31") }
        guard fcntl(listenFd, F_GETFD) >= 0 else {
            throw ValidationError(
                "--listen-fd \(listenFd) is not open: causeway-node is started by `causeway`"
            )
        }
    }

    var arguments: NodeArguments {
        NodeArguments(
            node: node,
            incarnation: incarnation,
            listener: listenFd,
            environment: environment,
            crashFile: crashFile
        )
    }

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { NodeLog(label: $0) }
        logger[metadataKey: "node"] = "\(node)"
        logger[metadataKey: "incarnation"] = "\(incarnation)"
        NodeLog.setLevels(
            least: level("CAUSEWAY_LOG_LEVEL") ?? .info,
            standardError: level("CAUSEWAY_SYSLOG_LEVEL") ?? .trace
        )
        return logger
    }

    /// The level that a variable of the environment names.
    private func level(_ variable: String) -> Logger.Level? {
        getenv(variable).flatMap { Logger.Level(rawValue: String(cString: $0)) }
    }
}

/// `causeway-node keeper`: runs until told to stop.
struct KeeperCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keeper",
        abstract: "Own the node's DPDK memory and devices."
    )

    @OptionGroup var options: NodeOptions

    func run() throws {
        let keeper = Keeper(arguments: options.arguments, log: options.logger("keeper"))
        let status = keeper.run()
        // Ports are closed; whatever DPDK still holds goes with the process.
        _exit(status)
    }
}

/// `causeway-node worker`: runs until told to stop.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Forward the node's packets."
    )

    @OptionGroup var options: NodeOptions

    func run() throws {
        let kept = NodePrivileges(arguments: options.environment).worker
        Privileges.allowRealTimePriorities()
        try Privileges.keep(kept)
        try Worker(arguments: options.arguments, log: options.logger("worker")).run()
    }
}

CausewayNode.main()
