internal import CLinux
public import ControlProtocol
public import Coordination
internal import PacketGraph

/// Why a command to the packet generator is refused.
public enum PacketGeneratorError: Error, Hashable, Sendable, CustomStringConvertible {
    case duplicateName(String)
    case unknownStream(String)
    case tooManyStreams(lane: Int, limit: Int)
    case noSuchLane(Int, lanes: Int)
    case graphNode(String)
    case interface(UInt16)
    case sizes(minimum: Int, maximum: Int, lowest: Int, highest: Int)
    case framePackets(Int)
    case addressRange(String)
    case notIPv4

    /// What is wrong and what to change.
    public var description: String {
        switch self {
        case .duplicateName(let name): "there is a stream \(name) already; delete it first"
        case .unknownStream(let name): "there is no stream \(name)"
        case .tooManyStreams(let lane, let limit):
            "lane \(lane) has \(limit) streams already; delete one or use another lane"
        case .noSuchLane(let lane, let lanes):
            "there is no lane \(lane); the node has \(lanes), numbered from 0"
        case .graphNode(let name):
            "packets cannot start at \(name); use ethernet-input or ip4-input"
        case .interface(let index): "there is no interface with index \(index)"
        case .sizes(let minimum, let maximum, let lowest, let highest):
            "sizes \(minimum)-\(maximum): they must go up, and lie in \(lowest)...\(highest) bytes"
        case .framePackets(let count):
            "\(count) packets a frame; it must be 1...\(frameCapacity)"
        case .addressRange(let which): "the \(which) addresses go down; give the lower one first"
        case .notIPv4: "addresses can vary only in a template with an IPv4 header"
        }
    }
}

/// The control side of the packet generator of a worker: keeps the streams, gives each lane those
/// it is to run.
///
/// One thread, the control lane, uses it.
public final class PacketGenerator {
    /// The most streams of a lane.
    public static let streamLimit = 16

    private struct Stream {
        var configuration: PacketGeneratorStream
        var template: GeneratorTemplate
        /// What the lane runs; nil while the stream is disabled.
        var running: GeneratorStream?
        /// Packets made before it was disabled.
        var made: UInt64 = 0
    }

    /// Memory that a lane may still use.
    private struct Retired {
        var lane: Int
        /// The first table that does not need it.
        var generation: UInt64
        var blocks: [UnsafeMutableRawPointer]
    }

    private let feeds: [GeneratorFeed]
    private let bufferBytes: Int
    private var streams: [Stream] = []
    private var retired: [Retired] = []
    private var tables: [UnsafeMutablePointer<GeneratorTable>?]
    private var generation: UInt64 = 0

    /// - Parameters:
    ///   - feeds: one a lane, those that the lanes' `pg-input` was made with.
    ///   - bufferBytes: of packet data that a buffer holds.
    public init(feeds: [GeneratorFeed], bufferBytes: Int) {
        self.feeds = feeds
        self.bufferBytes = bufferBytes
        tables = Array(repeating: nil, count: feeds.count)
    }

    /// Carries a command out.
    ///
    /// - Parameter command: the command.
    /// - Returns: a text for the operator; empty: done.
    /// - Throws: why the command is refused; nothing has changed.
    public func apply(
        _ command: PacketGeneratorCommand
    ) throws(PacketGeneratorError) -> String {
        reclaim()
        switch command {
        case .create(let stream):
            try create(stream)
        case .delete(let name):
            let index = try index(of: name)
            let lane = Int(streams[index].configuration.lane)
            let blocks = stop(index)
            streams.remove(at: index)
            publish(lane: lane, retiring: blocks)
        case .enable(let name, let isEnabled):
            if name.isEmpty {
                for index in streams.indices { enable(index, isEnabled) }
            } else {
                enable(try index(of: name), isEnabled)
            }
        case .show:
            return text
        }
        return ""
    }

