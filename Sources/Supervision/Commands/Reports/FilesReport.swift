internal import Foundation

/// `show files`: what the processes have open.
struct FilesReport: CommandResult {
    /// An open file.
    struct File: Encodable, Sendable {
        /// `supervisor`, `keeper`, `worker`, `spare`.
        var process: String
        /// nil: the supervisor's.
        var numaNode: Int?
        var pid: Int32
        var descriptor: Int
        /// A path, or what the kernel calls it, such as `socket:[4711]`.
        var file: String
    }

    var files: [File] = []

    /// Looks at the processes.
    ///
    /// - Parameters:
    ///   - view: which there are.
    ///   - node: only those of this NUMA node; nil: all, and the supervisor.
    init(_ view: DataplaneView, only node: Int?) {
        if node == nil { add("supervisor", nil, getpid()) }
        for status in view.nodes where node == nil || status.number == node {
            add("keeper", status.number, status.keeperPID)
            add("worker", status.number, status.workerPID)
            add("spare", status.number, status.sparePID)
        }
    }

    private mutating func add(_ process: String, _ node: Int?, _ pid: Int32?) {
        guard let pid else { return }
        let folder = "/proc/\(pid)/fd"
        // One that has ended meanwhile has nothing open.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for descriptor in names.compactMap(Int.init).sorted() {
            let path = "\(folder)/\(descriptor)"
            guard let file = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else {
                continue
            }
            files.append(
                File(process: process, numaNode: node, pid: pid, descriptor: descriptor, file: file)
            )
        }
    }

    var text: String {
        var table = TextTable([
            .init("Process", 11, .left), .init("NUMA node", 9), .init("PID", 8), .init("FD", 5),
            .init("File", 0, .left),
        ])
        for file in files {
            table.add([
                file.process, file.numaNode.map { "\($0)" } ?? "-", "\(file.pid)",
                "\(file.descriptor)", file.file,
            ])
        }
        return table.text
    }
}
