import HostTopology
import Testing

@testable import CausewayConfiguration

/// One refusal: a file or a setting, the machine it meets, and the finding that it must lead to.
struct FindingCase: Sendable, CustomTestStringConvertible {
    let id: FindingID
    let severity: Finding.Severity
    /// `line:column` of the finding in the file; nil when it is not about the file.
    let place: String?
    let machine: @Sendable () throws -> HostTopology
    let settings: [String]
    let text: String

    var testDescription: String { "\(id.rawValue) \(place ?? "")" }

    init(
        _ id: FindingID,
        _ severity: Finding.Severity = .error,
        at place: String? = nil,
        on machine: @escaping @Sendable () throws -> HostTopology = FindingCase.dualSocket,
        settings: [String] = [],
        _ text: String
    ) {
        self.id = id
        self.severity = severity
        self.place = place
        self.machine = machine
        self.settings = settings
        self.text = text
    }

    /// An error somewhere.
    init(_ id: FindingID, _ text: String) { self.init(id, .error, text) }

    @Sendable static func dualSocket() throws -> HostTopology {
        var result = try CausewayConfigurationTests.machine(
            "pack:2 numa:1(memory=64GB) core:4 pu:2"
        )
        result.offlineCPUs = [16]
        result.knowsDevices = true
        result.pciDevices = [
            PCIDevice(
                address: "0000:18:00.0",
                deviceClass: 0x0200,
                vendor: 0x8086,
                device: 0x1592,
                numaNode: 0,
                interfaces: ["eth0"],
                driver: "ice"
            ),
            PCIDevice(
                address: "0000:18:00.1",
                deviceClass: 0x0200,
                vendor: 0x8086,
                device: 0x1592,
                numaNode: 0,
                driver: "vfio-pci"
            ),
            PCIDevice(
                address: "0000:5e:00.0",
                deviceClass: 0x0200,
                vendor: 0x8086,
                device: 0x1592,
                numaNode: -1
            ),
            PCIDevice(
                address: "0000:af:00.0",
                deviceClass: 0x0300,
                vendor: 0x102b,
                device: 0x0536,
                numaNode: 1
            ),
        ]
        return result
    }

    @Sendable static func withForbiddenCPUs() throws -> HostTopology {
        var result = try dualSocket()
        for index in result.cpus.indices where result.cpus[index].number >= 6 {
            result.cpus[index].isAllowed = false
        }
        return result
    }

    @Sendable static func withoutMemoryOnNodeOne() throws -> HostTopology {
        var result = try dualSocket()
        result.numaNodes[1].memoryBytes = 0
        return result
    }

    /// The text of one node with more keys.
    private static func node(_ lines: String) -> String {
        "schema: 1\nnodes:\n- node: 0\n  \(lines)\n"
    }

    private static func port(_ port: String) -> String { node("ports:\n  - {\(port)}") }

