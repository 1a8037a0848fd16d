internal import Coordination
internal import SystemPackage

/// A worker's two parts in a planned restart.
extension Worker {
    /// How long a successor waits for its predecessor.
    private static let longestWaitMicroseconds: UInt64 = 3_000_000

    /// Looks whether this worker can go on where another ends; nothing is changed.
    func prepareTakeOver(record: String, segment: String) throws(StartError) -> String {
        guard let forwarder, state == .ready else {
            throw StartError("the worker is \(state), not ready")
        }
        let old: WorkerSegment
        let handover: HandoverRecord
        do throws(Errno) {
            old = try WorkerSegment.open(path: segment, writable: false)
            handover = try HandoverRecord.open(path: record)
        } catch { throw StartError("cannot read what it is to take over: \(error)") }
        if let difference = forwarder.segment.difference(from: old) {
            throw StartError("its graph is another: \(difference)")
        }
        inheritance = (handover, old)
        return ""
    }

    /// Leaves everything to a successor; this worker only waits for its end afterwards.
    func handOver(_ path: String) throws(StartError) -> String {
        guard let forwarder, state == .forwarding else {
            throw StartError("the worker is \(state), not forwarding")
        }
        let record: HandoverRecord
        do throws(Errno) { record = try HandoverRecord.open(path: path) } catch {
            throw StartError("\(path): \(error)")
        }
        guard record.begin() else { throw StartError("the restart was given up") }
        do throws(StartError) { try forwarder.handOver(record) } catch {
            record.fail()
            throw error
        }
        enter(.draining, "handed over")
        return ""
    }

    /// Waits for the predecessor's record and goes on from there.
    func takeOver() throws(StartError) -> String {
        guard let forwarder, let inheritance, state == .ready else {
            throw StartError("the worker is \(state) and has prepared nothing")
        }
        self.inheritance = nil
        guard
            inheritance.record.waitUntilHanded(microseconds: Self.longestWaitMicroseconds)
        else { throw StartError("the predecessor did not hand over in time") }
        let gap = try forwarder.takeOver(inheritance.record, inheritance.segment)
        enter(.forwarding, "took over")
        return "\(Int(gap.rounded()))"
    }
}
