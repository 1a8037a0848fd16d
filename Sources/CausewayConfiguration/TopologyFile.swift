internal import FoundationEssentials

/// What a topology file says; everything in it may be left out.
public struct TopologyFile: Hashable, Sendable {
    /// The path as it was given, for messages.
    public var path: String
    var housekeeping: Located<[Int]>?
    var smt: Located<SMTPolicy>?
    var remoteNICs: Located<RemoteNICPolicy>?
    /// Settings of every node that does not have its own.
    var defaults = NodeSettings()
    /// The nodes that run a worker; nil: all that the machine has.
    var nodes: [NodeSettings]?
    /// CPUs that run no lane unless they are named; from the startup file.
    var withoutLanes: Set<Int> = []

    /// A file that leaves out everything.
    public init(path: String) { self.path = path }

    /// The size beyond which a file is refused, in bytes.
    public static let maximumBytes = 256 << 10

    /// Reads a file.
    ///
    /// - Returns: what could be understood, and everything that is wrong with the text.
    public static func read(path: String) -> (file: TopologyFile, findings: [Finding]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            let place = SourceLocation(file: path, line: 1, column: 1)
            let finding = Finding(
                .unreadable,
                at: place,
                "the topology file cannot be read",
                remedy: "check the path and its permissions, or write one with `causeway topology "
                    + "discover -o FILE`"
            )
            return (TopologyFile(path: path), [finding])
        }
        guard data.count <= maximumBytes else {
            return (TopologyFile(path: path), [tooLarge(path)])
        }
        return parse(String(decoding: data, as: UTF8.self), path: path)
    }

    /// Reads the text of a file.
    ///
    /// - Parameters:
    ///   - text: YAML, at most `maximumBytes`.
    ///   - path: the file's name in findings.
    /// - Returns: what could be understood, and everything that is wrong with the text.
    public static func parse(
        _ text: String,
        path: String
    ) -> (file: TopologyFile, findings: [Finding]) {
        guard text.utf8.count <= maximumBytes else {
            return (TopologyFile(path: path), [tooLarge(path)])
        }
        var reader = SettingsReader(file: path)
        let file = reader.readFile(text)
        return (file, reader.findings)
    }

    private static func tooLarge(_ path: String) -> Finding {
        Finding(
            .tooLarge,
            at: SourceLocation(file: path, line: 1, column: 1),
            "the file has more than \(maximumBytes) bytes",
            remedy: "is it a topology file?"
        )
    }
}
