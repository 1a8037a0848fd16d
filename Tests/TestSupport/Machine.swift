public import Foundation
internal import LinuxSystem

/// What this machine offers to tests of the running system.
public enum Machine {
    /// Whether a test that cannot run is a failure.
    public static var isContinuousIntegration: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true"
    }

    /// The folder with the programs under test: CAUSEWAY_BIN, else the release build of this tree.
    public static var programFolder: URL {
        if let folder = ProcessInfo.processInfo.environment["CAUSEWAY_BIN"] {
            return URL(fileURLWithPath: folder)
        }
        return SourceTree().root.appendingPathComponent(".build/release")
    }

    /// The path of a program under test.
    public static func program(_ name: String) -> String {
        programFolder.appendingPathComponent(name).path
    }

    /// Hugepages of 2 MiB that two small nodes with their pools, heaps and rings take.
    public static let hugepagesForTwoNodes = 600

    /// Hugepages of 2 MiB that nobody uses.
    public static var freeHugepages: Int {
        let path = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return Int(text.filter(\.isNumber)) ?? 0
    }

    /// The CPUs that this process may use, in ascending order.
    public static var cpus: [Int] { (try? CPUSet.ofCallingThread().cpus) ?? [] }

    /// Why the dataplane cannot be started here; nil if it can.
    public static func lacksForDataplane() -> String? {
        if geteuid() != 0 { return "root is needed for network namespaces and hugepages" }
        if let missing = missingProgram() { return missing }
        if cpus.count < 2 { return "two CPUs are needed, one a node; this process may use \(cpus)" }
        if freeHugepages < hugepagesForTwoNodes {
            return
                "\(hugepagesForTwoNodes) free hugepages are needed and there are \(freeHugepages): deploy/setup"
        }
        if !FileManager.default.fileExists(atPath: "/dev/net/tun") {
            return "there is no /dev/net/tun"
        }
        return nil
    }

    private static func missingProgram() -> String? {
        for name in ["causeway", "causeway-node", "causewayctl"]
        where !FileManager.default.isExecutableFile(atPath: program(name)) {
            return "\(program(name)) is not built: swift build -c release"
        }
        let folders = ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"]
        for name in ["ip", "ping", "iperf3", "traceroute", "scapy"] {
            let isThere = folders.contains {
                FileManager.default.isExecutableFile(atPath: $0 + name)
            }
            if !isThere { return "the program \(name) is missing: deploy/setup --for run,test" }
        }
        return nil
    }
}
