internal import CPlugin
internal import ControlProtocol

/// Collects what a plugin says while it is called.
final class PluginSink {
    var text = ""
    var changes: [(key: String, value: String?)] = []

    /// The pointer that stands for it in a call.
    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func at(_ pointer: UnsafeMutableRawPointer) -> PluginSink {
        Unmanaged<PluginSink>.fromOpaque(pointer).takeUnretainedValue()
    }
}

/// A plugin that has been loaded and started.
final class LoadedPlugin {
    /// A graph node of the plugin.
    struct Node {
        var index: Int
        var name: String
        var exits: [String]
        var reasons: [String]
        var informational: [String]
        var arc: String?
        var runsBefore: [String]
        var runsAfter: [String]
        var process: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<cw_frame>) -> Void
    }

    let file: PluginFile
    let record: UnsafePointer<cw_plugin>
    let name: String
    let nodes: [Node]
    private let instance: UnsafeMutableRawPointer

    /// Starts a plugin.
    ///
    /// - Throws: why it does not want to run here.
    init(
        _ file: PluginFile,
        _ record: UnsafePointer<cw_plugin>,
        host: UnsafePointer<cw_host>
    ) throws(StartError) {
        self.file = file
        self.record = record
        name = String(cString: record.pointee.name)
        nodes = Self.nodes(of: record)
        let sink = PluginSink()
        guard let instance = record.pointee.start(host, sink.pointer) else {
            throw StartError(sink.text)
        }
        self.instance = instance
    }

    private static func nodes(of record: UnsafePointer<cw_plugin>) -> [Node] {
        guard let nodes = record.pointee.nodes else { return [] }
        return (0..<Int(record.pointee.node_count)).map { index in
            let node = nodes[index]
            let reasons = lines(node.reasons)
            return Node(
                index: index,
                name: String(cString: node.name),
                exits: words(node.exits),
                reasons: reasons,
                informational: reasons.indices.filter { node.informational >> $0 & 1 == 1 }
                    .map { reasons[$0] },
                arc: node.arc.map { String(cString: $0) },
                runsBefore: words(node.runs_before),
                runsAfter: words(node.runs_after),
                process: node.process
            )
        }
    }

    private static func words(_ text: UnsafePointer<CChar>) -> [String] {
        String(cString: text).split(separator: " ").map(String.init)
    }

    private static func lines(_ text: UnsafePointer<CChar>) -> [String] {
        String(cString: text).split(separator: "\n").map(String.init)
    }

    /// What the supervisor is told of it.
    var report: PluginReport {
        var report = PluginReport(file: file.name, path: file.path)
        report.name = name
        report.version = String(cString: record.pointee.version)
        report.summary = String(cString: record.pointee.summary)
        report.nodes = nodes.map(\.name)
        if let commands = record.pointee.commands {
            report.commands = (0..<Int(record.pointee.command_count)).map { index in
                PluginReport.Command(
                    words: String(cString: commands[index].words),
                    arguments: String(cString: commands[index].arguments),
                    summary: String(cString: commands[index].summary),
                    changes: commands[index].changes != 0
                )
            }
        }
        return report
    }

    // MARK: Calls

    /// Makes a lane's state of a node.
    func makeState(_ node: Node, lane: Int) -> UnsafeMutableRawPointer? {
        record.pointee.make_state(instance, UInt32(node.index), UInt16(lane))
    }

    /// Gives the plugin the words of its section.
    func configure(_ words: String) throws(StartError) {
        try call { record.pointee.configure(instance, words, $0) }
    }

    /// Runs a step by its place.
    func runStep(_ step: Int, lane: Int) throws(StartError) {
        try call { record.pointee.run_step(instance, UInt32(step), UInt16(lane), $0) }
    }

    /// Carries out a command.
    ///
    /// - Returns: text for the operator, and what is to be set on every worker.
    func run(_ line: String) throws(StartError) -> (text: String, settings: [PluginSetting]) {
        let sink = PluginSink()
        guard record.pointee.command(instance, line, sink.pointer) == 0 else {
            throw StartError(sink.text)
        }
        let settings = sink.changes.map {
            PluginSetting(plugin: name, key: $0.key, value: $0.value)
        }
        return (sink.text, settings)
    }

    /// Takes a setting.
    func set(_ setting: PluginSetting) throws(StartError) {
        try call { sink in
            if let value = setting.value {
                record.pointee.set(instance, setting.key, value, sink)
            } else {
                record.pointee.set(instance, setting.key, nil, sink)
            }
        }
    }

    /// Puts settings in force.
    func commit() throws(StartError) { try call { record.pointee.commit(instance, $0) } }

    private func call(_ body: (UnsafeMutableRawPointer) -> CInt) throws(StartError) {
        let sink = PluginSink()
        guard body(sink.pointer) == 0 else {
            throw StartError(sink.text.isEmpty ? "\(name) gives no reason" : sink.text)
        }
    }
}
