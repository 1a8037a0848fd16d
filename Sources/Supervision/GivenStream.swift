internal import ControlProtocol

/// A stream that a worker's packet generator was given, for a successor.
struct GivenStream {
    private(set) var stream: PacketGeneratorStream
    /// What it replays, as it was given; bounded as the worker bounds it.
    private var packets: [[[UInt8]]] = []
    private var isEnabled = false

    fileprivate init(_ stream: PacketGeneratorStream) { self.stream = stream }

    /// What a worker is told so that it has the stream.
    var commands: [PacketGeneratorCommand] {
        let name = stream.name
        let parts = packets.map { PacketGeneratorCommand.append(name: name, packets: $0) }
        // One that replays nothing yet cannot run, and was not told to.
        let isRunning = PacketGeneratorCommand.enable(name: name, isEnabled: isEnabled)
        return [.create(stream)] + parts + [isRunning]
    }

    fileprivate mutating func append(_ more: [[UInt8]]) { packets.append(more) }

    fileprivate mutating func change(_ change: PacketGeneratorChange) {
        change.apply(to: &stream)
    }

    fileprivate mutating func enable(_ isOn: Bool) {
        isEnabled = isOn && (!stream.isReplay || !packets.isEmpty)
    }
}

extension [GivenStream] {
    /// Takes note of a command that a worker has carried out.
    mutating func note(_ command: PacketGeneratorCommand) {
        switch command {
        case .create(let stream): append(GivenStream(stream))
        case .delete(let name): removeAll { $0.stream.name == name }
        case .append(let name, let packets): change(name) { $0.append(packets) }
        case .configure(let name, let change): self.change(name) { $0.change(change) }
        case .enable(let name, let isEnabled): change(name) { $0.enable(isEnabled) }
        case .show: break
        }
    }

    /// Changes a stream, or all if the name is empty.
    private mutating func change(_ name: String, _ body: (inout GivenStream) -> Void) {
        for index in indices where name.isEmpty || self[index].stream.name == name {
            body(&self[index])
        }
    }
}