    /// How far every stream is, in the order in which they were made; their lanes have ended.
    public var progress: [HandoverRecord.Stream] {
        streams.map { stream in
            guard let state = stream.running?.state.pointee else {
                return HandoverRecord.Stream(
                    made: stream.made,
                    credit: 0,
                    lastTime: 0,
                    size: 0,
                    destination: 0,
                    source: 0
                )
            }
            return HandoverRecord.Stream(
                made: state.made,
                credit: state.credit,
                lastTime: state.lastTime,
                size: UInt64(state.size),
                destination: state.destination,
                source: state.source
            )
        }
    }

    /// Goes on where a predecessor with the same streams has ended; the lanes do not run yet.
    ///
    /// A place that does not fit its stream is left out: the record is another process's.
    public func resume(_ progress: [HandoverRecord.Stream]) {
        for (index, former) in progress.enumerated() where index < streams.count {
            streams[index].made = former.made
            guard let running = streams[index].running else { continue }
            running.state.pointee.made = former.made
            running.state.pointee.credit = former.credit.isFinite ? max(0, former.credit) : 0
            running.state.pointee.lastTime = former.lastTime
            let size = Int(clamping: former.size)
            if (running.minimumBytes...running.maximumBytes).contains(size) {
                running.state.pointee.size = size
            }
            running.state.pointee.destination = former.destination % running.destination.count
            running.state.pointee.source = former.source % running.source.count
        }
    }

    /// Packets that a stream has made since it was last enabled; nil: there is none of that name.
    public func made(_ name: String) -> UInt64? {
        streams.first { $0.configuration.name == name }.map(made)
    }

    private func made(_ stream: Stream) -> UInt64 {
        guard let running = stream.running else { return stream.made }
        return CLinux_load_relaxed64(&running.state.pointee.made)
    }

    private func index(of name: String) throws(PacketGeneratorError) -> Int {
        guard let index = streams.firstIndex(where: { $0.configuration.name == name }) else {
            throw .unknownStream(name)
        }
        return index
    }

    private func create(_ stream: PacketGeneratorStream) throws(PacketGeneratorError) {
        try check(stream)
        let ranges = [
            (stream.firstSource, stream.lastSource, 12),
            (stream.firstDestination, stream.lastDestination, 16),
        ]
        var template = GeneratorTemplate(
            template: stream.template,
            maximumBytes: Int(stream.maximumBytes),
            startsAtIPv4: stream.graphNode == "ip4-input"
        )
        for (first, last, offset) in ranges where first != 0 || last != 0 {
            guard template.isIPv4, Int(stream.minimumBytes) >= template.layout.network + 20 else {
                throw .notIPv4
            }
            template.setAddress(first, at: offset)
        }
        streams.append(Stream(configuration: stream, template: template))
    }

    private func check(_ stream: PacketGeneratorStream) throws(PacketGeneratorError) {
        let lane = Int(stream.lane)
        guard !streams.contains(where: { $0.configuration.name == stream.name }) else {
            throw .duplicateName(stream.name)
        }
        guard lane < feeds.count else { throw .noSuchLane(lane, lanes: feeds.count) }
        guard streams.filter({ $0.configuration.lane == stream.lane }).count < Self.streamLimit
        else {
            throw .tooManyStreams(lane: lane, limit: Self.streamLimit)
        }
        guard ["ethernet-input", "ip4-input"].contains(stream.graphNode) else {
            throw .graphNode(stream.graphNode)
        }
        guard Int(stream.interface) < ForwardingTables.interfaceLimit else {
            throw .interface(stream.interface)
        }
        guard 1...stream.maximumBytes ~= stream.minimumBytes,
            Int(stream.maximumBytes) <= bufferBytes
        else {
            throw .sizes(
                minimum: Int(stream.minimumBytes),
                maximum: Int(stream.maximumBytes),
                lowest: 1,
                highest: bufferBytes
            )
        }
        guard 1...frameCapacity ~= Int(stream.framePackets) else {
            throw .framePackets(Int(stream.framePackets))
        }
        guard stream.firstSource <= stream.lastSource else { throw .addressRange("source") }
        guard stream.firstDestination <= stream.lastDestination else {
            throw .addressRange("destination")
        }
    }

