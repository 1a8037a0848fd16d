package import ControlProtocol

extension GeneratorStream {
    /// Makes what a lane reads; the memory is freed by whoever publishes streams.
    ///
    /// - Parameters:
    ///   - stream: as it was checked.
    ///   - packets: those that it replays, one after the other.
    ///   - ends: where each of them ends.
    init(_ stream: PacketGeneratorStream, replaying packets: [UInt8] = [], _ ends: [UInt32] = []) {
        let minimum = Int(stream.minimumBytes)
        let template = GeneratorTemplate(
            template: stream.template,
            maximumBytes: Int(stream.maximumBytes),
            startsAtNetwork: stream.graphNode == GeneratorInput.Next.ip4Input.target,
            fields: stream.fields
        )
        let edits = template.edits
        let next = GeneratorInput.Next.allCases.first { $0.target == stream.graphNode }
        self.init(
            image: Self.copy(stream.isReplay ? packets : template.image),
            sizes: template.sizeFields(minimumBytes: minimum).map(Self.copy),
            layout: template.layout,
            minimumBytes: minimum,
            maximumBytes: Int(stream.maximumBytes),
            sizesAreRandom: stream.sizesAreRandom,
            edits: Self.copy(edits),
            editCount: edits.count,
            ends: stream.isReplay ? Self.copy(ends) : nil,
            endCount: ends.count,
            exit: (next ?? .ethernetInput).rawValue,
            interface: stream.interface,
            txInterface: stream.txInterface,
            framePackets: Int(stream.framePackets),
            limit: stream.limit,
            packetsPerSecond: Double(stream.packetsPerSecond),
            state: Self.copy([GeneratorState()])
        )
    }

    private static func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
        memory.initialize(from: elements, count: elements.count)
        return memory
    }

    /// Frees what `init` made.
    func deallocate() { for block in blocks { block.deallocate() } }

    /// The memory that `init` made.
    var blocks: [UnsafeMutableRawPointer] {
        [
            UnsafeMutableRawPointer(image), UnsafeMutableRawPointer(state),
            UnsafeMutableRawPointer(edits),
        ]
            + (sizes.map { [UnsafeMutableRawPointer($0)] } ?? [])
            + (ends.map { [UnsafeMutableRawPointer($0)] } ?? [])
    }
}

/// Packets of a stream in plain memory, one after the other, as a lane makes them: for tests.
package struct GeneratedPackets: ~Copyable {
    private let stream: GeneratorStream
    private let memory: UnsafeMutableRawPointer
    private var random: UInt64

    /// Makes the packets of a stream that makes them itself.
    ///
    /// - Parameters:
    ///   - stream: as the control lane gets it.
    ///   - bufferBytes: of packet data that a buffer holds.
    ///   - seed: of the random numbers; not 0.
    /// - Throws: why the control lane refuses it.
    package init(
        _ stream: PacketGeneratorStream,
        bufferBytes: Int = 9216,
        seed: UInt64 = 1
    ) throws(PacketGeneratorError) {
        try stream.check(bufferBytes: bufferBytes)
        self.stream = GeneratorStream(stream)
        self.stream.place(after: 0)
        memory = .allocate(byteCount: bufferBytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: bufferBytes)
        random = seed
    }

    deinit {
        stream.deallocate()
        memory.deallocate()
    }

    /// The next packet.
    package mutating func next() -> [UInt8] {
        let size = stream.make(in: memory, random: &random)
        return Array(UnsafeRawBufferPointer(start: memory, count: size))
    }
}
