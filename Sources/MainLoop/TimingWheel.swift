/// Timers in three wheels of 1,024 slots and a list for what lies beyond: VPP's process wheel.
///
/// A tick is 10 us, so the wheels span 10.24 ms, 10.49 s and 2.98 h. A timer lies in the finest
/// wheel that reaches it, and moves to the next finer one when that comes to its slot; starting and
/// stopping one is a few stores however many there are. A bitmap a wheel tells where the next slot
/// with timers is, so that time without timers costs nothing.
///
/// One thread uses it; a copy is the same wheel. Everything is allocated when it is made. What is
/// called on expiry may start and stop timers.
public struct TimingWheel: @unchecked Sendable {
    /// Nanoseconds of a tick.
    public static let tickNanoseconds: UInt64 = 10_000
    /// Slots of each wheel.
    public static let slotCount = 1024
    /// Wheels.
    public static let wheelCount = 3

    static let slotBits: UInt64 = 10
    static let slotMask: UInt64 = 1023
    /// The list beyond the wheels, by its number among all lists.
    static let overflow = wheelCount * slotCount
    static let bitmapWords = slotCount / 64
    static let slots32 = Int32(slotCount)
    static let wheels32 = Int32(wheelCount)

    struct Entry {
        var expiry: UInt64 = 0
        var next: Int32 = 0
        var previous: Int32 = 0
        var handle: UInt32 = 0
        var generation: UInt32 = 0
        /// The list that it is in; -1: none.
        var list: Int32 = -1
    }

    struct State {
        /// The last tick whose timers have expired.
        var now: UInt64
        var free: Int32
        var count = 0
    }

    let state: UnsafeMutablePointer<State>
    /// First an entry for each list, which is the head of its ring, then the timers.
    let entries: UnsafeMutablePointer<Entry>
    /// A bit for each slot that has timers.
    let bitmaps: UnsafeMutablePointer<UInt64>
    /// The most timers at a time.
    public let capacity: Int

    /// Makes a wheel that lives as long as the process, or until `deallocate`.
    ///
    /// - Parameters:
    ///   - capacity: the most timers at a time.
    ///   - now: the present tick.
    public init(capacity: Int, now: UInt64) {
        precondition(capacity > 0 && capacity < Int(Int32.max) / 2, "timers of a wheel")
        self.capacity = capacity
        let lists = Self.overflow + 1
        state = .allocate(capacity: 1)
        state.initialize(to: State(now: now, free: Int32(lists)))
        entries = .allocate(capacity: lists + capacity)
        entries.initialize(repeating: Entry(), count: lists + capacity)
        for list in 0..<lists {
            entries[list].next = Int32(list)
            entries[list].previous = Int32(list)
        }
        for index in lists..<lists + capacity {
            entries[index].next = index + 1 < lists + capacity ? Int32(index + 1) : -1
        }
        bitmaps = .allocate(capacity: Self.wheelCount * Self.bitmapWords)
        bitmaps.initialize(repeating: 0, count: Self.wheelCount * Self.bitmapWords)
    }

    /// Frees the memory of a wheel that nobody uses any more.
    public func deallocate() {
        state.deallocate()
        entries.deallocate()
        bitmaps.deallocate()
    }

    /// Timers that run.
    public var count: Int { state.pointee.count }

    /// The last tick whose timers have expired.
    public var now: UInt64 { state.pointee.now }

    /// Ticks in a time; what is left below a tick is cut off, as VPP does.
    @inlinable
    public static func ticks(nanoseconds: UInt64) -> UInt64 { nanoseconds / tickNanoseconds }

    /// Starts a timer.
    ///
    /// - Parameters:
    ///   - handle: what `expire` gives.
    ///   - ticks: from `time` on; 0: there is no timer.
    ///   - time: the present tick, which may be ahead of what has expired.
    /// - Returns: the timer; nil: 0 ticks, or there are `capacity` timers already.
    public func start(_ handle: TimerHandle, after ticks: UInt64, at time: UInt64) -> TimerID? {
        let index = state.pointee.free
        guard ticks > 0, index >= 0 else { return nil }
        state.pointee.free = entries[Int(index)].next
        state.pointee.count &+= 1
        let entry = entries + Int(index)
        entry.pointee.handle = handle.rawValue
        // Nobody's clock says that many ticks, but a sum must not run over.
        let base = max(time, state.pointee.now)
        entry.pointee.expiry = ticks > .max &- base ? .max : base &+ ticks
        insert(index)
        return TimerID(index: index, generation: entry.pointee.generation)
    }

    /// Stops a timer.
    ///
    /// - Returns: false if it has expired or was stopped before.
    @discardableResult
    public func stop(_ timer: TimerID) -> Bool {
        let entry = entries + Int(timer.index)
        guard entry.pointee.generation == timer.generation, entry.pointee.list >= 0 else {
            return false
        }
        unlink(timer.index)
        release(timer.index)
        return true
    }

    /// Lets the timers up to a tick expire, in the order of their ticks, and those of one tick in
    /// the order in which they were started or came within reach.
    ///
    /// - Parameters:
    ///   - time: the present tick; one before the last call's does nothing.
    ///   - body: called with each timer's handle, after the timer is gone.
    /// - Returns: how many expired.
    @discardableResult
    public func expire(upTo time: UInt64, _ body: (TimerHandle) -> Void) -> Int {
        var expired = 0
        while state.pointee.now < time {
            guard let next = nextStop, next <= time else {
                state.pointee.now = time
                break
            }
            state.pointee.now = next
            if next & Self.slotMask == 0 { cascade(at: next) }
            expired &+= fire(list: Int32(truncatingIfNeeded: next & Self.slotMask), body)
        }
        return expired
    }

    private func fire(list: Int32, _ body: (TimerHandle) -> Void) -> Int {
        var expired = 0
        while true {
            let index = entries[Int(list)].next
            guard index != list else { return expired }
            let handle = entries[Int(index)].handle
            unlink(index)
            release(index)
            expired &+= 1
            body(TimerHandle(rawValue: handle))
        }
    }

    /// Moves what the coarser wheels have for the time that begins now into finer ones.
    private func cascade(at time: UInt64) {
        let low = Self.slotMask
        if time & (1 << 30 - 1) == 0 { spread(list: Self.wheels32 &* Self.slots32) }
        if time & (1 << 20 - 1) == 0 {
            spread(list: 2 &* Self.slots32 &+ Int32(truncatingIfNeeded: time &>> 20 & low))
        }
        spread(list: Self.slots32 &+ Int32(truncatingIfNeeded: time &>> 10 & low))
    }

    /// Inserts all timers of a list anew, by what is left of their time.
    private func spread(list: Int32) {
        let last = entries[Int(list)].previous
        guard last != list else { return }
        while true {
            let index = entries[Int(list)].next
            unlink(index)
            insert(index)
            // What lies beyond all wheels comes back to the end of this list.
            if index == last { return }
        }
    }
}

extension TimerHandle {
    init(rawValue: UInt32) { self.rawValue = rawValue }
}
