public import CPlugin

#if canImport(Glibc)
    internal import Glibc
#endif

/// Makes the record that a plugin exports.
///
///     @_cdecl("cw_plugin_registration")
///     public func registration() -> UnsafePointer<cw_plugin> { PluginRegistration.make(MyPlugin.self) }
public enum PluginRegistration {
    /// The plugin of this shared object; set once, before anything else is called.
    nonisolated(unsafe) private static var registered: (any Plugin.Type)?
    nonisolated(unsafe) private static var host: UnsafePointer<cw_host>?

    /// Makes the record; called once, by the function that the shared object exports.
    public static func make(_ type: any Plugin.Type) -> UnsafePointer<cw_plugin> {
        registered = type
        let record = UnsafeMutablePointer<cw_plugin>.allocate(capacity: 1)
        record.initialize(
            to: cw_plugin(
                magic: CW_PLUGIN_MAGIC,
                layout: CW_PLUGIN_LAYOUT,
                bytes: UInt32(MemoryLayout<cw_plugin>.size),
                node_count: UInt32(type.nodes.count),
                command_count: UInt32(type.commands.count),
                step_count: UInt32(type.steps.count),
                build: text(CW_BUILD),
                name: text(type.name),
                version: text(type.version),
                summary: text(type.summary),
                nodes: place(type.nodes.map(node)),
                commands: place(type.commands.map(command)),
                steps: place(type.steps.map(step)),
                start: start,
                make_state: makeState,
                run_step: runStep,
                configure: configure,
                command: runCommand,
                set: set,
                commit: commit
            )
        )
        return UnsafePointer(record)
    }

    // MARK: Descriptions

    private static func text(_ string: String) -> UnsafePointer<CChar> {
        guard let copy = strdup(string) else { fatalError("no memory for \(string)") }
        return UnsafePointer(copy)
    }

    private static func list(_ names: [String]) -> UnsafePointer<CChar> {
        text(names.joined(separator: " "))
    }

    private static func place<Element>(_ elements: [Element]) -> UnsafePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        memory.initialize(from: elements, count: elements.count)
        return UnsafePointer(memory)
    }

    private static func node(_ node: PluginNode) -> cw_node {
        cw_node(
            name: text(node.name),
            exits: list(node.exits),
            reasons: text(node.reasons.joined(separator: "\n")),
            informational: node.informational.reduce(0) { $0 | 1 << UInt32($1) },
            arc: node.arc.map(text),
            runs_before: list(node.runsBefore),
            runs_after: list(node.runsAfter),
            process: node.process
        )
    }

    private static func command(_ command: PluginCommand) -> cw_command {
        cw_command(
            words: text(command.words),
            arguments: text(command.arguments),
            summary: text(command.summary),
            changes: command.changes ? 1 : 0
        )
    }

    private static func step(_ step: PluginStep) -> cw_step {
        cw_step(
            name: text(step.name),
            phase: text(step.phase.rawValue),
            runs_before: list(step.runsBefore),
            runs_after: list(step.runsAfter)
        )
    }

    // MARK: Calls

    private static let start:
        @convention(c) @Sendable (UnsafePointer<cw_host>, UnsafeMutableRawPointer) ->
            UnsafeMutableRawPointer? =
            { host, sink in
                guard let type = PluginRegistration.registered else { return nil }
                PluginRegistration.host = host
                do throws(PluginError) {
                    let box = PluginBox(try type.make(host: Host(host)))
                    return Unmanaged.passRetained(box).toOpaque()
                } catch {
                    host.pointee.say(sink, error.description)
                    return nil
                }
            }

    private static let makeState:
        @convention(c) @Sendable (UnsafeMutableRawPointer, UInt32, UInt16) ->
            UnsafeMutableRawPointer? =
            { plugin, node, lane in
                let target = PluginBox.plugin(plugin)
                let name = type(of: target).nodes[Int(node)].name
                return target.makeState(node: name, lane: Int(lane))
            }

    private static let runStep:
        @convention(c) @Sendable (UnsafeMutableRawPointer, UInt32, UInt16, UnsafeMutableRawPointer)
            -> CInt =
            { plugin, step, lane, sink in
                let target = PluginBox.plugin(plugin)
                return PluginRegistration.answer(sink) {
                    try type(of: target).steps[Int(step)].run(target, Int(lane))
                }
            }

    private static let configure:
        @convention(c) @Sendable (
            UnsafeMutableRawPointer, UnsafePointer<CChar>, UnsafeMutableRawPointer
        )
            -> CInt = { plugin, words, sink in
                PluginRegistration.answer(sink) {
                    try PluginBox.plugin(plugin).configure(PluginRegistration.words(words))
                }
            }

    private static let runCommand:
        @convention(c) @Sendable (
            UnsafeMutableRawPointer, UnsafePointer<CChar>, UnsafeMutableRawPointer
        )
            -> CInt = { plugin, line, sink in
                guard let host = PluginRegistration.host else { return -1 }
                return PluginRegistration.answer(sink) {
                    try PluginBox.plugin(plugin).run(
                        PluginRegistration.words(line),
                        Answer(host: host, sink: sink)
                    )
                }
            }

    private static let set:
        @convention(c) @Sendable (
            UnsafeMutableRawPointer, UnsafePointer<CChar>, UnsafePointer<CChar>?,
            UnsafeMutableRawPointer
        ) -> CInt = { plugin, key, value, sink in
            PluginRegistration.answer(sink) {
                try PluginBox.plugin(plugin).set(
                    String(cString: key),
                    value.map { String(cString: $0) }
                )
            }
        }

    private static let commit:
        @convention(c) @Sendable (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> CInt = {
            plugin,
            sink in
            PluginRegistration.answer(sink) { try PluginBox.plugin(plugin).commit() }
        }

    private static func words(_ line: UnsafePointer<CChar>) -> [String] {
        String(cString: line).split(separator: " ").map(String.init)
    }

    /// Runs a body; what it throws goes to the sink.
    private static func answer(_ sink: UnsafeMutableRawPointer, _ body: () throws -> Void) -> CInt {
        do {
            try body()
            return 0
        } catch {
            host?.pointee.say(sink, "\(error)")
            return -1
        }
    }
}

/// What the worker's pointer to a plugin points to.
private final class PluginBox {
    let plugin: any Plugin

    init(_ plugin: any Plugin) { self.plugin = plugin }

    static func plugin(_ pointer: UnsafeMutableRawPointer) -> any Plugin {
        Unmanaged<PluginBox>.fromOpaque(pointer).takeUnretainedValue().plugin
    }
}
