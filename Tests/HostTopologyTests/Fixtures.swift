import FoundationEssentials
import HostTopology

func encoded(_ machine: HostTopology) throws -> Data { try JSONEncoder().encode(machine) }

func decoded(_ data: Data) throws -> HostTopology {
    try JSONDecoder().decode(HostTopology.self, from: data)
}

/// A folder of its own that goes away with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path =
            "\(FileManager.default.temporaryDirectory.path)/causeway-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and the folders that lead to it.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        let folder = String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(path)/\(name)",
            withDestinationPath: target
        )
    }
}

/// An hwloc export of one package with two NUMA nodes of two CPUs, the fourth of them forbidden,
/// memory on node 0 only, one NIC on node 1 and one that hangs on the machine as a whole.
let lopsidedXML = """
    <?xml version="1.0" encoding="UTF-8"?>
    <!DOCTYPE topology SYSTEM "hwloc2.dtd">
    <topology version="2.0">
     <object type="Machine" os_index="0" cpuset="0xf" complete_cpuset="0x1f" allowed_cpuset="0x7" \
    nodeset="0x3" complete_nodeset="0x3" allowed_nodeset="0x3" gp_index="1">
      <object type="Package" os_index="0" cpuset="0xf" complete_cpuset="0x1f" nodeset="0x3" \
    complete_nodeset="0x3" gp_index="2">
       <object type="Group" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" complete_nodeset="0x1" \
    gp_index="3">
        <object type="NUMANode" os_index="0" cpuset="0x3" complete_cpuset="0x3" nodeset="0x1" \
    complete_nodeset="0x1" gp_index="4" local_memory="8589934592"/>
        <object type="Core" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" \
    complete_nodeset="0x1" gp_index="5"><object type="PU" os_index="0" cpuset="0x1" \
    complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="6"/></object>
        <object type="Core" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1" \
    complete_nodeset="0x1" gp_index="7"><object type="PU" os_index="1" cpuset="0x2" \
    complete_cpuset="0x2" nodeset="0x1" complete_nodeset="0x1" gp_index="8"/></object>
       </object>
       <object type="Group" cpuset="0xc" complete_cpuset="0x1c" nodeset="0x2" complete_nodeset="0x2" \
    gp_index="9">
        <object type="NUMANode" os_index="1" cpuset="0xc" complete_cpuset="0x1c" nodeset="0x2" \
    complete_nodeset="0x2" gp_index="10"/>
        <object type="Core" os_index="2" cpuset="0xc" complete_cpuset="0xc" nodeset="0x2" \
    complete_nodeset="0x2" gp_index="11"><object type="PU" os_index="2" cpuset="0x4" \
    complete_cpuset="0x4" nodeset="0x2" complete_nodeset="0x2" gp_index="12"/><object type="PU" \
    os_index="3" cpuset="0x8" complete_cpuset="0x8" nodeset="0x2" complete_nodeset="0x2" \
    gp_index="13"/></object>
        <object type="Bridge" gp_index="14" bridge_type="0-1" depth="0" bridge_pci="0000:[40-4f]">
         <object type="PCIDev" gp_index="15" pci_busid="0000:40:00.0" pci_type="0200 [8086:1592] \
    [0000:0000] 00" pci_link_speed="0.000000"/>
        </object>
       </object>
      </object>
      <object type="Bridge" gp_index="16" bridge_type="0-1" depth="0" bridge_pci="0000:[00-0f]">
       <object type="PCIDev" gp_index="17" pci_busid="0000:03:00.0" pci_type="0200 [8086:1592] \
    [0000:0000] 00" pci_link_speed="0.000000"/>
      </object>
     </object>
    </topology>
    """
