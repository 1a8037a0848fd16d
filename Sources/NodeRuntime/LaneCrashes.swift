internal import ControlProtocol
internal import Coordination
internal import LinuxSystem

#if canImport(Glibc)
    internal import Glibc
#endif

extension NodeArguments {
    /// Has a crash of this process reported, if it was told where.
    func reportCrashes(of role: String) {
        guard let crashFile else { return }
        CrashReport.install(
            path: crashFile,
            title: "causeway-node \(Build.version) \(role), NUMA node \(node), "
                + "incarnation \(incarnation), pid \(getpid())"
        )
    }
}

/// Names the lane and the graph node in the report of a worker's crash.
enum LaneCrashes {
    /// Adds to the reports of this process what its segment says of the crashed thread.
    static func watch(_ segment: WorkerSegment) {
        let lanes = (0..<segment.laneCount).map { segment.lane($0) }
        CrashReport.setDetails { writer, thread in
            // Reading an array that lives as long as the process allocates nothing.
            for index in lanes.indices {
                let lane = lanes[index]
                guard lane.load(.threadID) == UInt64(UInt32(bitPattern: thread)) else { continue }
                writer.put("lane ").put(UInt64(index))
                writer.put(", cpu ").put(lane.load(.cpu))
                writer.put(", turn ").put(lane.load(.loops))
                let node = lane.load(.currentNode)
                if node > 0, let name = segment.nodeNameBytes(Int(clamping: node) - 1) {
                    writer.put(", in graph node ").put(name)
                }
                writer.put("\n")
                return
            }
            writer.put("control lane\n")
        }
    }
}
