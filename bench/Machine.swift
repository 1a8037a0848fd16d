import CBench
import CDPDK
import CLinux
import LinuxSystem
import PacketBuffers
import SystemPackage

#if canImport(Glibc)
    import Glibc
#endif

/// The CPUs and the memory that the benchmark runs on, with DPDK's environment started there.
final class Machine {
    /// The CPU of the measuring thread.
    let cpu: Int
    /// The CPU of the second thread; nil: there is none, and subjects with two threads cannot be run.
    let secondCPU: Int?
    /// Whether buffers lie in reserved huge pages.
    let usesHugepages: Bool
    private let before: ProcessorTimes

    /// The lcore of the second thread.
    static let secondLcore = 1
    private static let hugepageBytes = 1 << 21
    private static let memoryMegabytes = 192

    /// Pins the calling thread and starts DPDK's environment.
    ///
    /// - Parameters:
    ///   - wanted: the two CPUs; empty: the last ones that this process may use, because interrupts
    ///     tend to go to the first.
    ///   - mayUseHugepages: whether buffers lie in huge pages if enough are free.
    /// - Throws: what DPDK refuses, and CPUs that may not be used.
    init(cpus wanted: [Int], mayUseHugepages: Bool) throws {
        let allowed = try CPUSet.ofCallingThread().cpus
        for cpu in wanted where !allowed.contains(cpu) {
            throw BenchError("CPU \(cpu) is not among those that may be used: \(allowed)")
        }
        let cpus = wanted.isEmpty ? Array(allowed.reversed()) : wanted
        guard let first = cpus.first else { throw BenchError("no CPU may be used") }
        cpu = first
        secondCPU = cpus.dropFirst().first
        let hugepages = HugepagePool(pageBytes: Self.hugepageBytes, numaNode: nil).freePages ?? 0
        usesHugepages =
            mayUseHugepages && hugepages * Self.hugepageBytes >> 20 > Self.memoryMegabytes
        var lcores = "0@\(first)"
        if let secondCPU { lcores += ",\(Self.secondLcore)@\(secondCPU)" }
        var arguments = [
            "--no-pci", "--no-telemetry", "--no-shconf", "--log-level=lib.eal:error", "--lcores",
            lcores, "-m",
            "\(Self.memoryMegabytes)",
        ]
        arguments.append(usesHugepages ? "--in-memory" : "--no-huge")
        try EAL.start(arguments)
        before = ProcessorTimes()
    }

    /// Makes a pool of buffers.
    func makePool(_ name: String, buffers: Int) throws -> MbufPool {
        if let pool = MbufPool.find(name: name) { return pool }
        guard let pool = MbufPool.create(name: name, buffers: buffers, dataBytes: 2048, socket: -1)
        else { throw BenchError("pool \(name) of \(buffers) buffers: \(EAL.lastErrorText)") }
        return pool
    }

    /// Makes a heap for forwarding tables, in huge pages if there are any.
    static func makeHeap(byteCount: Int) throws -> NodeHeap {
        if let heap = try? NodeHeap(
            byteCount: byteCount,
            hugepageBytes: hugepageBytes,
            numaNode: nil
        ) {
            return heap
        }
        let heap = try NodeHeap(byteCount: byteCount, hugepageBytes: nil, numaNode: nil)
        // MADV_HUGEPAGE: the C loops ask for the same.
        _ = madvise(heap.base, heap.totalBytes, 14)
        return heap
    }

    /// Says on standard error what may have disturbed the measurement.
    func reportNoise() {
        let times = ProcessorTimes()
        let names = [cpu] + (secondCPU.map { [$0] } ?? [])
        for name in names {
            guard let now = times.cpus[name], let then = before.cpus[name] else { continue }
            let total = max(1, now.total - then.total)
            let stolen = 100 * Double(now.stolen - then.stolen) / Double(total)
            if stolen >= 0.5 { note("CPU \(name): \(tenths(stolen)) % of the time was stolen") }
        }
        let switches = contextSwitches()
        if switches > 0 {
            note("the measuring thread was put aside \(switches) times; such batches are left out")
        }
        note("a TSC clock is \(hundredths(Self.coreClocksPerTick())) core clocks")
        if !usesHugepages { note("buffers lie in ordinary pages") }
    }

    /// Core clocks a tick of the time-stamp counter, the best of some tries.
    private static func coreClocksPerTick() -> Double {
        let count: UInt64 = 1 << 20
        var best = 0.0
        for _ in 0..<9 {
            let start = CLinux_tsc()
            _ = CBench_core_clocks(count)
            best = max(best, Double(count) / Double(CLinux_tsc() - start))
        }
        return best
    }
}

/// How often the calling thread was put aside for another.
func contextSwitches() -> Int {
    var usage = rusage()
    // RUSAGE_THREAD
    _ = getrusage(__rusage_who_t(1), &usage)
    return usage.ru_nivcsw + usage.ru_nvcsw
}

/// Ticks that /proc/stat counts, by CPU.
private struct ProcessorTimes {
    private(set) var cpus: [Int: (total: Int, stolen: Int)] = [:]

    init() {
        guard let file = fopen("/proc/stat", "r") else { return }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, CInt(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
                as: UTF8.self
            )
            let fields = text.split(separator: " ")
            guard let name = fields.first, name.hasPrefix("cpu"), let cpu = Int(name.dropFirst(3))
            else { continue }
            let values = fields.dropFirst().compactMap { Int($0.filter(\.isNumber)) }
            cpus[cpu] = (values.prefix(8).reduce(0, +), values.count > 7 ? values[7] : 0)
        }
    }
}

/// Writes a line to standard error.
func note(_ text: String) {
    let line = "note: \(text)\n"
    _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}

/// A number with one decimal.
func tenths(_ value: Double) -> String { decimals(value, 10) }

/// A number with two decimals.
func hundredths(_ value: Double) -> String { decimals(value, 100) }

private func decimals(_ value: Double, _ scale: Double) -> String {
    guard value.isFinite else { return "-" }
    let scaled = Int((value * scale).rounded())
    let digits = scale == 10 ? 1 : 2
    let rest = String(abs(scaled) % Int(scale))
    let sign = scaled < 0 ? "-" : ""
    return sign + "\(abs(scaled) / Int(scale))."
        + String(repeating: "0", count: digits - rest.count) + rest
}
