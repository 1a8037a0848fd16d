/// What the kernel says of a thread: how it stands, and how long it ran and waited for a CPU.
public struct ThreadReading: Hashable, Sendable {
    /// The kernel's letter of the state: `R` runs or could, `S` and `D` wait, `T` is stopped, `t`
    /// is held by a debugger.
    public var state: Character
    /// Nanoseconds on a CPU since the thread's start.
    public var runNanoseconds: UInt64
    /// Nanoseconds in which it could have run and had no CPU.
    public var waitNanoseconds: UInt64
    /// The CPU that it ran on last.
    public var cpu: Int

    /// Makes a reading of its parts.
    public init(state: Character, runNanoseconds: UInt64, waitNanoseconds: UInt64, cpu: Int) {
        self.state = state
        self.runNanoseconds = runNanoseconds
        self.waitNanoseconds = waitNanoseconds
        self.cpu = cpu
    }

    /// Reads `/proc/PID/task/TID/stat` and `schedstat`; nil: there is no such thread any more.
    public static func read(pid: Int32, thread: Int) -> ThreadReading? {
        let folder = "/proc/\(pid)/task/\(thread)"
        guard let stat = SmallFile.read("\(folder)/stat"), let close = stat.lastIndex(of: ")")
        else { return nil }
        // The name in parentheses may have spaces; the state is field 3, the CPU field 39.
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 36, let state = fields[0].first, let cpu = Int(fields[36]) else {
            return nil
        }
        var run = ticks(fields[11]) + ticks(fields[12])
        var wait: UInt64 = 0
        let times = (SmallFile.read("\(folder)/schedstat") ?? "").split(separator: " ")
        if times.count >= 2, let exact = UInt64(times[0]), exact > 0 {
            run = exact
            wait = UInt64(times[1]) ?? 0
        }
        return ThreadReading(state: state, runNanoseconds: run, waitNanoseconds: wait, cpu: cpu)
    }

    /// What a field in clock ticks says, a hundred of which are a second for programs.
    private static func ticks(_ field: Substring) -> UInt64 {
        (UInt64(field) ?? 0) &* 10_000_000
    }

    /// Nanoseconds for which the hypervisor ran others instead of this machine's CPU `cpu`, since
    /// boot; 0: none, or unknown.
    public static func stolenNanoseconds(cpu: Int) -> UInt64 {
        // A machine with very many CPUs has a long file.
        guard let text = SmallFile.read("/proc/stat", limit: 1 << 20) else { return 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("cpu\(cpu) ") }
        // user nice system idle iowait irq softirq steal
        let fields = (line ?? "").split(separator: " ")
        return fields.count > 8 ? ticks(fields[8]) : 0
    }
}
