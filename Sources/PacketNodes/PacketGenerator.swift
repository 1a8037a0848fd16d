internal import CLinux
public import ControlProtocol
public import Coordination

/// The control side of the packet generator of a worker: keeps the streams, gives each lane those
/// it is to run.
///
/// One thread, the control lane, uses it.
public final class PacketGenerator {
    /// The most streams of a lane.
    public static let streamLimit = 16

    private struct Stream {
        var configuration: PacketGeneratorStream
        /// What the lane runs; nil while the stream is disabled.
        var running: GeneratorStream?
        /// Packets made before it was disabled.
        var made: UInt64 = 0
        /// What it replays, one packet after the other, and where each ends.
        var packets: [UInt8] = []
        var ends: [UInt32] = []
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
            guard name.isEmpty else {
                let index = try index(of: name)
                guard !isEnabled || canRun(index) else { throw .nothingToReplay(name) }
                enable(index, isEnabled)
                break
            }
            for index in streams.indices where !isEnabled || canRun(index) {
                enable(index, isEnabled)
            }
        case .append(let name, let packets):
            try append(packets, to: try index(of: name))
        case .configure(let name, let change):
            try configure(try index(of: name), change)
        case .show(let first):
            return text(from: Int(first))
        }
        return ""
    }

    private func canRun(_ index: Int) -> Bool {
        !streams[index].configuration.isReplay || !streams[index].ends.isEmpty
    }

    /// How far every stream is, in the order in which they were made; their lanes have ended.
    public var progress: [HandoverRecord.Stream] {
        streams.map { stream in
            guard let state = stream.running?.state.pointee else {
                return HandoverRecord.Stream(made: stream.made, credit: 0, lastTime: 0)
            }
            return HandoverRecord.Stream(
                made: state.made,
                credit: state.credit,
                lastTime: state.lastTime
            )
        }
    }

    /// Goes on where a predecessor with the same streams has ended; the lanes do not run yet.
    public func resume(_ progress: [HandoverRecord.Stream]) {
        for (index, former) in progress.enumerated() where index < streams.count {
            streams[index].made = former.made
            guard let running = streams[index].running else { continue }
            running.place(after: former.made)
            running.state.pointee.credit = former.credit.isFinite ? max(0, former.credit) : 0
            running.state.pointee.lastTime = former.lastTime
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
        let lane = Int(stream.lane)
        guard !streams.contains(where: { $0.configuration.name == stream.name }) else {
            throw .duplicateName(stream.name)
        }
        guard lane < feeds.count else { throw .noSuchLane(lane, lanes: feeds.count) }
        guard streams.filter({ $0.configuration.lane == stream.lane }).count < Self.streamLimit
        else {
            throw .tooManyStreams(lane: lane, limit: Self.streamLimit)
        }
        try stream.check(bufferBytes: bufferBytes)
        streams.append(Stream(configuration: stream))
    }

    private func append(_ packets: [[UInt8]], to index: Int) throws(PacketGeneratorError) {
        let stream = streams[index]
        guard stream.configuration.isReplay else { throw .notReplayed(stream.configuration.name) }
        let bytes = packets.reduce(stream.packets.count) { $0 + $1.count }
        guard stream.ends.count + packets.count <= PacketGeneratorStream.mostReplayed,
            bytes <= PacketGeneratorStream.mostReplayedBytes
        else { throw .tooMuchToReplay }
        for (number, packet) in packets.enumerated()
        where !(1...bufferBytes).contains(packet.count) {
            throw .packet(
                number: stream.ends.count + number + 1,
                bytes: packet.count,
                highest: bufferBytes
            )
        }
        for packet in packets {
            streams[index].packets += packet
            streams[index].ends.append(UInt32(streams[index].packets.count))
        }
    }

    private func configure(
        _ index: Int,
        _ change: PacketGeneratorChange
    ) throws(PacketGeneratorError) {
        var configuration = streams[index].configuration
        change.apply(to: &configuration)
        try configuration.check(bufferBytes: bufferBytes)
        streams[index].configuration = configuration
        guard streams[index].running != nil else { return }
        streams[index].running?.limit = configuration.limit
        streams[index].running?.packetsPerSecond = Double(configuration.packetsPerSecond)
        streams[index].running?.framePackets = Int(configuration.framePackets)
        // All memory stays in use: the lane goes on where it is.
        publish(lane: Int(configuration.lane), retiring: [])
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
        return running.blocks
    }

    private func start(_ stream: Stream) -> GeneratorStream {
        let configuration = stream.configuration
        let running = GeneratorStream(configuration, replaying: stream.packets, stream.ends)
        running.place(after: 0)
        return running
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

    private func text(from first: Int) -> String {
        var text = ""
        for stream in streams.dropFirst(first) {
            let status = PacketGeneratorStatus(
                stream: stream.configuration,
                isEnabled: stream.running != nil,
                made: made(stream),
                replayedPackets: UInt32(stream.ends.count),
                replayedBytes: UInt32(stream.packets.count)
            )
            let line = status.line
            guard text.utf8.count + line.utf8.count <= Self.answerBytes else { break }
            text += line
        }
        return text
    }

    /// The most bytes of an answer; every line is shorter.
    private static let answerBytes = 49_152
}
