internal import CLinux
internal import Glibc
internal import Synchronization

/// Something that happened at a terminal.
public enum TerminalEvent: Hashable, Sendable {
    case key(Key)
    /// The window has another size.
    case resized
    /// The program goes on after having been stopped.
    case continued
    /// A signal that ends programs.
    case terminated(Int32)
    /// Nobody types any more.
    case closed
}

/// The terminal that a session is at.
public protocol ShellTerminal: Sendable {
    /// The size of its window now.
    var size: TerminalSize { get }
    /// Shows text; a line feed goes to the next line's start.
    func write(_ text: String)
    /// Takes keys one by one, without echo.
    func enter()
    /// Gives the terminal back as it was.
    func leave()
    /// Tells the terminal's restorer whether the alternate screen is shown.
    func noteAlternateScreen(_ isShown: Bool)
    /// Stops the program, as Ctrl-Z does, until the shell that started it lets it go on.
    func stop()
}

/// The terminal of this process: standard input and output.
///
/// One at a time: its settings are kept where a signal handler finds them, so that it is given back
/// however the program ends, `SIGKILL` apart.
public struct TerminalDevice: ShellTerminal {
    private let signals: Int32

    /// How long a lone Escape waits for what would make it another key, in milliseconds.
    static let escapeMilliseconds: Int32 = 50

    /// Takes the terminal; nil: standard input or output is none, or a dumb one.
    public init?() {
        let isDumb = getenv("TERM").map { String(cString: $0) } ?? "dumb" == "dumb"
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, !isDumb else { return nil }
        signals = CLinux_terminal_watch()
        guard signals >= 0 else { return nil }
    }

    /// The size of its window now; 24 rows and 80 columns if it does not say.
    public var size: TerminalSize {
        var (rows, columns) = (UInt32(0), UInt32(0))
        _ = CLinux_terminal_size(STDOUT_FILENO, &rows, &columns)
        return TerminalSize(rows: Int(rows), columns: Int(columns))
    }

    /// Writes all of a text.
    public func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // A terminal that has gone says so to the reader as well.
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Takes keys one by one; pasted text comes as such.
    public func enter() {
        if CLinux_terminal_enter(STDIN_FILENO) == 0 { write("\u{1B}[?2004h") }
    }

    /// Gives the terminal back as it was.
    public func leave() { CLinux_terminal_leave() }

    /// Remembers for the signal handlers whether the alternate screen is shown.
    public func noteAlternateScreen(_ isShown: Bool) { CLinux_terminal_alternate(isShown ? 1 : 0) }

    /// Stops the program until it is let go on.
    public func stop() {
        leave()
        raise(SIGSTOP)
    }

    /// Ends this process as a signal would have.
    public func end(by signal: Int32) -> Never {
        leave()
        Glibc.signal(signal, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(signal)
        exit(128 + signal)
    }

    /// What happens at the terminal, read on a thread of its own until nobody types any more.
    public func events() -> AsyncStream<TerminalEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: TerminalEvent.self)
        let reader = Reader(signals: signals) { continuation.yield($0) }
        let box = Unmanaged.passRetained(reader)
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Reader>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        if code != 0 {
            box.release()
            continuation.yield(.closed)
        }
        return stream
    }

    /// Reads bytes and signals.
    private final class Reader: Sendable {
        private let signals: Int32
        private let take: @Sendable (TerminalEvent) -> Void

        init(signals: Int32, _ take: @escaping @Sendable (TerminalEvent) -> Void) {
            self.signals = signals
            self.take = take
        }

        func run() {
            var decoder = KeyDecoder()
            var bytes = [UInt8](repeating: 0, count: 4096)
            while true {
                var ends = [
                    pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
                ]
                let wait = decoder.isWaiting ? TerminalDevice.escapeMilliseconds : -1
                let ready = poll(&ends, 2, wait)
                if ready < 0, errno == EINTR { continue }
                if ready == 0 {
                    for key in decoder.flush() { take(.key(key)) }
                    continue
                }
                takeSignals()
                guard isReady(ends) else { continue }
                let count = read(STDIN_FILENO, &bytes, bytes.count)
                if count < 0, errno == EINTR || errno == EAGAIN { continue }
                guard count > 0 else { return take(.closed) }
                for key in decoder.feed(bytes[..<count]) { take(.key(key)) }
            }
        }

        private func isReady(_ ends: [pollfd]) -> Bool { ends[0].revents != 0 }

        private func takeSignals() {
            var byte: UInt8 = 0
            while read(signals, &byte, 1) == 1 {
                switch Int32(byte) {
                case SIGWINCH: take(.resized)
                case SIGCONT: take(.continued)
                case let number: take(.terminated(number))
                }
            }
        }
    }
}
