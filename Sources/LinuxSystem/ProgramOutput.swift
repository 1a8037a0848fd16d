public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a program wrote to its standard output, and how it ended.
public struct ProgramOutput: Hashable, Sendable {
    /// The most bytes that are kept.
    public static let maximumBytes = 1 << 16

    /// What it wrote, at most `maximumBytes`; what is not UTF-8 is replaced.
    public var text: String
    /// How it ended; nil: it ran on when the time was over, and was killed.
    public var status: ExitStatus?

    /// Runs a program to its end, or until the time is over; blocks the thread.
    ///
    /// - Parameters:
    ///   - executable: its path.
    ///   - arguments: without the program's name.
    ///   - environment: the whole environment.
    ///   - time: the longest wait.
    /// - Returns: its output.
    /// - Throws: the `Errno` of the start, such as `ENOENT`.
    public static func run(
        _ executable: String,
        _ arguments: [String],
        environment: [String: String],
        within time: Duration
    ) throws(Errno) -> ProgramOutput {
        var ends: [CInt] = [-1, -1]
        _ = try systemCall { pipe(&ends) }
        defer { close(ends[0]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let child: ChildProcess
        do throws(Errno) {
            child = try ChildProcess.spawn(
                executable: executable,
                arguments: arguments,
                environment: environment,
                output: ends[1]
            )
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        let end = ContinuousClock.now + time
        let bytes = read(ends[0], until: end)
        let text = String(decoding: bytes, as: UTF8.self)
        let isEnded = child.process.waitForEnd(milliseconds: milliseconds(until: end))
        if !isEnded {
            try? child.process.send(signal: SIGKILL)
            _ = child.process.waitForEnd(milliseconds: -1)
        }
        let status = child.reap()
        return ProgramOutput(text: text, status: isEnded ? status ?? .unknown : nil)
    }

    private static func read(
        _ descriptor: CInt,
        until end: ContinuousClock.Instant
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < maximumBytes {
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&event, 1, milliseconds(until: end)) > 0 else { break }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
        }
        return bytes
    }

    private static func milliseconds(until end: ContinuousClock.Instant) -> CInt {
        let (seconds, attoseconds) = (end - .now).components
        return CInt(clamping: max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    }
}
