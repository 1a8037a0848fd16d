/// A stream as its worker has it, and how far it is.
public struct PacketGeneratorStatus: Hashable, Sendable {
    /// The stream, without its packets: of the template, the first bytes at most.
    public var stream: PacketGeneratorStream
    /// Whether it was told to run.
    public var isEnabled: Bool
    /// Packets made since it was last enabled.
    public var made: UInt64
    /// Packets that it replays.
    public var replayedPackets: UInt32
    /// Their bytes.
    public var replayedBytes: UInt32

    /// The most bytes of a template that are told.
    public static let templateBytes = 128

    /// Makes a status; the template is cut.
    public init(
        stream: PacketGeneratorStream,
        isEnabled: Bool,
        made: UInt64,
        replayedPackets: UInt32 = 0,
        replayedBytes: UInt32 = 0
    ) {
        self.stream = stream
        self.stream.template = Array(stream.template.prefix(Self.templateBytes))
        self.isEnabled = isEnabled
        self.made = made
        self.replayedPackets = replayedPackets
        self.replayedBytes = replayedBytes
    }

    /// Whether it has made all the packets that it was to make.
    public var isDone: Bool { stream.limit > 0 && made >= stream.limit }
}

extension PacketGeneratorStatus {
    /// The status as a line of an answer: hexadecimal digits and a line feed.
    public var line: String {
        var writer = WireWriter()
        stream.write(to: &writer)
        writer.put(isEnabled)
        writer.put(made)
        writer.put(replayedPackets)
        writer.put(replayedBytes)
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in writer.bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        text.append(UInt8(ascii: "\n"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a line; nil: it is none of `line`'s.
    public init?(line: some StringProtocol) {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in line.utf8 where digit != UInt8(ascii: "\n") {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            guard let first = high else {
                high = UInt8(value)
                continue
            }
            bytes.append(first << 4 | UInt8(value))
            high = nil
        }
        guard high == nil else { return nil }
        var reader = WireReader(bytes)
        do throws(WireError) {
            self.init(
                stream: try PacketGeneratorStream(from: &reader),
                isEnabled: try reader.getBool(),
                made: try reader.get(),
                replayedPackets: try reader.get(),
                replayedBytes: try reader.get()
            )
            try reader.finish()
        } catch { return nil }
    }
}
