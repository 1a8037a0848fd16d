internal import CausewayConfiguration
internal import Coordination
internal import LinuxSystem
internal import Logging
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// Lives of workers that are over: their counters and event logs stay until they are cleared, or until there
/// are too many.
extension Supervisor {
    /// The lives that are over of a node, oldest first.
    ///
    /// - Parameter node: the NUMA node's number in the placement.
    /// - Returns: those that are kept.
    public func deadLives(node: Int) async -> [DeadLife] { nodes[node]?.deadLives ?? [] }

    /// Forgets what is kept of lives that are over.
    ///
    /// - Parameters:
    ///   - node: the NUMA node's number in the placement.
    ///   - incarnation: only this life; nil: all of the node.
    /// - Returns: how many were forgotten.
    /// - Throws: `ChangeError` if nothing is kept of that life.
    public func clearDeadLives(
        node: Int,
        incarnation: UInt32?
    ) async throws(ChangeError) -> Int {
        let kept = nodes[node]?.deadLives ?? []
        let chosen = kept.filter { incarnation == nil || $0.incarnation == incarnation }
        if let incarnation, chosen.isEmpty {
            throw ChangeError(DeadLife.absence(of: incarnation, node: node, among: kept))
        }
        for life in chosen { forget(life) }
        return chosen.count
    }

    /// Keeps what a life of a node's worker has left.
    ///
    /// - Parameters:
    ///   - node: with the life's segment and event log.
    ///   - cause: why it ended.
    func keepLife(of node: NodeState, cause: String) {
        let number = node.placement.number
        guard let segment = node.segment, !isStopping,
            node.deadLives.last?.incarnation != node.incarnation
        else { return }
        keepEvents(of: node)
        let life = DeadLife(
            node: number,
            incarnation: node.incarnation,
            cause: cause,
            unixSeconds: time(nil),
            segment: segment,
            eventLog: node.eventLog,
            traceFile: runtime.traceFile(node: number, incarnation: node.incarnation)
        )
        let record = DeadLifeRecord(unixSeconds: life.unixSeconds, cause: cause)
        do throws(Errno) {
            let file = runtime.lifeFile(node: number, incarnation: life.incarnation)
            try SmallFile.write(file, record.text)
        } catch { log(.warning, "life-not-recorded", node: number, ["reason": "\(error)"]) }
        nodes[number]?.deadLives.append(life)
        limitDeadLives(number)
    }

    /// Takes up what an earlier supervisor kept, and what died while none ran.
    func adoptDeadLives(_ number: Int, but owned: Set<UInt32>) {
        for incarnation in runtime.lives(.segment, node: number) where !owned.contains(incarnation)
        {
            let file = runtime.lifeFile(node: number, incarnation: incarnation)
            let record =
                SmallFile.read(file).flatMap { DeadLifeRecord($0) }
                ?? DeadLifeRecord(unixSeconds: time(nil), cause: "no supervisor saw it")
            let path = files.segmentFile(node: number, incarnation: incarnation)
            let log = files.eventLogFile(node: number, incarnation: incarnation)
            let segment = try? WorkerSegment.open(path: path, writable: true)
            segment?.store(.ended, 1)
            nodes[number]?.deadLives.append(
                DeadLife(
                    node: number,
                    incarnation: incarnation,
                    cause: record.cause,
                    unixSeconds: record.unixSeconds,
                    segment: segment,
                    eventLog: try? EventLog.open(path: log, writable: true),
                    traceFile: runtime.traceFile(node: number, incarnation: incarnation)
                )
            )
            if !SmallFile.exists(file) { try? SmallFile.write(file, record.text) }
        }
        limitDeadLives(number)
    }

    private func limitDeadLives(_ number: Int) {
        let limit = max(1, options.statistics.deadLives)
        while let lives = nodes[number]?.deadLives, lives.count > limit { forget(lives[0]) }
    }

    private func forget(_ life: DeadLife) {
        nodes[life.node]?.deadLives.removeAll { $0.incarnation == life.incarnation }
        files.removeSegment(node: life.node, incarnation: life.incarnation)
        runtime.removeLinks(node: life.node, incarnation: life.incarnation)
        SmallFile.remove(runtime.lifeFile(node: life.node, incarnation: life.incarnation))
        // The trace file may still be on its way.
        let before = keeping
        keeping = Task.detached(executorPreference: QuietExecutor.shared) {
            await before?.value
            SmallFile.remove(life.traceFile)
        }
    }
}

extension DeadLife {
    /// Says that nothing is kept of a life, and of which something is.
    static func absence(of incarnation: UInt32, node: Int, among kept: [DeadLife]) -> String {
        let list = kept.map { "\($0.incarnation)" }.joined(separator: ", ")
        return "nothing is kept of life \(incarnation) of node \(node)'s worker; "
            + (list.isEmpty ? "no life of it is kept" : "kept are \(list)")
    }
}
