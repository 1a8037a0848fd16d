import ControlClient
import Coordination
import Glibc
import LinuxSystem
import Synchronization
import Testing

@Suite struct StatisticsSessionTests {
    /// Keeps what is written.
    private final class Terminal: SessionTerminal {
        let isInteractive = false
        private let written = Mutex((output: "", complaints: ""))

        func write(_ text: String) { written.withLock { $0.output += text } }
        func complain(_ text: String) { written.withLock { $0.complaints += text } }

        var output: String { written.withLock { $0.output } }
        var complaints: String { written.withLock { $0.complaints } }
    }

    /// A worker of two lanes with one interface.
    private final class Worker {
        let path = "/dev/shm/causeway-session-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
        let segment: WorkerSegment

        init() throws {
            let runtime = RuntimeDirectory(path: path)
            try runtime.makeDirectory(node: 0)
            segment = try WorkerSegment.create(
                path: "\(path)/segment",
                node: 0,
                incarnation: 1,
                lanes: 2
            )
            segment.writeInterfaceName("tap0", at: 1)
            segment.lane(0).interface(1)[0] = 3
            segment.lane(0).interface(1)[1] = 180
            segment.lane(1).interface(1)[0] = 4
            segment.lane(1).interface(1)[1] = 240
            segment.store(.vectorRate, 2.5.bitPattern)
            try runtime.makeLink(.segment, node: 0, incarnation: 1, to: "\(path)/segment")
        }

        deinit { SmallFile.removeTree(path) }
    }

    private func run(
        _ words: String...,
        json: Bool = false,
        worker: Worker,
        seconds: Double = 0.01,
        rounds: Int? = 1
    ) async -> (status: CommandLineSession.Status, terminal: Terminal) {
        let terminal = Terminal()
        let session = StatisticsSession(
            runtimeDirectory: worker.path,
            terminal: terminal,
            isJSON: json,
            seconds: seconds
        )
        return (await session.run(words, rounds: rounds), terminal)
    }

    @Test func printsALineForEachPlace() async throws {
        let worker = try Worker()
        let (status, terminal) = await run("get", "^/if/rx$", "vector_rate$", worker: worker)
        #expect(status == .done)
        #expect(
            terminal.output == """
                /if/rx [0] local0 0 packets, 0 bytes
                /if/rx [1] tap0 7 packets, 420 bytes
                /node0/sys/vector_rate 2.50
                /sys/vector_rate 2.50

                """
        )
        let lanes = await run("get", "^/node0/if/rx$", worker: worker).terminal.output
        #expect(lanes.contains("/node0/if/rx lane 1 [1] tap0 4 packets, 240 bytes\n"))
    }

    @Test func printsAnObjectALineInJSON() async throws {
        let worker = try Worker()
        let (status, terminal) = await run("get", "^/if/(rx|names)$", json: true, worker: worker)
        #expect(status == .done)
        #expect(
            terminal.output == """
                {"name":"/if/names","type":"names","values":[{"index":0,"text":"local0"},\
                {"index":1,"text":"tap0"}]}
                {"name":"/if/rx","type":"combined","values":[\
                {"bytes":0,"index":0,"label":"local0","packets":0},\
                {"bytes":420,"index":1,"label":"tap0","packets":7}]}

                """
        )
        let names = await run("ls", "^/if/.x$", json: true, worker: worker).terminal.output
        #expect(names == "[\"/if/rx\",\"/if/tx\"]\n")
    }

    @Test func watchesWhatGrows() async throws {
        let worker = try Worker()
        let (status, terminal) = await run(
            "watch",
            "^/if/rx$",
            worker: worker,
            rounds: 3
        )
        #expect(status == .done)
        let lines = terminal.output.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[1] == "/if/rx [1] tap0 7 packets, 420 bytes")
        #expect(lines[5] == "/if/rx [1] tap0 7 packets, 420 bytes (0.00/s)")
    }

    @Test func saysWhatIsWrong() async throws {
        let worker = try Worker()
        for words in [[], ["list"], ["get"]] {
            let terminal = Terminal()
            let session = StatisticsSession(
                runtimeDirectory: worker.path,
                terminal: terminal,
                isJSON: false
            )
            #expect(await session.run(words) == .usage)
            #expect(terminal.complaints.contains("stats ls [PATTERN...]"))
        }
        let nothing = await run("get", "^/nonsense$", worker: worker)
        #expect(nothing.status == .refused)
        #expect(nothing.terminal.complaints.contains("stats ls lists them"))
        let pattern = await run("ls", "[", worker: worker)
        #expect(pattern.status == .usage)
        SmallFile.removeTree(worker.path + "/node0")
        let gone = await run("ls", worker: worker)
        #expect(gone.status == .unreachable)
        #expect(gone.terminal.complaints.contains("--runtime-dir"))
    }
}
