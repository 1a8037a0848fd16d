internal import Coordination
internal import LinuxSystem
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#endif

extension Supervisor {
    /// Ends what a crashed supervisor left running and removes what it left lying about.
    ///
    /// Both locks are held: nobody else may own anything of this runtime directory or this
    /// instance.
    func removeLeftovers() {
        removeCanaryFile()
        // Workers before keepers, as in an orderly stop.
        let records = runtime.records.sorted { $0.name > $1.name }
        for record in records { endOrphan(record) }
        for node in runtime.nodeNumbers {
            removeDirectory(node: node) { log(.warning, "stale-file-removed", ["path": $0]) }
        }
        var pages: [String: Int] = [:]
        for path in files.present() {
            guard let end = path.firstRange(of: "map_") else {
                removeStale(path)
                continue
            }
            // DPDK has a file for each hugepage: one word for all of a node's.
            if SmallFile.remove(path) { pages[path[..<end.upperBound] + "*", default: 0] += 1 }
        }
        for (path, count) in pages.sorted(by: { $0.key < $1.key }) {
            log(.warning, "stale-files-removed", ["path": path, "count": "\(count)"])
        }
    }

    private func removeStale(_ path: String) {
        guard SmallFile.removeTree(path) else {
            return log(.error, "stale-file-stays", ["path": path])
        }
        log(.warning, "stale-file-removed", ["path": path])
    }

    private func endOrphan(_ record: RuntimeDirectory.Record) {
        // The stamp is compared after the process is held, so that the number cannot change its
        // meaning between.
        guard let process = try? ProcessDescriptor(pid: record.stamp.pid), record.stamp.isAlive
        else { return }
        let fields = ["process": record.name, "pid": "\(record.stamp.pid)"]
        log(.warning, "orphan-found", node: record.node, fields)
        let time = Int32(clamping: Int(options.times.end.components.seconds) * 1000)
        for signal in [SIGTERM, SIGKILL] {
            try? process.send(signal: signal)
            if process.waitForEnd(milliseconds: signal == SIGTERM ? min(time, 2000) : time) {
                return log(
                    .warning,
                    "orphan-stopped",
                    node: record.node,
                    fields.merging(["signal": "\(signal)"]) { $1 }
                )
            }
        }
        log(.error, "orphan-stays", node: record.node, fields)
    }
}
