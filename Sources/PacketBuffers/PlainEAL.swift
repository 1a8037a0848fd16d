internal import CDPDK
internal import CLinux

/// DPDK in ordinary memory, without hugepages, devices or another process: for tests and
/// benchmarks.
public enum PlainEAL {
    /// Starts EAL, once in a process; the thread that calls first becomes its lcore 0.
    ///
    /// The thread's affinity is left as it was.
    ///
    /// - Returns: nil, or what EAL refused.
    public static func start() -> String? { failure }

    private static let failure: String? = initialise()

    private static func initialise() -> String? {
        var words = [UInt64](repeating: 0, count: 16)
        let bytes = CLinux_get_affinity(0, &words, words.count)
        let first = (0..<words.count * 64).first { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
        let arguments = [
            "causeway-plain", "--no-huge", "--no-shconf", "--no-pci", "-m", "256", "--no-telemetry",
            "--log-level=error", "--lcores", "0@\(first ?? 0)",
        ]
        // EAL keeps pointers into its arguments, so they are never freed.
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        let result = pointers.withUnsafeMutableBufferPointer {
            rte_eal_init(CInt($0.count - 1), $0.baseAddress)
        }
        if bytes > 0 { _ = CLinux_set_affinity(0, words, words.count) }
        guard result < 0 else { return nil }
        return "EAL does not start in plain memory: " + String(cString: rte_strerror(cw_errno()))
    }
}
