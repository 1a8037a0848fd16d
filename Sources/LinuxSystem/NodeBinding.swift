internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Keeps a process on one NUMA node.
public enum NodeBinding {
    /// Binds the calling thread's memory, and the CPUs that it and threads made later may use, to a node.
    ///
    /// DPDK gives its helper threads what is left of these CPUs besides its lcores, so they stay on the node too.
    ///
    /// - Parameter node: the operating system's number; its CPUs are left alone if it has none.
    /// - Throws: the `Errno` of the kernel's refusal.
    public static func bind(to node: Int) throws(Errno) {
        try systemCall { CLinux_set_mempolicy_bind(Int32(node)) }
        guard let set = cpus(of: node), !set.isEmpty else { return }
        try set.bindCallingThread()
    }

    /// The CPUs of a node as sysfs lists them; nil: it does not.
    private static func cpus(of node: Int) -> CPUSet? {
        let descriptor = open("/sys/devices/system/node/node\(node)/cpulist", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return CPUSet(list: text.filter { !$0.isWhitespace })
    }
}
