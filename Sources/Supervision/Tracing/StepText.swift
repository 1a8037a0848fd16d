internal import Coordination

/// A record of a trace in words: what the graph node did, then the packet's headers.
struct StepText {
    let reading: TraceReading
    let step: TracedStep
    /// By `sw_if_index`.
    let interfaces: [Int: String]
    let isVerbose: Bool

    private var record: TraceRecord { step.record }

    /// The lines below the node's name, not indented.
    func lines(from origin: String) -> [String] {
        var lines = action(from: origin)
        if isVerbose { lines.append(buffer) }
        lines += HeaderText(step.bytes, length: Int(record.length)).lines(Self.layer(of: step))
        if !record.isComplete { lines.append("the graph node has not returned") }
        return lines
    }

    /// The graph node.
    var name: String { reading.name(ofNode: record.node) }

    private func interface(_ index: UInt16) -> String {
        interfaces[Int(index)] ?? "sw_if_index \(index)"
    }

    /// What the node did.
    private func action(from origin: String) -> [String] {
        switch TraceRecord.Kind(rawValue: record.kind) {
        case .fromLane, .fromWorker: return ["HANDED-OFF: from \(origin)"]
        case .start: return ["\(interface(record.rxInterface)) rx, length \(record.length)"]
        case .node, nil: break
        }
        let hash = "flow hash: \(HeaderText.hex(Int(record.flowHash), 8))"
        switch name {
        case "ip4-lookup": return ["fib 0 dpo-idx \(record.adjacency) \(hash)"]
        case "ip4-rewrite":
            return [
                "tx_sw_if_index \(record.txInterface) dpo-idx \(record.adjacency) \(hash) : "
                    + interface(record.txInterface)
            ]
        case "interface-output": return [interface(record.txInterface)]
        case "worker-handoff":
            let port =
                record.txInterface == 0 ? "" : ", to leave by \(interface(record.txInterface))"
            return [hash + port]
        case "error-drop": return ["rx:\(interface(record.rxInterface))", reason]
        case "ip4-arp", "ip4-glean":
            return record.next == TraceRecord.ended ? ["held until its neighbour is known"] : []
        case _ where name.hasSuffix("-tx"):
            return ["\(interface(record.txInterface)) tx, length \(record.length)"]
        case _ where Self.knownNodes.contains(name): return []
        default: return record.next == TraceRecord.ended ? ["packet taken"] : [next]
        }
    }

    /// Nodes of which the next record says enough.
    private static let knownNodes: Set<String> = [
        "ethernet-input", "arp-input", "ip4-input", "ip4-input-features", "ip4-local",
        "ip4-icmp-echo-request", "ip4-icmp-error", "ip4-frag",
    ]

    private var next: String { "next: \(reading.name(ofNode: record.next))" }

    /// Why a packet was dropped.
    private var reason: String {
        guard Int(record.error) < reading.reasons.count else { return "reason \(record.error)" }
        let reason = reading.reasons[Int(record.error)]
        return "\(reading.name(ofNode: UInt16(clamping: reason.node))): \(reason.reason)"
    }

    private var buffer: String {
        "buffer: length \(record.length), headroom \(record.headroom), l3 offset \(record.l3Offset)"
            + ", flags \(HeaderText.hex(Int(record.flags), 4)), rx \(record.rxInterface), tx "
            + "\(record.txInterface), adjacency \(record.adjacency), trace index \(record.index), "
            + (record.next == TraceRecord.ended ? "not passed on" : next)
    }

    /// What the kept bytes begin with.
    static func layer(of step: TracedStep) -> HeaderText.Layer {
        if Int(step.record.headroom) == TraceRecord.frameHeadroom { return .ethernet }
        if step.bytes.starts(with: [0, 1, 8, 0]) { return .arp }
        return step.bytes.first.map { $0 >> 4 == 4 } ?? false ? .ipv4 : .other
    }
}
