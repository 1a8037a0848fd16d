internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

extension NodeProcess {
    /// What a process is started with.
    struct Launch: Sendable {
        var name: ProcessName
        var executable: String
        /// For DPDK's EAL, after the program's own.
        var environmentArguments: [String]
        var environment: [String: String]
        var runtime: RuntimeDirectory

        var socket: String {
            switch name.role {
            case .keeper: runtime.keeperSocket(node: name.node)
            case .worker: runtime.workerSocket(node: name.node, incarnation: name.incarnation)
            }
        }

        /// Where the process reports its crash.
        var crashFile: String { runtime.crashFile(node: name.node, name: name.fileName) }

        var arguments: [String] {
            [
                "\(name.role)", "--node", "\(name.node)", "--incarnation", "\(name.incarnation)",
                "--listen-fd", "3", "--crash-file", crashFile, "--",
            ] + environmentArguments
        }

        func failure(_ what: String, _ errno: Errno) -> StepFailure {
            StepFailure(
                process: name,
                cause: .start(what: what, errno),
                lastState: .starting,
                detail: ""
            )
        }
    }

    /// Starts a process, connected to and watched.
    ///
    /// The connection is made before the process runs and waits in the socket's backlog. The
    /// supervisor keeps no copy of the listening socket, so that connecting to a dead process
    /// fails.
    static func start(
        _ launch: Launch,
        handler: @escaping Handler
    ) async throws(StepFailure) -> NodeProcess {
        let socket = launch.socket
        let listener: CInt
        let channel: MessageChannel
        do throws(Errno) {
            try launch.runtime.makeDirectory(node: launch.name.node)
            // A report of the same name is that of an earlier supervisor's process.
            SmallFile.remove(launch.crashFile)
            listener = try MessageChannel.listen(path: socket)
        } catch { throw launch.failure("cannot listen at \(socket)", error) }
        defer { close(listener) }
        do throws(Errno) {
            channel = try MessageChannel.connect(path: socket)
        } catch { throw launch.failure("cannot connect to \(socket)", error) }
        let child: ChildProcess
        do throws(Errno) {
            child = try ChildProcess.spawn(
                executable: launch.executable,
                arguments: launch.arguments,
                environment: launch.environment,
                descriptor: listener
            )
        } catch {
            launch.runtime.remove(node: launch.name.node, name: launch.name.fileName)
            throw launch.failure("cannot start \(launch.executable)", error)
        }
        let record = RuntimeDirectory.Record(
            node: launch.name.node,
            name: launch.name.fileName,
            stamp: child.stamp
        )
        try? launch.runtime.write(record)
        let process = NodeProcess(
            name: launch.name,
            child: child,
            channel: channel,
            runtime: launch.runtime,
            handler: handler
        )
        await process.watch()
        return process
    }

    /// Takes hold of a process that an earlier supervisor started, connected to and watched.
    ///
    /// - Parameters:
    ///   - name: who it is by its record.
    ///   - stamp: what it is recognised by.
    ///   - runtime: where its socket is.
    ///   - handler: gets what it says by itself.
    /// - Returns: the process; nil: it does not run any more, or takes no connection.
    static func adopt(
        _ name: ProcessName,
        _ stamp: ProcessStamp,
        in runtime: RuntimeDirectory,
        handler: @escaping Handler
    ) async -> NodeProcess? {
        guard let child = ChildProcess.adopt(stamp) else { return nil }
        let socket =
            switch name.role {
            case .keeper: runtime.keeperSocket(node: name.node)
            case .worker: runtime.workerSocket(node: name.node, incarnation: name.incarnation)
            }
        do throws(Errno) {
            let channel = try MessageChannel.connect(path: socket)
            let process = NodeProcess(
                name: name,
                child: child,
                channel: channel,
                runtime: runtime,
                handler: handler
            )
            await process.watch()
            return process
        } catch { return nil }
    }
}
