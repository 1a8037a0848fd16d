internal import CLinux
internal import ControlProtocol
internal import PacketBuffers

#if canImport(Glibc)
    internal import Glibc
#endif

/// Gives the lanes' threads their scheduling policy before they begin to poll.
struct LaneScheduling {
    private let configuration: WorkerConfiguration

    init(_ configuration: WorkerConfiguration) { self.configuration = configuration }

    /// What a lane's thread is to set, and what came of it.
    private struct Request {
        var policy: Int32
        var priority: Int32
        var error: Int32 = 0
    }

    /// Has each thread set its own policy.
    ///
    /// - Throws: the kernel's refusal, with what may be done about it.
    func apply() throws(StartError) {
        guard configuration.lanes.policy != 0 else { return }
        let request = UnsafeMutablePointer<Request>.allocate(capacity: 1)
        defer { request.deallocate() }
        for lane in configuration.laneCPUs.indices {
            request.initialize(
                to: Request(
                    policy: Int32(configuration.lanes.policy),
                    priority: Int32(configuration.lanes.priority)
                )
            )
            let lcore = Int(configuration.firstLaneLcore) + lane
            do throws(DPDKError) {
                try EAL.launch(lcore: lcore, argument: request) { argument in
                    guard let request = argument?.assumingMemoryBound(to: Request.self) else {
                        return -1
                    }
                    request.pointee.error = CLinux_set_scheduler(
                        request.pointee.policy,
                        request.pointee.priority
                    )
                    return 0
                }
            } catch { throw StartError("\(error)") }
            EAL.wait(lcore: lcore)
            guard request.pointee.error == 0 else {
                throw StartError(
                    "lane \(lane) cannot have scheduling policy \(configuration.lanes.policy), "
                        + "priority \(configuration.lanes.priority): "
                        + String(cString: strerror(request.pointee.error))
                        + "; `fifo` and `rr` take a scheduler-priority of 1 to 99, the others 0"
                )
            }
        }
    }
}
