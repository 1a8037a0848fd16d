internal import ControlProtocol
internal import Coordination

extension Supervisor {
    /// How long a recovery's report waits for the buffers to be counted.
    private static let auditSeconds = 10

    /// Takes note of what the queues of a node's ports hold, and tells its workers, who count all buffers.
    func notePortBuffers(_ number: Int, _ ports: [PortStatus]) {
        guard let node = nodes[number], !ports.isEmpty else { return }
        var sum = PortBuffers()
        for port in ports {
            sum.receive += port.buffers.receive
            sum.slack += port.buffers.slack
            sum.transmitMost += port.buffers.transmitMost
        }
        nodes[number]?.portBuffers = sum
        for segment in [node.segment, node.spare?.segment] { segment?.store(sum) }
    }

    /// Says in the report of a recovery whether all buffers are accounted for, once the node's worker has
    /// counted them.
    func awaitAudit(of number: Int, after death: UInt32) {
        guard let segment = nodes[number]?.segment else { return }
        Task {
            for _ in 0..<(Self.auditSeconds * 20) {
                guard (try? await Task.sleep(for: .milliseconds(50))) != nil, !isStopping,
                    nodes[number]?.segment?.load(.incarnation) == segment.load(.incarnation)
                else { return }
                // A difference counts when it was found twice.
                guard segment.load(.poolAudits) >= 3 else { continue }
                let missing =
                    Int(clamping: segment.load(.poolMissing))
                    - Int(clamping: segment.load(.poolSurplus))
                for index in nodes[number]?.recoveries.indices ?? 0..<0
                where nodes[number]?.recoveries[index].incarnation == death {
                    nodes[number]?.recoveries[index].missing = missing
                }
                return
            }
        }
    }
}

extension WorkerSegment {
    /// Tells a worker what the queues of its node's ports hold.
    func store(_ buffers: PortBuffers) {
        store(.portBuffers, UInt64(buffers.receive))
        store(.portSlack, UInt64(buffers.slack))
        store(.portMost, UInt64(buffers.transmitMost))
    }

    /// How far a dead worker was in the journal, as the end of a sentence; empty: it had taken nothing.
    var lastChange: String {
        let (applied, begun) = (load(.changeNumber), load(.changeBegun))
        return begun > applied
            ? ", while it applied change \(begun)" : applied > 0 ? ", at change \(applied)" : ""
    }

    /// What is wrong with the buffers of the worker's pool; empty: nothing is known to be.
    var bufferAlarm: String {
        let (missing, surplus) = (load(.poolMissing), load(.poolSurplus))
        guard missing > 0 || surplus > 0 else { return "" }
        let total = load(.poolTotal)
        return missing > 0
            ? "alarm: nobody has \(missing) of \(total) buffers (show buffers)"
            : "alarm: \(surplus) of \(total) buffers are free or held twice (show buffers)"
    }
}
