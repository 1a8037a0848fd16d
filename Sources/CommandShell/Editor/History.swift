internal import Glibc

/// The lines that were typed, oldest first.
struct History {
    private(set) var lines: [String] = []
    /// Lines that are kept; 0: none.
    private(set) var limit: Int

    /// The most lines that are kept.
    static let largestLimit = 1_000_000

    init(lines: [String] = [], limit: Int = 50) {
        self.limit = limit
        self.lines = Array(lines.suffix(limit))
    }

    /// Keeps a line, unless it is empty, starts with a blank or is the last one again.
    ///
    /// - Returns: whether it is kept.
    @discardableResult
    mutating func add(_ line: String) -> Bool {
        guard limit > 0, !line.isEmpty, !line.hasPrefix(" "), line != lines.last else {
            return false
        }
        lines.append(line)
        if lines.count > limit { lines.removeFirst(lines.count - limit) }
        return true
    }

    mutating func keep(atMost count: Int) {
        limit = count
        lines = Array(lines.suffix(count))
    }

    mutating func clear() { lines = [] }
}

/// Keeps lines in a file that nobody else may read.
///
/// Sessions of one user append to the same file, a line a write, and read it when they start.
struct HistoryFile: Sendable {
    var path: String

    /// A file that is longer is cut to the lines that are kept, in bytes.
    static let longestFile = 4 << 20

    /// `$CAUSEWAY_HISTORY`, else `causeway/history` in the user's folder for state; nil: there is
    /// no such folder.
    static func ofUser(_ variable: (String) -> String?) -> HistoryFile? {
        if let path = variable("CAUSEWAY_HISTORY") {
            return path.isEmpty ? nil : HistoryFile(path: path)
        }
        if let folder = variable("XDG_STATE_HOME"), folder.hasPrefix("/") {
            return HistoryFile(path: folder + "/causeway/history")
        }
        guard let home = variable("HOME"), home.hasPrefix("/") else { return nil }
        return HistoryFile(path: home + "/.local/state/causeway/history")
    }

    /// The last lines of the file.
    func read(limit: Int) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 64 << 20 {
            let count = Glibc.read(descriptor, &part, part.count)
            if count <= 0 { break }
            bytes += part[..<count]
        }
        let lines = bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        let kept = Array(lines.suffix(limit))
        if bytes.count > Self.longestFile { replace(with: kept) }
        return kept
    }

    /// Appends a line; a file that cannot be written keeps nothing, which is no reason to stop.
    func append(_ line: String) {
        makeFolder()
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Leaves only these lines; what is no plain file, such as /dev/null, is left alone.
    func replace(with lines: [String]) {
        var status = stat()
        guard lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else { return }
        makeFolder()
        let fresh = "\(path).\(getpid())"
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        if count != bytes.count || rename(fresh, path) != 0 { unlink(fresh) }
    }

    private func makeFolder() {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o700)
        }
    }
}
