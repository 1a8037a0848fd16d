internal import Foundation
internal import Synchronization

/// A program at a pseudo-terminal: types into it, and keeps what it shows.
public final class PseudoTerminal: Sendable {
    private let pid: Int32
    private let master: Int32
    private let state = Mutex((output: [UInt8](), status: Int32?.none))

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - words: the program and its arguments.
    ///   - rows: of the window.
    ///   - columns: of the window.
    ///   - environment: what it finds besides this process's environment.
    /// - Throws: `CommandError.notStarted`.
    public init(
        _ words: [String],
        rows: Int = 24,
        columns: Int = 80,
        environment: [String: String] = [:]
    ) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (isLocked, number): (Int32, Int32) = (0, 0)
        guard master >= 0, ioctl(master, Self.setLock, &isLocked) == 0,
            ioctl(master, Self.getNumber, &number) == 0
        else {
            throw CommandError.notStarted(words: words, reason: String(cString: strerror(errno)))
        }
        let name = "/dev/pts/\(number)"
        Self.resize(master, rows, columns)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first terminal that a session's leader opens becomes the session's.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80)
        )
        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var arguments = words.map { strdup($0) } + [nil]
        var variables = merged.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var child: Int32 = 0
        let code = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &variables)
        guard code == 0 else {
            close(master)
            throw CommandError.notStarted(words: words, reason: String(cString: strerror(code)))
        }
        pid = child
        let reader = Thread { [weak self] in
            guard let descriptor = self?.master else { return }
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &bytes, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                self?.state.withLock { $0.output += bytes[..<count] }
            }
        }
        reader.start()
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        close(master)
    }

    // TIOCSPTLCK and TIOCGPTN of <asm-generic/ioctls.h>, which Glibc's module leaves out.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    private static func resize(_ descriptor: Int32, _ rows: Int, _ columns: Int) {
        var size = winsize(
            ws_row: UInt16(rows),
            ws_col: UInt16(columns),
            ws_xpixel: 0,
            ws_ypixel: 0
        )
        _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
    }

    /// Gives the window another size; the kernel tells the program.
    public func resize(rows: Int, columns: Int) { Self.resize(master, rows, columns) }

    /// Types.
    public func type(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Sends a signal, unless it has ended.
    public func signal(_ number: Int32) { if status == nil { kill(pid, number) } }

    /// Everything that it has shown so far.
    public var output: String { String(decoding: state.withLock { $0.output }, as: UTF8.self) }

    /// Bytes that it has shown so far.
    public var count: Int { state.withLock { $0.output.count } }

    /// What it has shown behind so many bytes.
    public func output(from start: Int) -> String {
        String(decoding: state.withLock { $0.output.dropFirst(start) }, as: UTF8.self)
    }

    /// Its exit status, or 128 and the signal's number; nil while it runs.
    public var status: Int32? {
        state.withLock { state in
            if let status = state.status { return status }
            var word: Int32 = 0
            guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
            state.status = word & 0x7F == 0 ? word >> 8 & 0xFF : 128 + word & 0x7F
            return state.status
        }
    }

    /// Whether the terminal echoes and takes whole lines, as it did before the program.
    public var isCooked: Bool {
        var settings = termios()
        guard tcgetattr(master, &settings) == 0 else { return false }
        return settings.c_lflag & tcflag_t(ICANON | ECHO) == tcflag_t(ICANON | ECHO)
    }
}
