internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A process held by a descriptor (pidfd), so that its number cannot come to mean another one.
public final class ProcessDescriptor: Sendable {
    /// The process's number.
    public let pid: Int32
    /// The descriptor, owned by this object; readable once the process has ended.
    public let descriptor: CInt

    /// Takes hold of a process.
    ///
    /// - Parameter pid: its number in the kernel.
    /// - Throws: `ESRCH` if there is none of that number.
    public init(pid: Int32) throws(Errno) {
        descriptor = try systemCall { CLinux_pidfd_open(pid) }
        self.pid = pid
    }

    deinit { close(descriptor) }

    /// Sends a signal; a process that has ended takes none and that is no error.
    public func send(signal: Int32) throws(Errno) {
        do throws(Errno) {
            try systemCall { CLinux_pidfd_send_signal(descriptor, signal) }
        } catch {
            guard error == .noSuchProcess else { throw error }
        }
    }

    /// Waits, blocking the thread, for the process to end.
    ///
    /// - Returns: whether it has ended within the time.
    public func waitForEnd(milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) > 0
    }
}

/// What tells a process from a later one with the same number.
public struct ProcessStamp: Hashable, Sendable {
    /// The process's number in the kernel.
    public var pid: Int32
    /// Clock ticks after boot at which it started (field 22 of /proc/PID/stat).
    public var startTicks: UInt64
    /// The executable's path.
    public var executable: String

    /// Makes a stamp; `read` makes that of a running process.
    public init(pid: Int32, startTicks: UInt64, executable: String) {
        self.pid = pid
        self.startTicks = startTicks
        self.executable = executable
    }

    /// The stamp of a running process; nil if there is none or it has ended and waits to be reaped.
    public static func read(pid: Int32) -> ProcessStamp? {
        guard let text = SmallFile.read("/proc/\(pid)/stat"),
            let close = text.lastIndex(of: ")")
        else { return nil }
        // The name in parentheses may have spaces; the state, field 3, is the first after it.
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let ticks = UInt64(fields[19])
        else { return nil }
        let executable = SmallFile.linkTarget("/proc/\(pid)/exe") ?? ""
        return ProcessStamp(pid: pid, startTicks: ticks, executable: executable)
    }

    /// Whether the process of this stamp still runs.
    ///
    /// An executable that was replaced on disk since is still the same process.
    public var isAlive: Bool {
        guard let now = ProcessStamp.read(pid: pid) else { return false }
        return now.startTicks == startTicks && now.executable.hasPrefix(executable)
    }

    /// One line, for a file.
    public var line: String { "\(pid) \(startTicks) \(executable)" }

    /// Reads what `line` gave; nil for anything else.
    public init?(line: some StringProtocol) {
        let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
        guard parts.count == 3, let pid = Int32(parts[0]), pid > 1,
            let startTicks = UInt64(parts[1])
        else { return nil }
        let executable = String(parts[2].prefix { $0 != "\n" })
        self.init(pid: pid, startTicks: startTicks, executable: executable)
    }
}
