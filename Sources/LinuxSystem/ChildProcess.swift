internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// How a process ended.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
    /// It returned from `main` or called `exit` with this status, 0...255.
    case exited(code: Int32)
    /// A signal of this number ended it.
    case signalled(Int32)
    /// Somebody else reaped it.
    case unknown

    /// How it ended, with the signal's name, such as `signal 9 (SIGKILL)`.
    public var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .unknown: "an unknown status"
        case .signalled(let signal):
            "signal \(signal)\(Self.names[signal].map { " (\($0))" } ?? "")"
        }
    }

    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL",
        SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL",
        SIGSEGV: "SIGSEGV", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM",
    ]
}

/// A process that this one started and must reap, or took over from one that has ended.
///
/// It has a session of its own, so that it neither gets the terminal's signals nor ends with its
/// parent.
public struct ChildProcess: Sendable {
    /// The process, for signals and for waiting.
    public let process: ProcessDescriptor
    /// What a later supervisor recognises it by.
    public let stamp: ProcessStamp

    private init(process: ProcessDescriptor, stamp: ProcessStamp) {
        self.process = process
        self.stamp = stamp
    }

    /// Takes hold of a process that another one started; how it ended is not known to this one.
    ///
    /// - Parameter stamp: what it is recognised by.
    /// - Returns: the process; nil: it does not run any more.
    public static func adopt(_ stamp: ProcessStamp) -> ChildProcess? {
        // The stamp is compared after the process is held, so that the number cannot change its
        // meaning between.
        guard let process = try? ProcessDescriptor(pid: stamp.pid), stamp.isAlive else {
            return nil
        }
        return ChildProcess(process: process, stamp: stamp)
    }

    /// Starts a program.
    ///
    /// Standard input is /dev/null, standard output and error are this process's unless said otherwise.
    ///
    /// - Parameters:
    ///   - executable: its path.
    ///   - arguments: without the program's name.
    ///   - environment: the whole environment.
    ///   - descriptor: becomes descriptor 3 of the child, which gets no further one; stays the
    ///     caller's.
    ///   - output: becomes standard output; nil: this process's.
    /// - Returns: the process, which the caller has to reap.
    /// - Throws: the `Errno` of the start, such as `ENOENT`.
    public static func spawn(
        executable: String,
        arguments: [String],
        environment: [String: String],
        descriptor: CInt? = nil,
        output: CInt? = nil
    ) throws(Errno) -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let descriptor { posix_spawn_file_actions_adddup2(&actions, descriptor, 3) }
        if let output { posix_spawn_file_actions_adddup2(&actions, output, 1) }
        // Everything of ours closes itself on exec; this is for what a library may have left open.
        for name in SmallFile.names(in: "/proc/self/fd") {
            guard let open = CInt(name), open > (descriptor == nil ? 2 : 3) else { continue }
            posix_spawn_file_actions_addclose(&actions, open)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        prepare(&attributes)

        let argv = CStrings([executable] + arguments)
        let envp = CStrings(environment.map { "\($0.key)=\($0.value)" }.sorted())
        var pid: pid_t = 0
        let code = posix_spawn(
            &pid,
            executable,
            &actions,
            &attributes,
            argv.pointers,
            envp.pointers
        )
        guard code == 0 else { throw Errno(rawValue: code) }
        let process = try ProcessDescriptor(pid: pid)
        let stamp =
            stampOfProgram(pid: pid)
            ?? ProcessStamp(pid: pid, startTicks: 0, executable: executable)
        return ChildProcess(process: process, stamp: stamp)
    }

    /// The stamp of a child once it is the program that it was started for.
    ///
    /// The kernel lets the parent go on a moment before `/proc/PID/exe` is the new program (exec gives the
    /// borrowed memory back first). A stamp that names the parent's program would say of the child later
    /// that it is another process. That a program starts itself is the other reason for what this sees;
    /// then it comes after the last look, 20 ms later.
    ///
    /// - Parameter pid: the child's.
    /// - Returns: nil if it has ended.
    private static func stampOfProgram(pid: pid_t) -> ProcessStamp? {
        let own = SmallFile.linkTarget("/proc/self/exe")
        for _ in 0..<200 {
            guard let stamp = ProcessStamp.read(pid: pid) else { return nil }
            if stamp.executable != own { return stamp }
            usleep(100)
        }
        return ProcessStamp.read(pid: pid)
    }

    /// Reaps the process if it has ended.
    ///
    /// - Returns: how it ended; nil: it still runs.
    public func reap() -> ExitStatus? {
        var status: CInt = 0
        while true {
            let result = waitpid(process.pid, &status, WNOHANG)
            if result == process.pid { break }
            if result == 0 { return nil }
            if errno != EINTR { return .unknown }
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited(code: status >> 8 & 0xFF) : .signalled(signal)
    }

    /// A session of its own, no blocked signal, and default actions for those that a parent may
    /// ignore.
    private static func prepare(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2] {
            sigaddset(&defaults, signal)
        }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        // POSIX_SPAWN_SETSIGDEF, _SETSIGMASK, _SETSID: the last is not in glibc's plain header.
        posix_spawnattr_setflags(&attributes, 0x04 | 0x08 | 0x80)
    }
}

/// A null-terminated array of C strings that lives as long as this object.
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