    static let text: [FindingCase] = [
        FindingCase(.syntax, at: "2:6", "schema: 1\nsmt: : x\n"),
        FindingCase(.duplicateKey, at: "2:1", "schema: 1\nsmt: share\nsmt: share\n"),
        FindingCase(.missingKey, at: "1:1", "smt: share\n"),
        FindingCase(.missingKey, at: "3:3", "schema: 1\nnodes:\n- lanes: 1\n"),
        FindingCase(.missingKey, at: "5:5", port("name: p")),
        FindingCase(.unsupportedSchema, at: "1:9", "schema: 2\n"),
        FindingCase(.unknownKey, at: "2:1", "schema: 1\nhousekeping: 0\n"),
        FindingCase(.unknownKey, at: "4:3", node("heep: 1G")),
        FindingCase(.unknownKey, at: "4:13", node("restart: {maxx: 1}")),
        FindingCase(.unknownKey, at: "5:14", port("null: , mtuu: 1")),
        FindingCase(.wrongType, at: "4:9", node("heap: big")),
        FindingCase(.wrongType, at: "4:12", node("buffers: [1]")),
        FindingCase(.wrongType, at: "4:10", node("spare: perhaps")),
        FindingCase(.wrongType, at: "4:21", node("restart: {window: 60}")),
        FindingCase(.wrongType, at: "2:8", "schema: 1\nnodes: 3\n"),
        FindingCase(.wrongType, at: "3:3", "schema: 1\nnodes:\n- 3\n"),
        FindingCase(.wrongType, at: "4:10", node("lanes: all")),
        FindingCase(.wrongType, at: "4:10", node("ports: p")),
        FindingCase(.wrongType, at: "5:19", port("null: , mac: 0a:0b")),
        FindingCase(.impossibleValue, at: "2:6", "schema: 1\nsmt: shared\n"),
        FindingCase(.impossibleValue, at: "2:19", "schema: 1\nhousekeeping: [1, 1]\n"),
        FindingCase(.impossibleValue, at: "2:19", "schema: 1\ndefaults: {lanes: [1]}\n"),
        FindingCase(.heapTooSmall, at: "4:9", node("heap: 64M")),
        FindingCase(.impossibleValue, at: "4:18", node("hugepage-size: 4K")),
        FindingCase(.impossibleValue, at: "4:10", node("lanes: 63")),
        FindingCase(.impossibleValue, at: "5:11", port("tap: sixteen-bytes-16")),
        FindingCase(.impossibleValue, at: "5:11", port("tap: a/b")),
        FindingCase(.impossibleValue, at: "5:12", port("name: 1st, null: ")),
        FindingCase(.impossibleValue, at: "5:11", port("pci: zz:00.0")),
        FindingCase(.impossibleValue, at: "5:5", port("tap: a, null: ")),
        FindingCase(.impossibleValue, at: "5:19", port("null: , mac: 01:00:00:00:00:00")),
        FindingCase(.impossibleValue, at: "5:17", port("pcap: {rx: \"a,b\"}")),
        FindingCase(.duplicateNode, at: "4:9", "schema: 1\nnodes:\n- node: 0\n- node: 0\n"),
        FindingCase(.unknownNode, at: "3:9", "schema: 1\nnodes:\n- node: 2\n"),
        FindingCase(.unknownNode, at: "4:15", "schema: 1\nnodes:\n- node: 0\n  virtual-of: 9\n"),
        FindingCase(.unknownNode, settings: ["node7.heap=1G"], "schema: 1\n"),
        FindingCase(.unknownPort, settings: ["port.x.mtu=1400"], "schema: 1\n"),
        FindingCase(.badSetting, settings: ["heap"], "schema: 1\n"),
        FindingCase(.badSetting, settings: ["port.heap=1"], "schema: 1\n"),
        FindingCase(.badSetting, settings: ["smt="], "schema: 1\n"),
        FindingCase(.duplicatePort, at: "6:12", port("name: p, null: }\n  - {name: p, null: ")),
        FindingCase(.duplicateTap, at: "6:11", port("tap: t}\n  - {tap: t, name: u")),
    ]

    static let cpus: [FindingCase] = [
        FindingCase(.cpuMissing, at: "4:10", node("lanes: [2, 99]")),
        FindingCase(.cpuMissing, at: "2:15", "schema: 1\nhousekeeping: 99\n"),
        FindingCase(.cpuMissing, at: "4:16", node("control-cpu: 99")),
        FindingCase(.cpuOffline, at: "4:10", node("lanes: [2, 16]")),
        FindingCase(.cpuDisallowed, at: "4:10", on: withForbiddenCPUs, node("lanes: [2, 7]")),
        FindingCase(.cpuForeign, at: "4:10", node("lanes: [2, 8]")),
        FindingCase(.cpuForeign, at: "5:10", node("cpus: 2-5\n  lanes: [2, 6]")),
        FindingCase(
            .cpuShared,
            at: "6:10",
            node("lanes: [2]\n- node: 5\n  lanes: [2]\n  virtual-of: 0")
        ),
        FindingCase(.smtSiblings, at: "4:10", node("lanes: [2, 3]")),
        FindingCase(
            .smtSiblings,
            .warning,
            "schema: 1\nhousekeeping: 0\nnodes: [{node: 0, lanes: [1]}]\n"
        ),
        FindingCase(
            .laneOnHousekeeping,
            .note,
            "schema: 1\nhousekeeping: 2\nnodes: [{node: 0, lanes: [2]}]\n"
        ),
        FindingCase(.tooFewCPUs, at: "4:10", node("lanes: 5")),
        FindingCase(.tooFewCPUs, at: "3:9", "schema: 1\nhousekeeping: 0-7\nnodes: [{node: 0}]\n"),
        FindingCase(
            .tooManyLanes,
            at: "4:10",
            on: { try CausewayConfigurationTests.machine("numa:1 core:128 pu:1") },
            node("lanes: \"0-62\"")
        ),
        FindingCase(
            .tooManyLanes,
            .warning,
            on: { try CausewayConfigurationTests.machine("numa:1(memory=64GB) core:128 pu:1") },
            "schema: 1\n"
        ),
        FindingCase(.noNode, at: "1:1", "schema: 1\nnodes: []\n"),
        FindingCase(
            .nodeNumber,
            .warning,
            on: {
                try CausewayConfigurationTests.machine("numa:40(memory=4GB) core:1 pu:1")
            },
            "schema: 1\n"
        ),
        FindingCase(
            .nodeWithoutMemory,
            at: "3:9",
            on: withoutMemoryOnNodeOne,
            "schema: 1\nnodes:\n- node: 1\n"
        ),
        FindingCase(.nodeWithoutMemory, .warning, on: withoutMemoryOnNodeOne, "schema: 1\n"),
        FindingCase(
            .nodeWithoutCPUs,
            at: "3:9",
            on: withForbiddenCPUs,
            "schema: 1\nnodes:\n- node: 1\n"
        ),
        FindingCase(.nodeWithoutCPUs, .warning, on: withForbiddenCPUs, "schema: 1\n"),
        FindingCase(.nodeUnused, .note, "schema: 1\nnodes: [{node: 0}]\n"),
        FindingCase(
            .singleNode,
            .note,
            on: { try CausewayConfigurationTests.machine("numa:1 core:2 pu:1") },
            "schema: 1\n"
        ),
    ]

