/// What a keeper found in its pool when the worker had died, and made of it.
public struct PoolReport: Hashable, Sendable {
    /// The pool's buffers.
    public var size: UInt32
    /// Those free when all had been taken back: all, or there is an error.
    public var free: UInt32
    /// Those that were not free when the worker had died.
    public var taken: UInt32
    /// Packets that ports had received and no lane had taken, as far as drivers say.
    public var waiting: UInt32

    /// Makes a report, which the keeper sends before the ports are started again.
    public init(size: UInt32, free: UInt32, taken: UInt32, waiting: UInt32) {
        self.size = size
        self.free = free
        self.taken = taken
        self.waiting = waiting
    }
}

/// The buffers that a port's queues hold.
public struct PortBuffers: Hashable, Sendable {
    /// Those that receive queues took when the port was started.
    public var receive: UInt32
    /// How many of those a driver may leave out until it replaces them.
    public var slack: UInt32
    /// The most that transmit queues hold: packets that are sent but not given back yet.
    public var transmitMost: UInt32

    /// Makes the count; a port that holds none, as a TAP, has zeros.
    public init(receive: UInt32 = 0, slack: UInt32 = 0, transmitMost: UInt32 = 0) {
        self.receive = receive
        self.slack = slack
        self.transmitMost = transmitMost
    }
}

extension PoolReport {
    func write(to writer: inout WireWriter) {
        for number in [size, free, taken, waiting] { writer.put(number) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            size: try reader.get(),
            free: try reader.get(),
            taken: try reader.get(),
            waiting: try reader.get()
        )
    }
}

extension PortBuffers {
    func write(to writer: inout WireWriter) {
        for number in [receive, slack, transmitMost] { writer.put(number) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(
            receive: try reader.get(),
            slack: try reader.get(),
            transmitMost: try reader.get()
        )
    }
}
