internal import ControlProtocol
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
    case tooManyFields(Int)
    case field(String)
    case notReplayed(String)
    case nothingToReplay(String)
    case packet(number: Int, bytes: Int, highest: Int)
    case tooMuchToReplay

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
            "packets cannot start at \(name); use ethernet-input, ip4-input or interface-output"
        case .interface(let index): "there is no interface with index \(index)"
        case .sizes(let minimum, let maximum, let lowest, let highest):
            "sizes \(minimum)-\(maximum): they must go up, and lie in \(lowest)...\(highest) bytes"
        case .framePackets(let count):
            "\(count) packets a frame; it must be 1...\(frameCapacity)"
        case .tooManyFields(let count):
            "\(count) fields differ; at most \(PacketGeneratorField.mostFields) may"
        case .field(let name):
            "the field \(name) does not fit: its values must go up, and all packets must have it"
        case .notReplayed(let name): "stream \(name) makes its packets and replays none"
        case .nothingToReplay(let name): "stream \(name) has no packets to replay"
        case .packet(let number, let bytes, let highest):
            "packet \(number) has \(bytes) bytes; it can have 1...\(highest)"
        case .tooMuchToReplay:
            "a stream replays at most \(PacketGeneratorStream.mostReplayed) packets of together "
                + "\(PacketGeneratorStream.mostReplayedBytes >> 20) MiB"
        }
    }
}

extension PacketGeneratorStream {
    /// Refuses what no lane could run.
    ///
    /// - Parameter bufferBytes: of packet data that a buffer holds.
    /// - Throws: the first fault.
    func check(bufferBytes: Int) throws(PacketGeneratorError) {
        guard GeneratorInput.Next.allCases.contains(where: { $0.target == graphNode }) else {
            throw .graphNode(graphNode)
        }
        let isOutput = graphNode == GeneratorInput.Next.interfaceOutput.target
        for index in [interface, txInterface]
        where Int(index) >= ForwardingTables.interfaceLimit {
            throw .interface(index)
        }
        guard isOutput == (txInterface != 0) else { throw .interface(txInterface) }
        guard isOutput || interface != 0 else { throw .interface(interface) }
        guard 1...frameCapacity ~= Int(framePackets) else { throw .framePackets(Int(framePackets)) }
        guard 1...maximumBytes ~= minimumBytes, Int(maximumBytes) <= bufferBytes else {
            throw .sizes(
                minimum: Int(minimumBytes),
                maximum: Int(maximumBytes),
                lowest: 1,
                highest: bufferBytes
            )
        }
        guard fields.count <= PacketGeneratorField.mostFields else {
            throw .tooManyFields(fields.count)
        }
        for field in fields {
            guard field.fits(minimumBytes: Int(minimumBytes), bufferBytes: bufferBytes) else {
                throw .field(field.text)
            }
        }
    }
}

extension PacketGeneratorField {
    /// Whether a lane can write it, in a window of eight bytes that begins at an even one.
    fileprivate func fits(minimumBytes: Int, bufferBytes: Int) -> Bool {
        guard 1...64 ~= bits, first <= last, bits == 64 || last >> UInt64(bits) == 0 else {
            return false
        }
        let bytes = GeneratorTemplate.bytes(of: self)
        let base = bytes.lowerBound & ~1
        return bytes.upperBound <= minimumBytes && bytes.upperBound - base <= 8
            && base + 8 <= bufferBytes
    }
}
