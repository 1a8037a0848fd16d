import CausewayConfiguration
import ControlProtocol
import Coordination
import Glibc
import LinuxSystem
import Logging
import Testing

@testable import Supervision

/// A supervisor over fake keepers and workers, with all its files in a directory of its own.
final class SupervisedMachine: Sendable {
    let directory: String
    let options: SupervisorOptions
    let supervisor: Supervisor
    let store = LogStore(toStandardError: false, capacity: 10_000, policy: everything)

    /// Makes the machine; nothing is started yet.
    ///
    /// - Parameters:
    ///   - rules: how the fake nodes misbehave; see FakeNode.
    ///   - nodes: how many NUMA nodes there are.
    ///   - restart: how often a node's worker may be replaced.
    ///   - directory: an earlier machine's, to start where that one ended.
    ///   - instance: the name of the dataplane.
    ///   - adjust: changes further options.
    init(
        rules: String = "",
        nodes: Int = 2,
        restart: RestartPolicy = RestartPolicy(),
        directory: String? = nil,
        instance: String = "test",
        adjust: (inout SupervisorOptions) -> Void = { _ in }
    ) {
        self.directory = directory ?? Self.makeDirectory()
        var options = Self.options(
            self.directory,
            nodes: nodes,
            restart: restart,
            instance: instance
        )
        options.environment["FAKE_NODE_RULES"] = rules
        options.environment["FAKE_NODE_TRANSCRIPTS"] = self.directory + "/transcripts"
        adjust(&options)
        self.options = options
        var logger = Logger(label: "supervisor") { [store] label in
            KeyValueLogHandler(component: label, store: store)
        }
        logger.logLevel = .debug
        supervisor = Supervisor(options: options, logger: logger, store: store)
    }

    private static func makeDirectory() -> String {
        let path = "/dev/shm/causeway-test-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        for name in ["shm", "huge", "dpdk", "transcripts"] {
            try? SmallFile.makeDirectory("\(path)/\(name)")
        }
        return path
    }

    static func placement(nodes: Int, restart: RestartPolicy) -> Placement {
        Placement(
            housekeeping: [0],
            nodes: (0..<nodes).map { number in
                NodePlacement(
                    number: number,
                    hardwareNode: nil,
                    isVirtual: true,
                    lanes: [number],
                    controlCPU: 0,
                    heapBytes: 2 << 20,
                    ealMegabytes: 2,
                    poolBuffers: 1024,
                    bufferDataBytes: 2048,
                    handoffRingCells: 64,
                    ports: [
                        PortPlacement(
                            name: "port\(number)",
                            interfaceIndex: number + 1,
                            kind: .tap,
                            device: "cw\(number)",
                            rxQueues: 1,
                            txQueues: 1,
                            rxDescriptors: 512,
                            txDescriptors: 512,
                            mtu: 1500,
                            mac: nil,
                            options: [:]
                        )
                    ],
                    hasSpare: false,
                    restart: restart
                )
            }
        )
    }

    private static func options(
        _ directory: String,
        nodes: Int,
        restart: RestartPolicy,
        instance: String
    ) -> SupervisorOptions {
        let executable = SmallFile.linkTarget("/proc/self/exe") ?? ""
        let build = executable.prefix(upTo: executable.lastIndex(of: "/") ?? executable.startIndex)
        return SupervisorOptions(
            placement: placement(nodes: nodes, restart: restart),
            instance: instance,
            runtimeDirectory: directory + "/run",
            nodeExecutable: "\(build)/fake-node",
            build: Build.version,
            // Tests run side by side, and their processes wait for the CPU.
            times: StepTimes(slow: true),
            host: HostPaths(
                sharedMemory: directory + "/shm",
                hugepageDirectories: [2 << 20: directory + "/huge"],
                dpdkRuntime: directory + "/dpdk",
                sysfs: directory + "/sys"
            ),
            keeperArguments: { node, _ in ["--keeper-of", "\(node.number)"] },
            workerArguments: { node, _ in ["--worker-of", "\(node.number)"] },
            firstLaneLcore: { $0 % 2 == 0 ? 2 : 66 }
        )
    }

    /// What a process was told, line by line.
    func transcript(_ name: String) -> [String] {
        (SmallFile.read("\(directory)/transcripts/\(name)") ?? "").split(separator: "\n")
            .map(String.init)
    }

    func status(_ node: Int) async -> NodeStatus? {
        await supervisor.view().nodes.first { $0.number == node }
    }

    /// Waits until something holds; a test's own time limit ends it if it never does.
    func until(_ condition: () async -> Bool) async {
        while await !condition() {
            // At its time limit a test is cancelled: from then on nothing sleeps.
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    func logged(_ words: String) -> Bool { store.lines.contains { $0.contains(words) } }

    /// The files and sockets that are left, transcripts not counted.
    var leftovers: [String] {
        func walk(_ path: String) -> [String] {
            SmallFile.names(in: path).flatMap { name in
                SmallFile.isDirectory("\(path)/\(name)")
                    ? ["\(path)/\(name)/"] + walk("\(path)/\(name)") : ["\(path)/\(name)"]
            }
        }
        return ["run", "shm", "huge", "dpdk"].flatMap { walk("\(directory)/\($0)") }
    }

    func remove() { SmallFile.removeTree(directory) }
}
