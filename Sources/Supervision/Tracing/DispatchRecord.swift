internal import Coordination

/// A packet before a graph node's call, in the form of VPP's dispatch traces, which Wireshark reads
/// (LINKTYPE_VPP_DISPATCH): version, number of strings, protocol, buffer, strings that end with 0, packet.
struct DispatchRecord {
    /// Version 1.0 of the form.
    private static let version: [UInt8] = [1, 0]

    /// What the packet begins with, by the form's numbers.
    private enum Hint: UInt8 {
        case ethernet = 1
        case ipv4 = 2
    }

    private let packet: LaneCapture.Packet
    private let lane: (node: Int, lane: Int)
    private let nodeNames: [String]
    private let reasons: [String]
    private let interfaces: [Int: String]

    /// Describes a packet.
    ///
    /// - Parameters:
    ///   - packet: captured by `CaptureSet.dispatch`.
    ///   - lane: the NUMA node and the lane that captured it.
    ///   - nodeNames: of the lane's graph nodes, by graph index.
    ///   - reasons: for drops, by index.
    ///   - interfaces: names, by `sw_if_index`.
    init(
        packet: LaneCapture.Packet,
        lane: (node: Int, lane: Int),
        nodeNames: [String],
        reasons: [String],
        interfaces: [Int: String]
    ) {
        self.packet = packet
        self.lane = lane
        self.nodeNames = nodeNames
        self.reasons = reasons
        self.interfaces = interfaces
    }

    private var header: CapturedPacket { packet.header }

    /// Each lane is an interface of the file.
    var interface: PcapngFile.Interface {
        PcapngFile.Interface(name: "node \(lane.node) lane \(lane.lane)", link: .dispatch)
    }

    /// The record.
    ///
    /// - Parameter trace: what is traced of the packet so far; empty: it is not traced.
    /// - Returns: the bytes of a packet of link type LINKTYPE_VPP_DISPATCH.
    func bytes(trace: String) -> [UInt8] {
        let strings = [nodeName, buffer, way, place] + (trace.isEmpty ? [] : [trace])
        let isBare = header.what & CapturedPacket.bareBit != 0
        let hint: Hint = isBare ? .ipv4 : .ethernet
        var bytes = Self.version + [UInt8(strings.count), hint.rawValue]
        withUnsafeBytes(of: header.buffer.bigEndian) { bytes += $0 }
        for string in strings { bytes += Array(string.utf8.filter { $0 != 0 }) + [0] }
        return bytes + packet.bytes
    }

    private var nodeName: String {
        Int(header.node) < nodeNames.count ? nodeNames[Int(header.node)] : "node \(header.node)"
    }

    private var buffer: String {
        "headroom \(header.headroom), length \(packet.bytes.count), l3 offset \(header.l3Offset)\n"
            + "flags \(HeaderText.hex(Int(header.flags), 4))"
    }

    private var way: String {
        "rx \(name(header.rxInterface)), tx \(name(header.txInterface))\n"
            + "adjacency \(header.adjacency), flow hash \(HeaderText.hex(Int(header.flowHash), 8))"
    }

    private var place: String {
        let error = Int(header.error)
        let reason = error == 0 || error >= reasons.count ? "" : "\nerror: \(reasons[error])"
        return "node \(lane.node) lane \(lane.lane)\(reason)"
    }

    private func name(_ index: UInt16) -> String {
        index == 0 ? "none" : interfaces[Int(index)] ?? "sw_if_index \(index)"
    }
}

/// What lanes have traced of packets that they captured as well.
struct CapturedPaths {
    /// A trace on a lane of a worker's life.
    private struct Key: Hashable {
        var node: Int
        var incarnation: UInt32
        var lane: Int
        var index: UInt32
    }

    /// For each trace the way that it is part of.
    private var ways: [Key: Int] = [:]
    private var paths: [PacketPath] = []
    private var texts: [[(time: UInt64, text: String)]] = []

    /// Knows of no traces.
    init() {}

    /// Puts together what has been traced.
    init(_ readings: [TraceReading], _ form: TraceReport.Form) {
        paths = PacketPaths(readings, nodeOfLane: form.lanes.map(\.node)).paths
        for (number, path) in paths.enumerated() {
            for step in path.steps {
                let reading = readings[step.reading]
                let key = Key(
                    node: reading.node,
                    incarnation: reading.incarnation,
                    lane: step.lane,
                    index: step.record.index
                )
                ways[key] = number
            }
            let records = TraceReport.records(path, readings, form)
            texts.append(
                zip(path.steps, records).map { ($0.record.time, TraceReport.text(of: $1)) }
            )
        }
    }

    /// What is traced of a packet up to its capture; empty: nothing.
    func text(of header: CapturedPacket, _ buffer: TraceBuffer, lane: Int) -> String {
        guard header.flags & CapturedPacket.tracedFlag != 0,
            Int(header.trace >> 24) == lane
        else { return "" }
        let key = Key(
            node: buffer.node,
            incarnation: buffer.incarnation,
            lane: lane,
            index: header.trace & TraceRecord.indexMask
        )
        guard let way = ways[key] else { return "" }
        let text = texts[way].filter { $0.time <= header.time }.map(\.text).joined()
        // Each line is one of the dissector's, and the last one no empty line.
        return String(text.dropLast())
    }
}
