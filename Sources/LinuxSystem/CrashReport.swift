internal import CLinux
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file that says where a process crashed: signal, thread, registers, code, call stack.
///
/// It is written by the signal handler itself, with system calls alone: nothing in it allocates, and
/// memory that may be damaged is read in a way that cannot fault again. Afterwards the signal has
/// its default effect, so that the parent sees the true cause and a core file can be had.
public enum CrashReport {
    /// The signals that are reported.
    static let signals = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGQUIT, SIGSYS]

    /// Adds lines about the crashed thread; called in the signal handler, so it must neither
    /// allocate nor lock.
    public typealias Details = @Sendable (_ writer: CrashWriter, _ thread: Int32) -> Void

    private struct Settings {
        var path: UnsafeMutablePointer<CChar>
        var title: UnsafeMutablePointer<CChar>
        var details: Details?
    }

    private nonisolated(unsafe) static var settings: UnsafeMutablePointer<Settings>?
    private static let isTaken = Atomic<Bool>(false)
    /// Bytes of a thread's signal stack.
    private static let stackBytes = 64 << 10
    private static let frameLimit = 64

    /// Has crashes of this process reported.
    ///
    /// - Parameters:
    ///   - path: the file, made when there is something to report.
    ///   - title: the report's first line: which process this is.
    public static func install(path: String, title: String) {
        guard settings == nil, let path = strdup(path), let title = strdup(title) else { return }
        let made = UnsafeMutablePointer<Settings>.allocate(capacity: 1)
        made.initialize(to: Settings(path: path, title: title, details: nil))
        settings = made
        // The first call loads the unwinder, which a handler must not do.
        var frame: UnsafeMutableRawPointer?
        _ = CLinux_backtrace(&frame, 1)
        prepareThread(makeStack())
        for number in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_sigaction = { number, info, context in
                CrashReport.handle(number, info, context)
            }
            action.sa_flags = SA_SIGINFO | SA_ONSTACK | CInt(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
    }

    /// Makes a stack for a thread's signals, to live as long as the thread.
    public static func makeStack() -> UnsafeMutableRawPointer {
        .allocate(byteCount: stackBytes, alignment: 64)
    }

    /// Has the calling thread's signals handled on a stack that `makeStack` made, so that an
    /// overflow of its other stack can be reported too.
    public static func prepareThread(_ stack: UnsafeMutableRawPointer) {
        _ = CLinux_set_signal_stack(stack, stackBytes)
    }

    /// Sets what adds to the reports, before the threads that it knows of run.
    public static func setDetails(_ details: @escaping Details) {
        settings?.pointee.details = details
    }

    private static func handle(
        _ number: CInt,
        _ info: UnsafeMutablePointer<siginfo_t>?,
        _ context: UnsafeMutableRawPointer?
    ) {
        guard let settings = settings?.pointee, let info else { return }
        guard !isTaken.exchange(true, ordering: .relaxed) else {
            // Another thread is writing the report and ends the process.
            while true { pause() }
        }
        let file = open(settings.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        if file >= 0 {
            write(CrashWriter(descriptor: file), settings, number, info, context)
            close(file)
        }
        // A fault comes again when the handler returns; a signal that was sent has to be sent again.
        if info.pointee.si_code <= 0 { raise(number) }
    }

    private static func write(
        _ writer: CrashWriter,
        _ settings: Settings,
        _ number: CInt,
        _ info: UnsafeMutablePointer<siginfo_t>,
        _ context: UnsafeMutableRawPointer?
    ) {
        let thread = CLinux_thread_id()
        writer.put(settings.title)
        writer.put("\nsignal ").put(UInt64(number)).put(" (").put(name(of: number)).put(")")
        if info.pointee.si_code > 0 {
            writer.put(", address ").put(
                hex: UInt64(UInt(bitPattern: info.pointee._sifields._sigfault.si_addr))
            )
        } else {
            writer.put(", sent by process ").put(
                UInt64(UInt32(bitPattern: info.pointee._sifields._kill.si_pid))
            )
        }
        writer.put("\nthread ").put(UInt64(UInt32(bitPattern: thread))).put("\n")
        settings.details?(writer, thread)
        if let context { putRegisters(writer, context) }
        writer.put("call stack, innermost first:\n")
        withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: frameLimit) {
            guard let base = $0.baseAddress else { return }
            let count = CLinux_backtrace(base, CInt(frameLimit))
            CLinux_backtrace_symbols(base, count, writer.descriptor)
        }
        writer.put("end of report\n")
    }

    private static func putRegisters(_ writer: CrashWriter, _ context: UnsafeMutableRawPointer) {
        let counter = CLinux_context_program_counter(context)
        writer.put("pc ").put(hex: counter)
        writer.put(" sp ").put(hex: CLinux_context_stack_pointer(context)).put("\ncode at pc:")
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) {
            guard let base = $0.baseAddress else { return }
            let count = CLinux_read_own_memory(base, counter, 16)
            if count <= 0 { writer.put(" not readable") }
            for index in 0..<max(0, count) {
                writer.put(" ").put(hexByte: base.load(fromByteOffset: index, as: UInt8.self))
            }
        }
        writer.put("\n")
    }

    private static func name(of number: CInt) -> StaticString {
        switch number {
        case SIGSEGV: "SIGSEGV"
        case SIGBUS: "SIGBUS"
        case SIGILL: "SIGILL"
        case SIGFPE: "SIGFPE"
        case SIGABRT: "SIGABRT"
        case SIGTRAP: "SIGTRAP"
        case SIGQUIT: "SIGQUIT"
        case SIGSYS: "SIGSYS"
        default: "?"
        }
    }
}

/// Writes text to a descriptor without allocating: for signal handlers.
public struct CrashWriter: Sendable {
    let descriptor: CInt

    /// Writes to an open descriptor, which stays the caller's.
    public init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes a literal.
    @discardableResult
    public func put(_ text: StaticString) -> CrashWriter {
        put(bytes: UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount)
    }

    /// Writes a zero-terminated string.
    @discardableResult
    public func put(_ text: UnsafePointer<CChar>) -> CrashWriter {
        put(bytes: UnsafeRawPointer(text), count: strlen(text))
    }

    /// Writes a number in decimal digits.
    @discardableResult
    public func put(_ number: UInt64) -> CrashWriter { put(digits: number, base: 10) }

    /// Writes a number as 0x and hexadecimal digits.
    @discardableResult
    public func put(hex number: UInt64) -> CrashWriter { put("0x").put(digits: number, base: 16) }

    /// Writes a byte as two hexadecimal digits.
    @discardableResult
    public func put(hexByte byte: UInt8) -> CrashWriter {
        if byte < 16 { put("0") }
        return put(digits: UInt64(byte), base: 16)
    }

    /// Writes bytes as they are.
    @discardableResult
    public func put(bytes: UnsafeRawPointer, count: Int) -> CrashWriter {
        _ = Glibc.write(descriptor, bytes, count)
        return self
    }

    private func put(digits number: UInt64, base: UInt64) -> CrashWriter {
        var rest = number
        return withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { buffer in
            var position = 24
            repeat {
                position -= 1
                let digit = UInt8(truncatingIfNeeded: rest % base)
                buffer[position] = digit < 10 ? digit + 48 : digit + 87
                rest /= base
            } while rest > 0
            guard let start = buffer.baseAddress else { return self }
            return put(bytes: start + position, count: 24 - position)
        }
    }
}
