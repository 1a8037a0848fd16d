public import SystemPackage

/// Why the dataplane could not be started; the text is for the operator.
public enum SupervisionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another supervisor runs on the same runtime directory or under the same instance name.
    case alreadyRunning(what: String, owner: String)
    case file(path: String, Errno)
    case socketPathTooLong(path: String, limit: Int)
    case hugepageMountMissing(pageBytes: Int)
    case hugepagesMissing(node: Int, needed: Int, free: Int, pageBytes: Int, parts: String)
    case ringFile(node: Int, path: String, bytes: Int, Errno)
    case deviceMissing(port: String, device: String)
    case cpus(list: String, Errno)
    /// A keeper or worker did not come up.
    case step(String)

    /// The text for the operator.
    public var description: String {
        switch self {
        case .alreadyRunning(let what, let owner):
            "another supervisor uses \(what) (\(owner)); stop it, or give this one its own "
                + "runtime-dir and instance name"
        case .file(let path, let errno): "\(path): \(errno)"
        case .socketPathTooLong(let path, let limit):
            "\(path): a socket's path has at most \(limit) bytes; choose a shorter runtime-dir"
        case .hugepageMountMissing(let bytes):
            "no hugetlbfs mount with pages of \(pageSize(bytes)); run deploy/setup, or: "
                + "mount -t hugetlbfs -o pagesize=\(pageSize(bytes)) none /dev/hugepages"
        case .hugepagesMissing(let node, let needed, let free, let bytes, let parts):
            "node \(node) needs \(needed) hugepages of \(pageSize(bytes)) (\(parts)) and \(free) are "
                + "free there; reserve more with deploy/setup, or lower heap, memory or rings in "
                + "the topology file"
        case .ringFile(let node, let path, let bytes, let errno):
            "node \(node): no \(bytes >> 20) MiB of hugepages for its handoff rings at \(path) "
                + "(\(errno)); reserve more there with deploy/setup"
        case .deviceMissing(let port, let device):
            "port \(port): no PCI device \(device) on this machine (lspci -D lists them)"
        case .cpus(let list, let errno): "housekeeping CPUs \(list): \(errno)"
        case .step(let text): text
        }
    }

    private func pageSize(_ bytes: Int) -> String {
        bytes >= 1 << 30 ? "\(bytes >> 30)G" : "\(bytes >> 20)M"
    }
}
