public import Foundation

/// Why a dataplane under test did not behave as a program must.
public enum LiveDataplaneError: Error, CustomStringConvertible {
    case machineLacks(String)
    case didNotForward(log: String)
    case endedBadly(String, log: String)
    case commandRefused(CommandResult)
    case leftBehind([String])

    /// What went wrong, with the log.
    public var description: String {
        switch self {
        case .machineLacks(let what): "this machine cannot run the test: \(what)"
        case .didNotForward(let log): "the workers did not come to forward; the log:\n\(log)"
        case .endedBadly(let how, let log): "\(how); the log:\n\(log)"
        case .commandRefused(let result): result.description
        case .leftBehind(let things): "left behind: \(things.joined(separator: ", "))"
        }
    }
}

/// A supervisor with its keepers and workers, started from the release build, with a name of its
/// own.
public struct LiveDataplane: Sendable {
    /// The instance's name: what it makes on the machine begins with it.
    public let instance: String
    /// Where its sockets are.
    public let runtimeDirectory: String
    /// Where its topology file, startup file and command files are.
    public let folder: URL
    /// The supervisor.
    public let supervisor: RunningCommand

    /// A name that no other dataplane has, short enough for names of interfaces that begin with it.
    public static func freshName() -> String {
        "cw\(getpid() % 100_000)x\(counter.next())"
    }

    /// Writes the two files and starts the supervisor; waits for nothing.
    ///
    /// - Parameters:
    ///   - instance: see `freshName()`.
    ///   - topology: the text of the topology file.
    ///   - topologyPath: what the startup file names instead of that file; nil: that file.
    ///   - startup: further lines of the startup file.
    /// - Throws: what the file system or the program's start did.
    public init(
        starting instance: String,
        topology: String,
        topologyPath: String? = nil,
        startup: String = ""
    ) throws {
        self.instance = instance
        runtimeDirectory = "/run/\(instance)"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "causeway-\(instance)"
        )
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let topologyFile = folder.appendingPathComponent("topology.yaml")
        try topology.write(to: topologyFile, atomically: true, encoding: .utf8)
        let startupFile = folder.appendingPathComponent("startup.conf")
        // Idle lanes sleep, because a test machine has other work for its CPUs.
        let text = """
            unix {
              nodaemon
              runtime-dir \(runtimeDirectory)
              state-dir \(folder.path)/state
              cli-listen \(runtimeDirectory)/api.sock
              poll-sleep-usec 100
            }
            instance \(instance)
            topology \(topologyPath ?? topologyFile.path)
            \(startup)

            """
        try text.write(to: startupFile, atomically: true, encoding: .utf8)
        supervisor = try RunningCommand([Machine.program("causeway"), "-c", startupFile.path])
    }

    /// Runs a body against a dataplane whose workers forward, then stops it; whatever happens,
    /// nothing stays.
    ///
    /// - Throws: what the body throws; `LiveDataplaneError` when the dataplane does not start,
    ///   does not end with exit status 0 at SIGTERM, or leaves something behind.
    public static func run<Result: Sendable>(
        instance: String = freshName(),
        topology: String,
        startup: String = "",
        _ body: (LiveDataplane) async throws -> Result
    ) async throws -> Result {
        if let reason = Machine.lacksForDataplane() {
            throw LiveDataplaneError.machineLacks(reason)
        }
        let dataplane = try LiveDataplane(starting: instance, topology: topology, startup: startup)
        let result: Result
        do {
            try await dataplane.waitUntilForwarding()
            result = try await body(dataplane)
        } catch {
            dataplane.keepLog()
            await dataplane.destroy()
            throw error
        }
        try await dataplane.stop()
        return result
    }

    /// What the supervisor and its processes have said so far.
    public var log: String { supervisor.errors + supervisor.output }

    /// Waits until every node's worker forwards.
    public func waitUntilForwarding(withinSeconds seconds: Double = 60) async throws {
        let isDone = await eventually(withinSeconds: seconds) {
            if !supervisor.isRunning { return true }
            guard let nodes = try? await show("nodes")["nodes"].elements else { return false }
            return !nodes.isEmpty && nodes.allSatisfy { $0["workerState"].string == "forwarding" }
        }
        guard isDone, supervisor.isRunning else { throw LiveDataplaneError.didNotForward(log: log) }
    }

    /// Stops it in order.
    ///
    /// - Throws: `LiveDataplaneError` for an exit status other than 0 and for what is left behind.
    public func stop() async throws {
        supervisor.signal(SIGTERM)
        let ending = try? await supervisor.end(withinSeconds: 30)
        keepLog()
        let log = log
        let leftovers = leftovers()
        await destroy()
        guard let ending else {
            throw LiveDataplaneError.endedBadly("SIGTERM did not end it in 30 s", log: log)
        }
        guard ending.status == 0 else {
            throw LiveDataplaneError.endedBadly(
                "exit status \(ending.status) after SIGTERM",
                log: log
            )
        }
        guard leftovers.isEmpty else { throw LiveDataplaneError.leftBehind(leftovers) }
    }

    /// Stops it in order and leaves its folder, for another one of the same name to start with.
    public func stopKeepingFolder() async throws {
        supervisor.signal(SIGTERM)
        let ending = try await supervisor.end(withinSeconds: 30)
        guard ending.status == 0 else {
            throw LiveDataplaneError.endedBadly("exit status \(ending.status)", log: log)
        }
    }

    /// Keeps the log for whoever looks into a failure, if CAUSEWAY_TEST_LOGS names a folder for it.
    private func keepLog() {
        guard let folder = ProcessInfo.processInfo.environment["CAUSEWAY_TEST_LOGS"] else { return }
        try? log.write(toFile: "\(folder)/\(instance).log", atomically: true, encoding: .utf8)
    }
}

private let counter = Counter()

/// Counts from 1.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    func next() -> Int {
        lock.withLock {
            value += 1
            return value
        }
    }
}
