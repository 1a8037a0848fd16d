import Coordination
import Testing

@testable import CommandShell

@Suite struct TopTests {
    /// A worker with one lane that took `packets` packets at 100 clocks each, handed `handoffs` to
    /// lane 1 and dropped `drops`.
    private func worker(
        _ node: Int,
        packets: UInt64,
        handoffs: UInt64 = 0,
        drops: UInt64 = 0,
        incarnation: UInt32 = 1,
        state: String = "forwarding"
    ) -> TopReading.Worker {
        var words = [UInt64](repeating: 0, count: 64)
        words[LaneBlock.Word.loops.rawValue] = packets + 1
        words[LaneBlock.Word.inputVectors.rawValue] = packets
        words[LaneBlock.Word.internalCalls.rawValue] = packets / 10
        words[LaneBlock.Word.internalVectors.rawValue] = packets
        words[LaneBlock.Word.cpu.rawValue] = UInt64(4 + node)
        let lane = TopReading.Lane(
            words: words,
            nodes: [
                [packets / 10, packets, packets * 75], [packets / 10, packets, packets * 25],
            ],
            errors: [drops, 1_000_000 + packets],
            peers: [(0, 0), (handoffs, 0)]
        )
        return TopReading.Worker(
            node: node,
            incarnation: incarnation,
            state: state,
            lanes: [lane],
            graphNodes: ["ip4-lookup", "ip4-rewrite"],
            reasons: [("ip4-lookup", "no route", false), ("ip4-lookup", "looked up", true)],
            buffers: (8192, 4096),
            heap: (100, 50)
        )
    }

    private func sample(
        _ before: [TopReading.Worker],
        _ now: [TopReading.Worker],
        seconds: Int = 2
    ) -> TopSample {
        let start = ContinuousClock.now
        return TopSample(
            TopReading(time: start + .seconds(seconds), workers: now),
            since: TopReading(time: start, workers: before),
            laneCounts: [(0, 1), (1, 1)]
        )
    }

    private var usual: TopSample {
        sample(
            [worker(0, packets: 1000), worker(1, packets: 0)],
            [worker(0, packets: 2_001_000, handoffs: 500, drops: 60), worker(1, packets: 2000)]
        )
    }

    @Test func makesRatesOfTwoReadings() throws {
        let sample = usual
        let node = try #require(sample.nodes.first)
        #expect(node.packetsPerSecond == 1_000_000)
        #expect(node.clocksPerPacket == 100)
        #expect(node.vectorsPerFrame == 10)
        #expect(node.handoffsPerSecond == 250)
        // What is counted for information is no drop.
        #expect(node.dropsPerSecond == 30)
        #expect(sample.handoffs.packetsPerSecond == [[0, 250], [0, 0]])
        #expect(sample.drops.map(\.reason) == ["no route"])
        #expect(sample.graphNodes.first?.share == 75)
        #expect(sample.graphNodes.first?.clocksPerVector == 75)
        #expect(sample.lanes.map(\.cpu) == [4, 5])
        #expect(sample.lanes.map(\.state) == ["polling", "polling"])
    }

    @Test func saysNothingOfTheTimeBeforeARestart() {
        let sample = sample(
            [worker(0, packets: 5), worker(1, packets: 1000)],
            [worker(0, packets: 5), worker(1, packets: 9000, incarnation: 2)]
        )
        #expect(sample.nodes.map(\.packetsPerSecond) == [0, 0])
        #expect(sample.lanes.map(\.state) == ["stuck", "polling"])
        let down = self.sample([worker(0, packets: 1)], [worker(0, packets: 1, state: "down")])
        #expect(down.lanes.map(\.state) == ["down"])
    }

    @Test(arguments: [(24, 80), (40, 120), (12, 44), (6, 20), (1, 10), (2, 200), (60, 300)])
    func fillsAWindowOfAnySize(rows: Int, columns: Int) {
        var view = TopView()
        view.sample = usual
        view.clock = (100, "12:00:00")
        let size = TerminalSize(rows: rows, columns: columns)
        for key in "123456hx" {
            _ = view.handle(.character(key))
            let lines = view.lines(size)
            #expect(lines.count == rows)
            for line in lines { #expect(TextWidth.of(plain(line)) <= columns, "\(line)") }
        }
        // On a screen the lines are where they belong, and nothing is beyond the last row.
        var screen = TestScreen(rows: rows, columns: columns)
        var drawing = TopScreen()
        let first = view.lines(size)
        screen.write(drawing.draw(first, size: size))
        #expect(screen.faults == [])
        #expect(screen.lines.count <= rows)
        #expect(drawing.draw(first, size: size) == "")
    }

    private func plain(_ line: String) -> String {
        line.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    }

    @Test func writesOnlyWhatDiffers() {
        var drawing = TopScreen()
        let size = TerminalSize(rows: 3, columns: 20)
        _ = drawing.draw(["a", "b", "c"], size: size)
        let change = drawing.draw(["a", "x", "c"], size: size)
        #expect(change == "\u{1B}[?2026h\u{1B}[2;1Hx\u{1B}[K\u{1B}[?2026l")
        let resized = drawing.draw(["a"], size: TerminalSize(rows: 1, columns: 20))
        #expect(resized.contains("\u{1B}[2J") && resized.contains("\u{1B}[1;1Ha"))
    }

    @Test func drillsDownAndComesBack() {
        var view = TopView()
        view.sample = usual
        let way: [(key: Key, page: TopView.Page)] = [
            (.down, .nodes), (.enter, .lanes), (.enter, .graphNodes), (.enter, .drops),
            (.escape, .graphNodes), (.left, .lanes), (.backspace, .nodes),
        ]
        for step in way {
            _ = view.handle(step.key)
            #expect(view.place.page == step.page)
            if step.page == .lanes { #expect(view.place.numaNode == 1) }
            if step.page == .graphNodes { #expect(view.place.lane == 0) }
        }
        let effect = view.handle(.escape)
        #expect(effect == .refuse)
        let end = view.handle(.character("q"))
        #expect(end == .quit)
    }

    @Test func sortsAndFilters() {
        var view = TopView()
        view.sample = usual
        _ = view.handle(.character("3"))
        #expect(view.table?.rows.compactMap(\.graphNode).first == "ip4-lookup")
        for _ in 0..<6 { _ = view.handle(.character("s")) }
        // By clocks a packet, most first; then the other way round.
        #expect(view.table?.rows.first?.graphNode == "ip4-lookup")
        _ = view.handle(.character("r"))
        #expect(view.table?.rows.first?.graphNode == "ip4-rewrite")
        for key: Key in [.character("/"), .character("R"), .character("e"), .enter] {
            _ = view.handle(key)
        }
        #expect(view.table?.rows.compactMap(\.graphNode) == ["ip4-rewrite", "ip4-rewrite"])
        _ = view.handle(.escape)
        #expect(view.table?.rows.count == 4)
    }

    @Test func shortensNumbers() {
        let values: [Double] = [
            0, 0.04, 9.94, 10, 999, 1000, 12_345, 999_960, 1.5e6, 2e9, .infinity,
        ]
        #expect(
            values.map { TopFigure.short($0) } == [
                "0", "0.0", "9.9", "10", "999", "1.00k", "12.3k", "1.00M", "1.50M", "2.00G", "-",
            ]
        )
        #expect(TopFigure.fitting(["aaa", "bbbbbb", "c"], columns: 6) == "aaa  c")
    }
}
