/// All subjects, in the order in which they are measured.
enum Catalogue {
    static var entries: [Entry] {
        let routes = [1, 1_000, 100_000, 1_000_000]
        let forward = routes.map { count in
            Entry(name: "forward/routes=\(count)") { machine in
                try ForwardPath(
                    routes: count,
                    areScattered: false,
                    frame: 256,
                    pool: machine.makePool("bench", buffers: Self.poolBuffers)
                )
            }
        }
        let otherForward = [
            Entry(name: "forward/scattered=1000000", isQuick: false) { machine in
                try ForwardPath(
                    routes: 1_000_000,
                    areScattered: true,
                    frame: 256,
                    pool: machine.makePool("bench", buffers: Self.poolBuffers)
                )
            },
            Entry(name: "forward/frame=1") { machine in
                try ForwardPath(
                    routes: 1,
                    areScattered: false,
                    frame: 1,
                    pool: machine.makePool("bench", buffers: Self.poolBuffers)
                )
            },
        ]
        let fib = routes.map { count in
            Entry(name: "fib/routes=\(count)") { _ in
                try FibLookup(routes: count, areScattered: false)
            }
        }
        let scattered = [100_000, 1_000_000].map { count in
            Entry(name: "fib/scattered=\(count)", isQuick: false) { _ in
                try FibLookup(routes: count, areScattered: true)
            }
        }
        let dispatch = [256, 1].map { frame in
            Entry(name: "dispatch/frame=\(frame)") { machine in
                try EmptyGraph(
                    frame: frame,
                    pool: machine.makePool("bench", buffers: Self.poolBuffers)
                )
            }
        }
        let cells = Self.ringCells
        let handoff = [64, 128, 256, 512, 1024, 1472].map { bytes in
            Entry(name: "handoff/bytes=\(bytes)", needsTwoCPUs: true) { machine in
                try HandoffByValue(bytes: bytes, frame: 256, cells: cells, machine: machine)
            }
        }
        let smallHandoff = Entry(name: "handoff/frame=1", needsTwoCPUs: true) { machine in
            try HandoffByValue(bytes: 64, frame: 1, cells: cells, machine: machine)
        }
        let largeRing = Entry(name: "handoff/cells=\(4 * cells)", needsTwoCPUs: true) { machine in
            try HandoffByValue(bytes: 64, frame: 256, cells: 4 * cells, machine: machine)
        }
        let bookkeeping = [
            Entry(name: "eventlog/record") { _ in try EventRecord() },
            Entry(name: "counter/increment") { _ in CounterIncrement() },
        ]
        return forward + otherForward + fib + scattered + handoff + [smallHandoff, largeRing]
            + dispatch + bookkeeping + loop
    }

    /// What the main loop is made of.
    private static var loop: [Entry] {
        let turns = [1, 8, 64].map { rings in
            Entry(name: "turn/rings=\(rings)") { machine in
                try EmptyTurn(
                    rings: rings,
                    pool: machine.makePool("bench", buffers: Self.poolBuffers)
                )
            }
        }
        return turns + [
            Entry(name: "timer/stopped") { _ in try TimerLife(expires: false) },
            Entry(name: "timer/expired") { _ in try TimerLife(expires: true) },
            Entry(name: "interrupt") { machine in
                try InterruptLife(pool: machine.makePool("bench", buffers: Self.poolBuffers))
            },
            Entry(name: "call") { _ in try CallLife() },
        ]
    }

    /// The default of `handoff-ring` in topology files.
    private static let ringCells = 8192
    static let poolBuffers = 16_383

    /// The entries that the names on the command line mean: a whole name, or what stands before a slash.
    static func entries(matching names: [String], isQuick: Bool) throws -> [Entry] {
        guard !names.isEmpty else { return entries.filter { !isQuick || $0.isQuick } }
        for name in names where !entries.contains(where: { matches($0.name, name) }) {
            throw BenchError("no subject \(name); --list shows all")
        }
        return entries.filter { entry in names.contains { matches(entry.name, $0) } }
    }

    private static func matches(_ subject: String, _ name: String) -> Bool {
        subject == name || subject.hasPrefix(name + "/")
    }
}
