internal import Yams

/// Settings of the command line, which win over the topology file.
///
/// One setting is `PATH=VALUE`. Paths are the keys of a topology file: `housekeeping=0,8`, `smt=share`,
/// `defaults.heap=256M`, `node0.lanes=[2,3]`, `node0.restart.max=3`, `port.cw-a.mtu=9000`.
public struct TopologyOverrides: Hashable, Sendable {
    /// Settings for the machine and, in `defaults`, for all nodes.
    var machine: TopologyFile
    /// Settings by node number.
    var nodes: [Int: NodeSettings] = [:]
    /// Settings by port name.
    var ports: [String: PortSettings] = [:]
    /// Where a node or port is named, for messages about unknown ones.
    var places: [String: SourceLocation] = [:]

    /// No settings.
    public init() { machine = TopologyFile(path: "command line") }

    /// Reads settings in order; a later one wins.
    ///
    /// - Parameters:
    ///   - settings: `PATH=VALUE` texts.
    ///   - option: the option that they were given with, for messages.
    /// - Returns: what could be understood, and what is wrong with the rest.
    public static func parse(
        _ settings: [String],
        option: String = "--set"
    ) -> (overrides: TopologyOverrides, findings: [Finding]) {
        var overrides = TopologyOverrides()
        var findings: [Finding] = []
        for setting in settings {
            var reader = SettingsReader(file: "\(option) \(setting)", isCommandLine: true)
            overrides.apply(setting, reader: &reader)
            findings += reader.findings
        }
        return (overrides, findings)
    }

    private mutating func apply(_ setting: String, reader: inout SettingsReader) {
        let place = reader.location(nil)
        guard let equals = setting.firstIndex(of: "=") else {
            reader.findings.append(
                Finding(
                    .badSetting,
                    at: place,
                    "a setting without a value",
                    remedy: "write PATH=VALUE, such as node0.heap=256M"
                )
            )
            return
        }
        let path = setting[..<equals].split(separator: ".", omittingEmptySubsequences: false)
            .map(String.init)
        guard let value = reader.compose(String(setting[setting.index(after: equals)...])) else {
            if reader.findings.isEmpty {
                reader.findings.append(
                    Finding(
                        .badSetting,
                        at: place,
                        "the value is empty",
                        remedy: "write a value after the equals sign"
                    )
                )
            }
            return
        }
        apply(path, value, place: place, reader: &reader)
    }

    private mutating func apply(
        _ path: [String],
        _ value: Node,
        place: SourceLocation,
        reader: inout SettingsReader
    ) {
        if path.count == 1 {
            reader.read(
                nested([path[0]], value),
                of: "the command line",
                keys: SettingsReader.machineKeys,
                into: &machine
            )
        } else if path[0] == "defaults" {
            reader.read(
                nested(path.dropFirst(), value),
                of: "defaults",
                keys: SettingsReader.defaultKeys,
                into: &machine.defaults
            )
        } else if let number = nodeNumber(path[0]) {
            places[path[0]] = place
            reader.read(
                nested(path.dropFirst(), value),
                of: "a node",
                keys: Self.nodeKeys,
                into: &nodes[number, default: NodeSettings()]
            )
        } else if path[0] == "port", path.count >= 3 {
            // Port names may have dots: the key is the last part.
            let name = path[1..<(path.count - 1)].joined(separator: ".")
            places["port.\(name)"] = place
            reader.read(
                nested(path.suffix(1), value),
                of: "a port",
                keys: Self.portKeys,
                into: &ports[name, default: PortSettings()]
            )
        } else {
            reader.findings.append(
                Finding(
                    .badSetting,
                    at: place,
                    "\"\(path.joined(separator: "."))\" is not a path",
                    remedy: "write KEY, defaults.KEY, nodeN.KEY or port.NAME.KEY"
                )
            )
        }
    }

    /// What identifies a node or a port cannot be set from outside the file.
    private static let nodeKeys = SettingsReader.nodeKeys.filter {
        !["node", "ports"].contains($0.name)
    }
    private static let portKeys = SettingsReader.portKeys.filter { $0.name != "name" }

    private func nodeNumber(_ text: String) -> Int? {
        guard text.hasPrefix("node"), let number = Int(text.dropFirst(4)) else { return nil }
        return number >= 0 ? number : nil
    }

    /// `value` under each key of `path`, as a file would have it.
    private func nested(_ path: some BidirectionalCollection<String>, _ value: Node) -> Node {
        path.reversed().reduce(value) { inner, key in Node([(Node(key), inner)]) }
    }
}
