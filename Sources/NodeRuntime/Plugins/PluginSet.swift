internal import CPlugin
internal import ControlProtocol
internal import Coordination
internal import Logging
internal import PacketGraph
internal import PacketNodes

/// The plugins of a worker: found, checked, loaded and started before the graph is built.
final class PluginSet {
    private(set) var plugins: [LoadedPlugin] = []
    /// Every plugin that was found, loaded or not.
    private(set) var reports: [PluginReport] = []
    private let services: PluginServices
    private let log: Logger
    /// Those with settings that are not in force yet.
    private var touched: Set<String> = []

    init(services: PluginServices, log: Logger) {
        self.services = services
        self.log = log
    }

    /// Loads what the configuration asks for.
    ///
    /// - Throws: why a plugin that is asked for by name cannot be loaded; others are named and left out.
    func load(_ configuration: PluginConfiguration) throws(StartError) {
        let files = PluginFile.find(in: configuration.folders)
        for rule in configuration.rules
        where rule.choice == 1 && !files.contains(where: { $0.name == rule.file }) {
            log.warning(
                "no such plugin",
                metadata: [
                    "file": "\(rule.file)", "place": "\(rule.place)",
                    "folders": "\(configuration.folders.joined(separator: ":"))",
                ]
            )
        }
        for file in files {
            let rule = configuration.rules.first { $0.file == file.name }
            let isWanted = rule.flatMap { $0.choice == 0 ? nil : $0.choice == 1 }
            guard isWanted ?? !configuration.isDisabledByDefault else {
                reports.append(
                    PluginReport(file: file.name, path: file.path, problem: "disabled")
                )
                continue
            }
            do throws(StartError) {
                try load(file, rule)
            } catch {
                guard isWanted != true else { throw StartError("plugin \(file.path): \(error)") }
                log.warning(
                    "plugin left out",
                    metadata: ["file": "\(file.path)", "reason": "\(error)"]
                )
                reports.append(
                    PluginReport(file: file.name, path: file.path, problem: "\(error)")
                )
            }
        }
        try numberFeatures()
    }

    private func load(_ file: PluginFile, _ rule: PluginConfiguration.Rule?) throws(StartError) {
        let record = try file.load(skipsVersionCheck: rule?.skipsVersionCheck ?? false)
        let plugin = try LoadedPlugin(file, record, host: services.host)
        guard !plugins.contains(where: { $0.name == plugin.name }) else {
            throw StartError("another plugin is called \(plugin.name)")
        }
        if let rule, !rule.words.isEmpty {
            do throws(StartError) { try plugin.configure(rule.words) } catch {
                throw StartError("\(rule.place): \(error)")
            }
        }
        plugins.append(plugin)
        reports.append(plugin.report)
        log.notice(
            "plugin loaded",
            metadata: ["plugin": "\(plugin.name)", "file": "\(file.path)"]
        )
    }

    // MARK: Graph

    /// The nodes on the arc, in the order in which packets pass them.
    private(set) var featureNodes: [String] = []

    private func numberFeatures() throws(StartError) {
        let nodes = plugins.flatMap(\.nodes)
        for node in nodes where node.arc != nil && node.arc != FeatureArc.name {
            throw StartError("graph node \(node.name) belongs to the unknown arc \(node.arc ?? "")")
        }
        let members = nodes.filter { $0.arc != nil }
        guard members.count <= FeatureArc.maximumFeatures else {
            throw StartError("more than \(FeatureArc.maximumFeatures) features")
        }
        let steps = members.map {
            OrderedStep($0.name, runsBefore: $0.runsBefore, runsAfter: $0.runsAfter)
        }
        do throws(StepOrderError) {
            featureNodes = try steps.sortedByConstraints().map { members[$0].name }
        } catch { throw StartError("features of \(FeatureArc.name): \(error)") }
        services.features = Dictionary(
            uniqueKeysWithValues: featureNodes.enumerated().map { ($1, $0) }
        )
    }

    /// Adds the plugins' nodes to a lane's graph.
    func addNodes(to graph: inout GraphBuilder, block: LaneBlock, lane: Int) throws(GraphError) {
        for plugin in plugins {
            for node in plugin.nodes {
                try PluginNodeRunner.add(node, of: plugin, to: &graph, block: block, lane: lane)
            }
        }
    }

    /// Registers what the plugins run at points of the worker's life.
    func register(in registry: InitRegistry) {
        for plugin in plugins {
            guard let steps = plugin.record.pointee.steps else { continue }
            for index in 0..<Int(plugin.record.pointee.step_count) {
                let step = steps[index]
                guard let phase = InitRegistry.Phase(rawValue: String(cString: step.phase)) else {
                    continue
                }
                func words(_ text: UnsafePointer<CChar>) -> [String] {
                    String(cString: text).split(separator: " ").map(String.init)
                }
                registry.add(
                    OrderedStep(
                        String(cString: step.name),
                        runsBefore: words(step.runs_before),
                        runsAfter: words(step.runs_after)
                    ),
                    phase
                ) { lane throws(StartError) in try plugin.runStep(index, lane: lane) }
            }
        }
    }

    // MARK: Commands and settings

    /// Carries out a command of the plugin called `name`.
    func run(
        _ line: String,
        of name: String
    ) throws(StartError) -> (text: String, settings: [PluginSetting]) {
        guard let plugin = plugins.first(where: { $0.name == name }) else {
            throw StartError("plugin \(name) is not loaded")
        }
        return try plugin.run(line)
    }

    /// Takes a setting of the journal; one of a plugin that is not loaded waits there for a life in which it
    /// is.
    func set(_ setting: PluginSetting) throws(StartError) {
        guard let plugin = plugins.first(where: { $0.name == setting.plugin }) else {
            return log.warning(
                "setting of a plugin that is not loaded",
                metadata: ["plugin": "\(setting.plugin)", "key": "\(setting.key)"]
            )
        }
        touched.insert(plugin.name)
        try plugin.set(setting)
    }

    /// Puts settings in force.
    func commit() throws(StartError) {
        for plugin in plugins where touched.remove(plugin.name) != nil { try plugin.commit() }
    }
}
