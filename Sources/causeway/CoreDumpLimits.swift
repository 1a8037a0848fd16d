internal import CausewayConfiguration
internal import Supervision
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// What is kept of this process, and of those that it starts, when one crashes.
enum CoreDumpLimits {
    /// Sets the limits, which children inherit.
    ///
    /// - Throws: `SupervisionError.file` when the kernel refuses.
    static func apply(_ wanted: StartupConfiguration.CoreDumps) throws(SupervisionError) {
        if let bytes = wanted.bytes {
            let value = bytes == .max ? rlim_t.max : rlim_t(bytes)
            var limit = rlimit(rlim_cur: value, rlim_max: value)
            guard setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else {
                throw .file(path: "coredump-size", Errno(rawValue: errno))
            }
        }
        guard wanted.isFull else { return }
        let path = "/proc/self/coredump_filter"
        let file = open(path, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        // Private and shared memory, file-backed too, and hugepages: bits 0 to 6 of core(5).
        guard file >= 0, write(file, "0x7f", 4) == 4 else {
            throw .file(path: path, Errno(rawValue: errno))
        }
    }
}
