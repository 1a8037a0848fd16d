internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor {
    /// Drains the workers in order, stops the keepers, and removes every file; returns when that is
    /// done.
    public func stop() async {
        if stopping == nil {
            isStopping = true
            clockVerification?.cancel()
            hangWatch?.cancel()
            stopping = Task { await stopAll() }
        }
        await stopping?.value
    }

    /// Waits until somebody else's `stop` is done, or somebody wants to `leave`.
    ///
    /// - Returns: whether this supervisor is to leave what runs alone.
    public func waitUntilStopped() async -> Bool {
        if !isStopped && !isLeaving { await withCheckedContinuation { stopWaiters.append($0) } }
        return isLeaving
    }

    /// Ends all processes at once with SIGKILL; `stop` then has only the files to remove.
    public func kill() {
        isStopping = true
        killAll()
    }

    func killAll() {
        for node in nodes.values {
            for process in [node.worker, node.spare?.process, node.keeper] {
                try? process?.child.process.send(signal: SIGKILL)
            }
        }
    }

    private func stopAll() async {
        log(.notice, "stopping")
        seenFlush?.cancel()
        for number in order { nodes[number]?.recovery?.cancel() }
        for number in order { await endSpare(number) }
        for number in order { await stopWorker(number) }
        for number in order { await stopKeeper(number) }
        for number in order { await nodes[number]?.recovery?.value }
        // A recovery may have had something on its way.
        for number in order { await endSpare(number) }
        for number in order { await stopWorker(number) }
        for number in order { await stopKeeper(number) }
        // It writes into a directory that is to go.
        await keeping?.value
        await journal.close()
        removeFiles()
        log(.notice, "stopped")
        isStopped = true
        resumeStopWaiters()
    }

    func resumeStopWaiters() {
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters.removeAll()
    }

    private func stopWorker(_ number: Int) async {
        guard let node = nodes[number], let worker = node.worker else { return }
        await journal.leave(worker)
        let status =
            node.workerPhase == .up
            ? await worker.stop(times: options.times)
            : await worker.terminate(times: options.times)
        log(
            status == nil ? .error : .info,
            "worker-stopped",
            node: number,
            ["status": status.map { "\($0)" } ?? "does not end"]
        )
        if nodes[number]?.worker === worker { workerIsDown(number, cause: "stopped") }
    }

    private func stopKeeper(_ number: Int) async {
        guard let node = nodes[number], let keeper = node.keeper else { return }
        let status =
            node.keeperPhase == .up
            ? await keeper.stop(times: options.times)
            : await keeper.terminate(times: options.times)
        log(
            status == nil ? .error : .info,
            "keeper-stopped",
            node: number,
            ["status": status.map { "\($0)" } ?? "does not end"]
        )
        nodes[number]?.keeper = nil
        nodes[number]?.keeperPhase = .down
        nodes[number]?.keeperState = .stopped
    }

    private func removeFiles() {
        for number in order { nodes[number]?.segment = nil }
        files.removeAll()
        for node in runtime.nodeNumbers { removeDirectory(node: node) }
        releaseDirectory()
    }

    /// Leaves the runtime directory as it was, but for this supervisor's own files.
    func releaseDirectory() {
        SmallFile.remove(runtime.path + "/instance")
        if runtime.records.isEmpty {
            removeDescription()
            removeCanaryFile()
        }
        for lock in locks { lock.remove() }
        locks.removeAll()
        SmallFile.remove(runtime.path)
    }
}
