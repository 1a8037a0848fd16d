internal import LinuxSystem

/// What a process of a control lane does, in VPP's words.
public enum ProcessWait: UInt64, Sendable, CaseIterable, CustomStringConvertible {
    /// Its first turn is to come.
    case notStarted = 0
    /// It runs, or is about to.
    case running
    /// It waits for something that its loop does not know.
    case suspended
    /// It waits for an event, for the clock, or for either.
    case event, clock, any
    /// It waits for an event that comes once.
    case oneTimeEvent
    /// It lets others run.
    case yield
    /// It has returned.
    case done

    /// As `show processes` prints it.
    public var description: String {
        switch self {
        case .notStarted: "not started"
        case .running: "running"
        case .suspended: "suspended"
        case .event: "event wait"
        case .clock: "clock wait"
        case .any: "any wait"
        case .oneTimeEvent: "one time event wait"
        case .yield: "yield"
        case .done: "done"
        }
    }
}

/// A process of a control lane as its worker's segment shows it.
public struct ProcessReading: Hashable, Sendable {
    /// The process's name, cut at 47 bytes of UTF-8 in the table.
    public var name: String
    /// What it waits for.
    public var wait: ProcessWait
    /// Times that it was resumed.
    public var calls: UInt64
    /// Times that it waited.
    public var suspends: UInt64
    /// Events that it has taken.
    public var events: UInt64
    /// Clocks that it ran in all, and the most without a wait.
    public var clocks: UInt64
    /// See `clocks`.
    public var maximumClocks: UInt64

    /// Makes a reading of its parts.
    public init(
        name: String,
        wait: ProcessWait,
        calls: UInt64,
        suspends: UInt64,
        events: UInt64,
        clocks: UInt64,
        maximumClocks: UInt64
    ) {
        self.name = name
        self.wait = wait
        self.calls = calls
        self.suspends = suspends
        self.events = events
        self.clocks = clocks
        self.maximumClocks = maximumClocks
    }
}

extension WorkerSegment {
    /// Writes an entry of the process table; the count is published by whoever starts processes.
    ///
    /// - Parameters:
    ///   - index: the process's place; one beyond `maximumProcesses` is not shown.
    ///   - reading: how it stands.
    public func writeProcess(_ index: Int, _ reading: ProcessReading) {
        guard (0..<Self.maximumProcesses).contains(index) else { return }
        let entry = mapping.base + Self.processTableOffset + index * Self.processBytes
        let words = (entry + 48).assumingMemoryBound(to: UInt64.self)
        if index >= Int(clamping: load(.processCount)) {
            write(reading.name, to: entry, capacity: 48)
            if listsNodes { addEntries(processEntries(reading.name, at: index)) }
        }
        for (place, value) in [
            reading.wait.rawValue, reading.calls, reading.suspends, reading.events, reading.clocks,
            reading.maximumClocks,
        ].enumerated() { words[place] = value }
    }

    /// The control lane's processes, in the order in which they were started.
    public var processes: [ProcessReading] {
        (0..<min(Int(clamping: load(.processCount)), Self.maximumProcesses)).map { index in
            let entry = mapping.base + Self.processTableOffset + index * Self.processBytes
            let words = (entry + 48).assumingMemoryBound(to: UInt64.self)
            return ProcessReading(
                name: read(entry, capacity: 48),
                wait: ProcessWait(rawValue: LaneBlock.load(words)) ?? .suspended,
                calls: LaneBlock.load(words + 1),
                suspends: LaneBlock.load(words + 2),
                events: LaneBlock.load(words + 3),
                clocks: LaneBlock.load(words + 4),
                maximumClocks: LaneBlock.load(words + 5)
            )
        }
    }
}
