internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// The runtime's own translation of a mangled name; the caller frees the result.
@_silgen_name("swift_demangle")
private func demangledName(
    _ name: UnsafePointer<UInt8>,
    _ length: Int,
    _ buffer: UnsafeMutablePointer<UInt8>?,
    _ bufferLength: UnsafeMutablePointer<Int>?,
    _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

extension Supervisor {
    /// The reports that are kept of each node; older ones are removed.
    private static let reportLimit = 16

    /// Keeps the report that a process wrote when it crashed, with readable names, and says in the
    /// log where it is.
    ///
    /// Reading the program's symbols takes a moment, in which the node is to be replaced: it happens
    /// beside that.
    func keepCrashReport(of process: NodeProcess) {
        let name = process.name
        let written = runtime.crashFile(node: name.node, name: name.fileName)
        guard let text = SmallFile.read(written), !text.isEmpty else { return }
        // The next process of that name has the file for its own.
        SmallFile.remove(written)
        let program = process.child.stamp.executable
        let before = keeping
        keeping = Task.detached(executorPreference: QuietExecutor.shared) { [self] in
            await before?.value
            let reader = CrashText(program: program)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
                reader.readable(String($0))
            }
            await keep(lines, of: name)
        }
    }

    private func keep(_ lines: [String], of name: ProcessName) {
        let kept = runtime.keptCrashFile(node: name.node, name: name.fileName)
        do throws(Errno) {
            try SmallFile.write(kept, lines.joined(separator: "\n"))
        } catch {
            return log(.warning, "crash-report", node: name.node, ["reason": "\(error)"])
        }
        var fields = ["process": name.fileName, "file": kept]
        fields["signal"] = lines.dropFirst().first
        fields["where"] = lines.first { $0.contains(", in graph node ") || $0 == "control lane" }
        log(.error, "crash-report", node: name.node, fields)
        // What was asked of the dataplane before it happened.
        if history.capacity > 0 {
            try? SmallFile.write(
                String(kept.dropLast(4)) + ".commands.txt",
                history.lines.map { $0 + "\n" }.joined()
            )
        }
        let all = SmallFile.names(in: runtime.directory(node: name.node))
            .filter(RuntimeDirectory.isKeptCrashFile)
        for old in all.dropLast(2 * Self.reportLimit) {
            SmallFile.remove(runtime.directory(node: name.node) + "/" + old)
        }
    }

    /// Removes a node's directory, but for the reports of crashes, which are for the operator.
    ///
    /// - Returns: the names that could not be removed.
    @discardableResult
    func removeDirectory(node: Int, each: (String) -> Void = { _ in }) -> Bool {
        let directory = runtime.directory(node: node)
        for name in SmallFile.names(in: directory) where !RuntimeDirectory.isKeptCrashFile(name) {
            each("\(directory)/\(name)")
            SmallFile.removeTree("\(directory)/\(name)")
        }
        return SmallFile.remove(directory)
    }
}

/// Makes a crash report readable.
struct CrashText {
    private let program: String
    private let symbols: SymbolTable?

    /// Reads the symbols of the program that crashed.
    init(program: String) {
        self.program = String(program.split(separator: "/").last ?? "")
        symbols = SymbolTable(path: program)
    }

    /// A line of a call stack with the name of the function as it is in the source.
    ///
    /// - Parameter line: `object(symbol+0x10)[0x1234]`, or `object(+0x10)[0x1234]` for a function
    ///   that is no dynamic symbol.
    /// - Returns: the line with a name in it; one of another form as it is.
    func readable(_ line: String) -> String {
        guard let open = line.firstIndex(of: "("),
            let plus = line[open...].firstIndex(of: "+"),
            let end = line[plus...].firstIndex(of: ")")
        else { return line }
        let symbol = line[line.index(after: open)..<plus]
        if !symbol.isEmpty {
            guard let name = Self.demangle(String(symbol)) else { return line }
            return line[...open] + name + line[plus...]
        }
        let digits = line[plus..<end].dropFirst(3)
        // The object may have been replaced since: only the one that is started now is read.
        guard line[..<open].hasSuffix("/" + program), let address = UInt64(digits, radix: 16),
            let function = symbols?.function(at: address)
        else { return line }
        let name = Self.demangle(function.name) ?? function.name
        return line[...open] + name + "+0x" + String(function.offset, radix: 16) + line[end...]
    }

    private static func demangle(_ symbol: String) -> String? {
        guard symbol.hasPrefix("$s") else { return nil }
        let bytes = Array(symbol.utf8)
        guard let text = demangledName(bytes, bytes.count, nil, nil, 0) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