    private func enable(_ index: Int, _ isEnabled: Bool) {
        let lane = Int(streams[index].configuration.lane)
        let blocks = stop(index)
        if isEnabled { streams[index].running = start(streams[index]) }
        publish(lane: lane, retiring: blocks)
    }

    /// Takes a stream from its lane's next table.
    ///
    /// - Returns: the memory that it had.
    private func stop(_ index: Int) -> [UnsafeMutableRawPointer] {
        guard let running = streams[index].running else { return [] }
        streams[index].made = made(streams[index])
        streams[index].running = nil
        return [UnsafeMutableRawPointer(running.image), UnsafeMutableRawPointer(running.state)]
            + (running.sizes.map { [UnsafeMutableRawPointer($0)] } ?? [])
    }

    private func start(_ stream: Stream) -> GeneratorStream {
        let configuration = stream.configuration
        func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
            let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
            memory.initialize(from: elements, count: elements.count)
            return memory
        }
        func range(_ first: UInt32, _ last: UInt32) -> GeneratorRange {
            GeneratorRange(first: first, count: UInt64(last - first) + 1)
        }
        let next: GeneratorInput.Next =
            configuration.graphNode == "ip4-input" ? .ip4Input : .ethernetInput
        let minimum = Int(configuration.minimumBytes)
        return GeneratorStream(
            image: copy(stream.template.image),
            sizes: stream.template.sizeFields(minimumBytes: minimum).map(copy),
            layout: stream.template.layout,
            minimumBytes: minimum,
            maximumBytes: Int(configuration.maximumBytes),
            exit: next.rawValue,
            interface: configuration.interface,
            framePackets: Int(configuration.framePackets),
            limit: configuration.limit,
            packetsPerSecond: Double(configuration.packetsPerSecond),
            destination: range(configuration.firstDestination, configuration.lastDestination),
            source: range(configuration.firstSource, configuration.lastSource),
            isRandom: configuration.isRandom,
            state: copy([GeneratorState(size: minimum)])
        )
    }

    /// Gives a lane the streams that it is to run now.
    private func publish(lane: Int, retiring blocks: [UnsafeMutableRawPointer]) {
        generation += 1
        let running = streams.filter { Int($0.configuration.lane) == lane }.compactMap(\.running)
        let list = UnsafeMutablePointer<GeneratorStream>.allocate(capacity: max(1, running.count))
        list.initialize(from: running, count: running.count)
        let table = UnsafeMutablePointer<GeneratorTable>.allocate(capacity: 1)
        table.initialize(
            to: GeneratorTable(generation: generation, count: running.count, streams: list)
        )
        var old = blocks
        if let last = tables[lane] {
            old += [UnsafeMutableRawPointer(last.pointee.streams), UnsafeMutableRawPointer(last)]
        }
        tables[lane] = table
        feeds[lane].publish(table)
        retired.append(Retired(lane: lane, generation: generation, blocks: old))
    }

    /// Frees what the lanes have left.
    private func reclaim() {
        retired.removeAll { item in
            guard feeds[item.lane].seenGeneration >= item.generation else { return false }
            for block in item.blocks { block.deallocate() }
            return true
        }
    }

    private var text: String {
        guard !streams.isEmpty else { return "no streams\n" }
        return streams.map { stream in
            let configuration = stream.configuration
            let made = made(stream)
            let isDone = configuration.limit > 0 && made >= configuration.limit
            let state = stream.running == nil ? "disabled" : isDone ? "done" : "enabled"
            let limit = configuration.limit == 0 ? "no limit" : "limit \(configuration.limit)"
            return "\(configuration.name): \(state), lane \(configuration.lane), "
                + "\(configuration.graphNode), \(made) packets, \(limit)\n"
        }.joined()
    }
}
