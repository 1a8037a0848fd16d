import MainLoop

/// What a process of the random test does next; real processes and the model draw the same.
struct ProcessStep {
    enum Kind: UInt64 { case suspend = 0, event, any, yield }

    var kind: Kind
    var ticks: UInt64

    init(from random: inout Xorshift) {
        kind = Kind(rawValue: random.below(4)) ?? .yield
        let span: [UInt64] = [3, 1000, 3000, 2_000_000]
        ticks = random.below(span[Int(random.below(4))])
    }
}

/// Ticks at which something was arranged to happen: no two things happen in one tick, so that their
/// order is no question.
struct TakenTicks {
    private var taken: Set<UInt64> = []

    /// A number of ticks, not below the wanted one, after which nothing else happens; 0 stays 0.
    mutating func delay(_ wanted: UInt64, at now: UInt64) -> UInt64 {
        guard wanted > 0 else { return 0 }
        var ticks = wanted
        while !taken.insert(now + ticks).inserted { ticks += 1 }
        return ticks
    }
}

/// The rules of processes in the plainest form.
struct ProcessModel {
    private struct Process {
        var random: Xorshift
        var wait = ProcessStep.Kind.yield
        var isWaiting = false
        var deadline: UInt64?
        var events: [(type: UInt64, values: [UInt64])] = []
        var log: [String] = []

        var hasEvents: Bool { events.contains { !$0.values.isEmpty } }
    }

    private var processes: [Process]
    private var timed: [(tick: UInt64, process: Int, type: UInt64, value: UInt64)] = []
    private var yielded: [Int] = []
    var ticks = TakenTicks()
    private(set) var now: UInt64 = 0

    init(seeds: [UInt64]) {
        processes = seeds.map { Process(random: Xorshift(seed: $0)) }
        for index in processes.indices { run(index) }
        settle()
    }

    var logs: [[String]] { processes.map(\.log) }

    /// What waits for what, in the words of `show processes`.
    var waits: [String] {
        processes.map { process in
            switch process.wait {
            case .suspend: "clock wait"
            case .event: "event wait"
            case .any: "any wait"
            case .yield: "yield"
            }
        }
    }

    mutating func signal(_ process: Int, type: UInt64, value: UInt64) {
        deliver(process, type, value)
        settle()
    }

    mutating func signal(_ process: Int, type: UInt64, value: UInt64, after wanted: UInt64) {
        let delay = ticks.delay(wanted, at: now)
        guard delay > 0 else { return signal(process, type: type, value: value) }
        timed.append((now + delay, process, type, value))
    }

    mutating func run(toTick target: UInt64) {
        while true {
            let due = (processes.compactMap(\.deadline) + timed.map(\.tick)).min()
            guard let due, due <= target else { break }
            now = due
            if let place = timed.firstIndex(where: { $0.tick == due }) {
                let event = timed.remove(at: place)
                deliver(event.process, event.type, event.value)
            } else if let index = processes.firstIndex(where: { $0.deadline == due }) {
                wake(index, byEvent: false)
            }
            settle()
        }
        now = target
    }

    private mutating func deliver(_ index: Int, _ type: UInt64, _ value: UInt64) {
        if let place = processes[index].events.firstIndex(where: { $0.type == type }) {
            processes[index].events[place].values.append(value)
        } else {
            processes[index].events.append((type, [value]))
        }
        guard processes[index].isWaiting, [.event, .any].contains(processes[index].wait) else {
            return
        }
        wake(index, byEvent: true)
    }

    private mutating func settle() {
        while !yielded.isEmpty {
            let turn = yielded
            yielded = []
            for index in turn { wake(index, byEvent: false) }
        }
    }

    private mutating func wake(_ index: Int, byEvent: Bool) {
        processes[index].isWaiting = false
        processes[index].deadline = nil
        finish(index, processes[index].wait)
        run(index)
    }

    /// Notes how a wait ended.
    private mutating func finish(_ index: Int, _ kind: ProcessStep.Kind) {
        var line = "\(now) \(kind)"
        if kind == .event || kind == .any,
            let place = processes[index].events.firstIndex(where: { !$0.values.isEmpty })
        {
            line +=
                " \(processes[index].events[place].type) \(processes[index].events[place].values)"
            processes[index].events[place].values = []
        }
        processes[index].log.append(line)
    }

    private mutating func run(_ index: Int) {
        while true {
            let step = ProcessStep(from: &processes[index].random)
            processes[index].wait = step.kind
            let hasEvents = processes[index].hasEvents
            switch step.kind {
            case .event where hasEvents, .any where hasEvents:
                finish(index, step.kind)
                continue
            case .suspend, .any:
                let delay = ticks.delay(step.ticks, at: now)
                guard delay > 0 else {
                    finish(index, step.kind)
                    continue
                }
                processes[index].deadline = now + delay
            case .yield: yielded.append(index)
            case .event: break
            }
            processes[index].isWaiting = true
            return
        }
    }
}