    static let memory: [FindingCase] = [
        FindingCase(
            .hugepageSize,
            on: { try liveMachine("numa:1(memory=64GB) core:4 pu:1", freePages: 1024) },
            "schema: 1\ndefaults: {hugepage-size: 1G}\n"
        ),
        FindingCase(
            .hugepagesNotMounted,
            on: {
                var result = try liveMachine("numa:1(memory=64GB) core:4 pu:1", freePages: 1024)
                result.hugepageMounts = []
                return result
            },
            "schema: 1\n"
        ),
        FindingCase(
            .tooFewHugepages,
            on: { try liveMachine("numa:2(memory=64GB) core:4 pu:1", freePages: 100) },
            "schema: 1\n"
        ),
        FindingCase(.memoryExceedsNode, "schema: 1\ndefaults: {heap: 100G}\n"),
        FindingCase(.heapRounded, .note, at: "4:9", node("heap: 193M")),
        FindingCase(.poolDoesNotFit, at: "4:15", node("eal-memory: 32M")),
        FindingCase(.poolTooSmall, at: "4:12", node("buffers: 512\n  ports: [{pci: \"18:00.1\"}]")),
        FindingCase(
            .poolTooSmall,
            .warning,
            at: "4:12",
            node("buffers: 4000\n  ports: [{pci: \"18:00.1\"}]")
        ),
        FindingCase(.ringNotPowerOfTwo, at: "4:17", node("handoff-ring: 5000")),
        FindingCase(
            .ringTooSmall,
            at: "5:27",
            node("ports: [{null: , mtu: 2000}]\n- {node: 1, handoff-ring: 64}")
        ),
        FindingCase(.mtuExceedsBuffer, at: "5:19", port("null: , mtu: 9000")),
    ]

    static let ports: [FindingCase] = [
        FindingCase(.deviceMissing, at: "5:11", port("pci: \"0000:19:00.0\"")),
        FindingCase(
            .deviceUnchecked,
            .note,
            at: "5:11",
            on: { try CausewayConfigurationTests.machine("numa:1 core:4 pu:1") },
            port("pci: \"18:00.0\"")
        ),
        FindingCase(
            .deviceNotNetwork,
            .warning,
            at: "4:17",
            "schema: 1\nnodes:\n- node: 1\n  ports: [{pci: \"af:00.0\"}]\n"
        ),
        FindingCase(.deviceInKernel, .warning, at: "5:11", port("pci: \"18:00.0\"")),
        FindingCase(.deviceNodeUnknown, .warning, at: "5:11", port("pci: \"5e:00.0\"")),
        FindingCase(
            .deviceDuplicate,
            port("name: a, pci: \"18:00.1\"}\n  - {name: b, pci: \"18:00.1\"")
        ),
        FindingCase(
            .remotePort,
            at: "4:17",
            "schema: 1\nnodes:\n- node: 1\n  ports: [{pci: \"18:00.1\"}]\n"
        ),
        FindingCase(
            .remotePort,
            .warning,
            at: "5:17",
            "schema: 1\nremote-nics: warn\nnodes:\n- node: 1\n  ports: [{pci: \"18:00.1\"}]\n"
        ),
        FindingCase(.tooManyQueues, at: "5:25", port("tap: t, rx-queues: 9")),
        FindingCase(.tooManyQueues, at: "5:25", port("null: , rx-queues: 2")),
        FindingCase(.tooFewQueues, at: "5:25", port("null: , tx-queues: 1")),
        FindingCase(
            .captureTooLong,
            at: "5:12",
            port("pcap: {rx: /var/lib/captures/of-a-long-name.pcap, tx: /tmp/out.pcap}")
        ),
    ]
}
