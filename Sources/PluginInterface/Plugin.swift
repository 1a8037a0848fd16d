public import CPlugin

/// Why a plugin refuses something; the text is for the operator.
public struct PluginError: Error, CustomStringConvertible {
    /// What is wrong, and what to change.
    public let description: String

    /// Makes a refusal with a sentence without a period.
    public init(_ description: String) { self.description = description }
}

/// What a plugin has to be.
///
/// It lives in one worker process as long as that does. All calls come on the control thread, one at a
/// time; only its graph nodes run on lanes (`PluginNode`).
public protocol Plugin: AnyObject {
    /// What `show plugins` calls it.
    static var name: String { get }
    /// Its own version.
    static var version: String { get }
    /// What it is for, in a few words.
    static var summary: String { get }
    /// Its graph nodes.
    static var nodes: [PluginNode] { get }
    /// Its commands.
    static var commands: [PluginCommand] { get }
    /// What it runs once at points of the worker's life.
    static var steps: [PluginStep] { get }

    /// Early init, before the graph is built.
    ///
    /// - Throws: why the plugin cannot run here.
    init(host: Host) throws(PluginError)

    /// Takes the words of `plugins { plugin FILE { configure { ... } } }`.
    ///
    /// - Throws: what is wrong with them; the worker does not start then.
    func configure(_ words: [String]) throws(PluginError)

    /// Makes a lane's state of a graph node; it is given to the node's `process`.
    func makeState(node: String, lane: Int) -> UnsafeMutableRawPointer?

    /// Carries out one of its commands.
    ///
    /// - Parameters:
    ///   - words: the whole line.
    ///   - answer: takes text for the operator and, in a command that changes, settings.
    /// - Throws: why not; nothing is changed then.
    func run(_ words: [String], _ answer: Answer) throws(PluginError)

    /// Takes a setting, nil: it is gone; in force after `commit`.
    ///
    /// Settings come from the supervisor's journal: the same ones, in the same order, on every worker, and
    /// all of them again in a worker's next life.
    ///
    /// - Throws: why it is refused; every worker then gets the former setting back.
    func set(_ key: String, _ value: String?) throws(PluginError)

    /// Puts what was set since the last call in force.
    ///
    /// - Throws: why it cannot be; every worker then gets the former settings back.
    func commit() throws(PluginError)
}

extension Plugin {
    /// No graph nodes.
    public static var nodes: [PluginNode] { [] }
    /// No commands.
    public static var commands: [PluginCommand] { [] }
    /// Nothing to run.
    public static var steps: [PluginStep] { [] }

    /// Takes no words.
    public func configure(_ words: [String]) throws(PluginError) {
        if let word = words.first { throw PluginError("\(Self.name) takes no \"\(word)\"") }
    }

    /// No state.
    public func makeState(node: String, lane: Int) -> UnsafeMutableRawPointer? { nil }

    /// Makes the plugin, whatever its type is.
    static func make(host: Host) throws(PluginError) -> any Plugin { try Self(host: host) }

    /// Has no commands.
    public func run(_ words: [String], _ answer: Answer) throws(PluginError) {
        throw PluginError("\(Self.name) has no such command")
    }

    /// Has no settings.
    public func set(_ key: String, _ value: String?) throws(PluginError) {
        throw PluginError("\(Self.name) has no setting \(key)")
    }

    /// Has nothing to do.
    public func commit() throws(PluginError) {}
}

/// A graph node of a plugin.
public struct PluginNode: Sendable {
    /// Works on a frame, on a lane: a closure that captures nothing.
    public typealias Process =
        @convention(c) @Sendable (UnsafeMutableRawPointer?, UnsafePointer<cw_frame>) -> Void

    /// The name, unique in the graph.
    public var name: String
    /// The graph nodes that its exits lead to; `next` is the next feature of the arc.
    public var exits: [String]
    /// The texts of its reasons for dropping or counting packets.
    public var reasons: [String]
    /// The positions of those reasons that are no drops.
    public var informational: Set<Int>
    /// The feature arc, such as `ip4-unicast`; nil: none.
    public var arc: String?
    /// The features that it comes before and after.
    public var runsBefore: [String]
    /// The features that it comes after.
    public var runsAfter: [String]
    /// Works on a frame.
    public var process: Process

    /// Makes a description of a node.
    public init(
        _ name: String,
        exits: [String],
        reasons: [String] = [],
        informational: Set<Int> = [],
        arc: String? = nil,
        runsBefore: [String] = [],
        runsAfter: [String] = [],
        process: @escaping Process
    ) {
        self.name = name
        self.exits = exits
        self.reasons = reasons
        self.informational = informational
        self.arc = arc
        self.runsBefore = runsBefore
        self.runsAfter = runsAfter
        self.process = process
    }
}

/// A command of a plugin.
public struct PluginCommand: Sendable {
    /// The words that it begins with.
    public var words: String
    /// Its arguments, for people.
    public var arguments: String
    /// What it is for.
    public var summary: String
    /// Whether it changes settings; else every worker answers it.
    public var changes: Bool

    /// Makes a description of a command.
    public init(_ words: String, _ arguments: String = "", changes: Bool, _ summary: String) {
        self.words = words
        self.arguments = arguments
        self.summary = summary
        self.changes = changes
    }
}

/// Something that a plugin runs once at a point of the worker's life.
public struct PluginStep: Sendable {
    /// The points.
    public enum Phase: String, Sendable {
        case earlyConfiguration = "early-config"
        case initialize = "init"
        case lateConfiguration = "config"
        case worker, enter, exit
    }

    /// Unique within its phase.
    public var name: String
    /// When it runs.
    public var phase: Phase
    /// The functions that it runs before.
    public var runsBefore: [String]
    /// The functions that it runs after.
    public var runsAfter: [String]
    /// What it does; gets the plugin and, in phase `worker`, the lane.
    public var run: @Sendable (any Plugin, Int) throws -> Void

    /// Makes a description of a step.
    public init(
        _ name: String,
        _ phase: Phase,
        runsBefore: [String] = [],
        runsAfter: [String] = [],
        run: @escaping @Sendable (any Plugin, Int) throws -> Void
    ) {
        self.name = name
        self.phase = phase
        self.runsBefore = runsBefore
        self.runsAfter = runsAfter
        self.run = run
    }
}
