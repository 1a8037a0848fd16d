public import SystemPackage

/// Why the dataplane could not be started; the text is for the operator.
public enum SupervisionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another supervisor runs on the same runtime directory or under the same instance name.
    case alreadyRunning(what: String, owner: String)
    /// A file that the supervisor needs cannot be made, read or locked.
    case file(path: String, Errno)
    /// The runtime directory's path leaves no room for a socket's name.
    case socketPathTooLong(path: String, limit: Int)
    /// No hugetlbfs with pages of the wanted size is mounted.
    case hugepageMountMissing(pageBytes: Int)
    /// A NUMA node has too few free hugepages; `parts` says what they are for.
    case hugepagesMissing(node: Int, needed: Int, free: Int, pageBytes: Int, parts: String)
    /// The file for a node's handoff rings cannot be made.
    case ringFile(node: Int, path: String, bytes: Int, Errno)
    /// The placement names a PCI device that the machine does not have.
    case deviceMissing(port: String, device: String)
    /// The supervisor cannot bind itself to the housekeeping CPUs.
    case cpus(list: String, Errno)
    /// A lane's CPU is polled by another instance already.
    case cpusBusy(instance: String, list: String)
    /// The eventfds that lanes sleep on cannot be made.
    case laneWakeups(count: Int, Errno)
    /// The journal on the disk cannot be used.
    case journal(JournalError)
    /// A keeper or worker did not come up.
    case step(String)

    /// What is missing, and the command or setting that provides it.
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
        case .cpusBusy(let instance, let list):
            "CPU \(list): a lane of instance \(instance) polls there already; give the lanes of one of the "
                + "two other CPUs in its topology file, or stop it"
        case .laneWakeups(let count, let errno):
            "an eventfd for each of \(count) lanes: \(errno); raise the limit of open files "
                + "(LimitNOFILE of the service, or ulimit -n)"
        case .journal(let error): error.description
        case .step(let text): text
        }
    }

    private func pageSize(_ bytes: Int) -> String {
        bytes >= 1 << 30 ? "\(bytes >> 30)G" : "\(bytes >> 20)M"
    }
}
