internal import CLinux
internal import Coordination
internal import Synchronization

/// Drives the processes of a control lane: their executor, their timing wheel, their events.
///
/// The thread that calls `turn` runs everything; only `enqueue`, by which Swift's runtime hands over
/// what a foreign task has woken, may come from another thread.
public final class ProcessLoop: TaskExecutor, @unchecked Sendable {
    /// The most timers of processes and timed events together.
    public static let timerCapacity = 4096

    private let clock: @Sendable () -> UInt64
    private let wakeUp: @Sendable () -> Void
    let wheel: TimingWheel
    private var pool = EventPool(capacity: 1024)
    /// In the order in which they were started.
    public private(set) var processes: [GraphProcess] = []
    private var yielded: [GraphProcess] = []
    private var yieldedBefore: [GraphProcess] = []
    private var oneTimeTypes: UInt64 = 0
    /// Events that could not be timed because the wheel was full.
    public private(set) var refusedTimers: UInt64 = 0

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var isRunning = false
    }
    private let inbox = Mutex(Inbox())
    private var jobs: [UnownedJob] = []

    /// Makes a loop without processes.
    ///
    /// - Parameters:
    ///   - clock: nanoseconds that never go back; the loop's time.
    ///   - wakeUp: makes the loop's thread call `turn` soon; may be called by any thread.
    public init(clock: @escaping @Sendable () -> UInt64, wakeUp: @escaping @Sendable () -> Void) {
        self.clock = clock
        self.wakeUp = wakeUp
        wheel = TimingWheel(
            capacity: Self.timerCapacity,
            now: TimingWheel.ticks(nanoseconds: clock())
        )
        jobs.reserveCapacity(64)
        inbox.withLock { $0.jobs.reserveCapacity(64) }
        yielded.reserveCapacity(64)
        yieldedBefore.reserveCapacity(64)
    }

    deinit { wheel.deallocate() }

    /// The loop's time in nanoseconds.
    public var nanoseconds: UInt64 { clock() }

    /// Adds a process; it runs up to its first wait in the loop's next turn.
    ///
    /// - Parameters:
    ///   - name: for `show processes`.
    ///   - body: what it does; when it returns, the process is `done`.
    /// - Returns: the process, for those who signal it.
    @discardableResult
    public func start(
        _ name: String,
        _ body: @escaping @Sendable (GraphProcess) async -> Void
    ) -> GraphProcess {
        let process = GraphProcess(name: name, loop: self, index: Int32(processes.count))
        processes.append(process)
        Task(executorPreference: self) {
            process.goOn()
            await body(process)
            process.pause()
            process.state = .done
        }
        return process
    }

    /// Takes a piece of a process's work; from any thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isForeign = inbox.withLock { inbox in
            inbox.jobs.append(job)
            return !inbox.isRunning
        }
        if isForeign { wakeUp() }
    }

    /// Lets everything happen that is due: timers expire, and whatever is woken runs until it waits
    /// again.
    public func turn() {
        inbox.withLock { $0.isRunning = true }
        swap(&yielded, &yieldedBefore)
        for process in yieldedBefore where process.state == .yield {
            resume(process, byEvent: false)
        }
        yieldedBefore.removeAll(keepingCapacity: true)
        wheel.expire(upTo: TimingWheel.ticks(nanoseconds: clock())) { expire($0) }
        while takeJobs() {
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            jobs.removeAll(keepingCapacity: true)
        }
        for process in processes where process.state == .running {
            process.pause()
            process.state = .suspended
        }
    }

    /// The jobs that wait become `jobs`; with none, the loop's thread is about to leave.
    private func takeJobs() -> Bool {
        inbox.withLock { inbox in
            swap(&inbox.jobs, &jobs)
            inbox.isRunning = !jobs.isEmpty
            return !jobs.isEmpty
        }
    }

    /// Nanoseconds until `turn` must be called if nothing else happens; nil: it need not be.
    public var nanosecondsToNextStop: UInt64? {
        if !yielded.isEmpty || inbox.withLock({ !$0.jobs.isEmpty }) { return 0 }
        guard let stop = wheel.nextStop else { return nil }
        let due = stop.multipliedReportingOverflow(by: TimingWheel.tickNanoseconds)
        let now = clock()
        if due.overflow { return .max }
        return due.partialValue > now ? due.partialValue - now : 0
    }

    /// Signals an event: a process that waits for it goes on in this turn or the next.
    ///
    /// - Parameters:
    ///   - process: whom.
    ///   - type: what; the process's own numbers, bit 63 clear.
    ///   - payload: what it carries.
    public func signal(
        _ process: GraphProcess,
        type: UInt64,
        _ payload: EventPayload = EventPayload()
    ) {
        deliver(pool.take(payload, type: type, process: process.index))
    }

    /// Signals an event after a time; under 48 bytes of payload nothing is allocated.
    ///
    /// - Returns: the timer; nil: there is none, because the time is less than a tick and the event
    ///   has been signalled at once, or because too many timers run.
    @discardableResult
    public func signal(
        _ process: GraphProcess,
        type: UInt64,
        _ payload: EventPayload = EventPayload(),
        afterNanoseconds nanoseconds: UInt64
    ) -> TimerID? {
        let index = pool.take(payload, type: type, process: process.index)
        let ticks = TimingWheel.ticks(nanoseconds: nanoseconds)
        guard ticks > 0 else {
            deliver(index)
            return nil
        }
        let handle = TimerHandle(.event, UInt32(index))
        let now = TimingWheel.ticks(nanoseconds: clock())
        guard let timer = wheel.start(handle, after: ticks, at: now) else {
            refusedTimers &+= 1
            pool.give(index)
            return nil
        }
        return timer
    }
}

