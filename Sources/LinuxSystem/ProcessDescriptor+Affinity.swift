internal import CLinux
public import SystemPackage

extension CPUSet {
    /// Binds every thread of this process to this set; threads and processes started later inherit
    /// it.
    ///
    /// - Throws: `EINVAL` when no CPU of the set may be used.
    public func bindProcess() throws(Errno) {
        var words = [UInt64](repeating: 0, count: (cpus.last ?? 0) / 64 + 1)
        for cpu in cpus { words[cpu / 64] |= 1 << UInt64(cpu % 64) }
        for name in SmallFile.names(in: "/proc/self/task") {
            guard let thread = Int32(name) else { continue }
            do throws(Errno) {
                try systemCall { CLinux_set_affinity(thread, words, words.count) }
            } catch {
                // A thread that has ended since the directory was read.
                guard error == .noSuchProcess else { throw error }
            }
        }
    }
}
