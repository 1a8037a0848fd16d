import FoundationEssentials
import HostTopology

@testable import CausewayConfiguration

/// A machine in hwloc's synthetic notation.
func machine(_ description: String) throws -> HostTopology {
    try HostTopology.read(.synthetic(description))
}

/// A machine that claims to be the live one, with hugepages of 2 MiB mounted.
func liveMachine(_ description: String, freePages: Int) throws -> HostTopology {
    var result = try machine(description)
    result.source = .live
    result.knowsDevices = true
    result.hugepageMounts = [HugepageMount(path: "/dev/hugepages", pageBytes: 2 << 20)]
    for index in result.numaNodes.indices {
        result.numaNodes[index].hugepages = [
            HugepageCount(pageBytes: 2 << 20, total: freePages, free: freePages)
        ]
    }
    return result
}

/// What a file's text and settings make of a machine, the findings of the text included.
func resolve(
    _ text: String,
    on machine: HostTopology,
    settings: [String] = []
) -> ResolvedPlacement {
    let (file, findings) = TopologyFile.parse(text, path: "test.yaml")
    let (overrides, complaints) = TopologyOverrides.parse(settings)
    var result = Placement.resolve(machine: machine, file: file, overrides: overrides)
    result.findings = findings + complaints + result.findings
    return result
}

extension ResolvedPlacement {
    /// The kinds of findings beyond notes.
    var complaints: [FindingID] { findings.filter { $0.severity > .note }.map(\.id) }

    func finding(_ id: FindingID) -> Finding? { findings.first { $0.id == id } }
}

/// A folder of its own that goes away with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        let name = "causeway-\(UInt64.random(in: 0...UInt64.max))"
        path = "\(FileManager.default.temporaryDirectory.path)/\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }
}