extension ProcessLoop {
    private func expire(_ handle: TimerHandle) {
        switch handle.kind {
        case .process:
            let process = processes[Int(handle.index)]
            process.timer = nil
            if process.state == .clock || process.state == .any { resume(process, byEvent: false) }
        case .event: deliver(Int32(handle.index))
        case .node, .loop: break
        }
    }

    /// Puts an event into its process's queue, and wakes it if it waits for that.
    private func deliver(_ index: Int32) {
        let entry = pool.entries[Int(index)]
        let process = processes[Int(entry.process)]
        process.events.append(index, type: entry.type, in: &pool)
        guard process.isWaiting(for: entry.type) else { return }
        if let timer = process.timer {
            wheel.stop(timer)
            process.timer = nil
        }
        resume(process, byEvent: true)
    }

    private func resume(_ process: GraphProcess, byEvent: Bool) {
        guard let continuation = process.continuation else { return }
        process.continuation = nil
        // What comes from now on finds it waiting no more.
        process.state = .running
        continuation.resume(returning: byEvent)
    }

    func startTimer(of process: GraphProcess, ticks: UInt64) -> TimerID? {
        let now = TimingWheel.ticks(nanoseconds: clock())
        let handle = TimerHandle(.process, UInt32(process.index))
        let timer = wheel.start(handle, after: ticks, at: now)
        if timer == nil { refusedTimers &+= 1 }
        return timer
    }

    func noteYield(_ process: GraphProcess) { yielded.append(process) }

    func nextOneTimeType() -> UInt64 {
        oneTimeTypes &+= 1
        return OneTimeEvent.mark | oneTimeTypes
    }

    @discardableResult
    func takeEvents(
        of process: GraphProcess,
        type: UInt64?,
        _ body: (EventPayload) -> Void
    ) -> UInt64? {
        guard let list = process.events.takeList(of: type) else { return nil }
        var index = list.first
        while index >= 0 {
            let entry = pool.entries[Int(index)]
            pool.give(index)
            body(entry.payload)
            index = entry.next
        }
        return list.type
    }
}
