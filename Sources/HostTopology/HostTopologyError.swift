/// Why a machine could not be described.
public enum HostTopologyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// hwloc could not be set up; the number is its `errno`.
    case libraryFailed(step: String, errno: Int32)
    /// The XML file is missing or not readable.
    case unreadableXML(path: String)
    /// The XML file is not one of hwloc's.
    case malformedXML(path: String)
    /// The synthetic description breaks hwloc's notation.
    case malformedSynthetic(String)
    /// The description has no CPU or no NUMA node at all.
    case emptyMachine(MachineSource)

    /// What went wrong and what to do about it.
    public var description: String {
        switch self {
        case .libraryFailed(let step, let errno):
            "hwloc failed to \(step) (errno \(errno)); check that /sys is mounted and readable"
        case .unreadableXML(let path):
            "\(path): cannot be read; give the path of a file written by `lstopo FILE.xml`"
        case .malformedXML(let path):
            "\(path): not an hwloc topology; export one with `lstopo FILE.xml`"
        case .malformedSynthetic(let text):
            "\"\(text)\": not a synthetic machine; write for example \"numa:2 core:4 pu:2\""
        case .emptyMachine(let source):
            "\(source): has no CPU or no NUMA node"
        }
    }
}
