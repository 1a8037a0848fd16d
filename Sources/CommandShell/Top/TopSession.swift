public import ControlClient
internal import FoundationEssentials
internal import Glibc

/// `causewayctl top`: shows what the dataplane does, until somebody quits.
public struct TopSession {
    private let terminal: any ShellTerminal
    private let sampler: TopSampler
    private let title: String

    /// Makes a session.
    ///
    /// - Parameters:
    ///   - terminal: where it is shown.
    ///   - sampler: what it reads.
    ///   - title: the dataplane's name.
    public init(terminal: any ShellTerminal, sampler: TopSampler, title: String) {
        self.terminal = terminal
        self.sampler = sampler
        self.title = title
    }

    /// Runs by itself, on a terminal that nobody else reads.
    ///
    /// - Parameter events: what happens at the terminal.
    /// - Returns: the signal that ended it; 0: somebody quit.
    public func run(_ events: AsyncStream<TerminalEvent>) async -> Int32 {
        let (stream, post) = AsyncStream.makeStream(of: Shell.Event.self)
        let forwarding = Task {
            for await event in events { post.yield(.terminal(event)) }
            post.yield(.terminal(.closed))
        }
        var iterator = stream.makeAsyncIterator()
        terminal.enter()
        defer {
            forwarding.cancel()
            terminal.leave()
        }
        return await run(&iterator, post)
    }

    /// Runs within a shell, whose events it takes meanwhile.
    func run(
        _ events: inout AsyncStream<Shell.Event>.Iterator,
        _ post: AsyncStream<Shell.Event>.Continuation
    ) async -> Int32 {
        var view = TopView()
        view.title = title
        var screen = TopScreen()
        var signal: Int32 = 0
        terminal.noteAlternateScreen(true)
        terminal.write(TopScreen.enter)
        var sampling = start(every: view.interval, post)
        let asking = Task { [sampler] in
            while !Task.isCancelled {
                await sampler.askSupervisor()
                // A sleep fails only when it is cancelled, which the loop looks at.
                try? await Task.sleep(for: .seconds(2))
            }
        }
        defer {
            sampling.cancel()
            asking.cancel()
            terminal.write(TopScreen.leave)
            terminal.noteAlternateScreen(false)
        }
        draw(&view, &screen)
        loop: while let event = await events.next() {
            switch event {
            case .terminal(.key(let key)):
                if key == .control("z") {
                    suspend(&screen)
                    break
                }
                let interval = view.interval
                switch view.handle(key) {
                case .quit: break loop
                case .refuse: terminal.write("\u{07}")
                case .draw: break
                }
                if view.interval != interval {
                    sampling.cancel()
                    sampling = start(every: view.interval, post)
                }
            case .terminal(.terminated(let number)):
                if number != SIGINT { signal = number }
                break loop
            case .terminal(.closed):
                post.yield(.terminal(.closed))
                break loop
            case .sample(let result): take(result, &view)
            case .terminal, .answer, .completion, .session, .ended: break
            }
            draw(&view, &screen)
        }
        return signal
    }

    private func suspend(_ screen: inout TopScreen) {
        terminal.write(TopScreen.leave)
        terminal.noteAlternateScreen(false)
        terminal.stop()
        terminal.enter()
        terminal.noteAlternateScreen(true)
        terminal.write(TopScreen.enter)
        screen = TopScreen()
    }

    private func start(
        every milliseconds: Int,
        _ post: AsyncStream<Shell.Event>.Continuation
    ) -> Task<Void, Never> {
        Task { [sampler] in
            while !Task.isCancelled {
                do throws(TopFault) {
                    post.yield(.sample(.success(try sampler.sample())))
                } catch { post.yield(.sample(.failure(error))) }
                // A sleep fails only when it is cancelled, which the loop looks at.
                try? await Task.sleep(for: .milliseconds(milliseconds))
            }
        }
    }

    private func take(_ result: Result<TopSample, TopFault>, _ view: inout TopView) {
        guard !view.isPaused else { return }
        view.clock = Self.clock()
        switch result {
        case .success(let sample):
            view.fault = nil
            view.sample = sample
        case .failure(let fault): view.fault = fault.description
        }
    }

    private func draw(_ view: inout TopView, _ screen: inout TopScreen) {
        let size = terminal.size
        let output = screen.draw(view.lines(size), size: size)
        if !output.isEmpty { terminal.write(output) }
    }

    /// Seconds since 1970, and the time of day here.
    private static func clock() -> (Int, String) {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 16)
        strftime(&text, text.count, "%H:%M:%S", &parts)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (now, String(decoding: bytes, as: UTF8.self))
    }

    /// `top --once`: the rates of one interval as tables, or as JSON.
    ///
    /// - Parameters:
    ///   - sampler: what it reads.
    ///   - output: where it goes.
    ///   - isJSON: whether it is JSON, on one line.
    ///   - seconds: the interval.
    /// - Returns: how it went.
    public static func once(
        sampler: TopSampler,
        output: any SessionTerminal,
        isJSON: Bool,
        seconds: Double
    ) async -> CommandLineSession.Status {
        do throws(TopFault) {
            _ = try sampler.sample()
            async let answer: Void = sampler.askSupervisor()
            // Cut short by a cancellation, the interval is only shorter.
            try? await Task.sleep(for: .seconds(seconds))
            await answer
            let sample = try sampler.sample()
            output.write(isJSON ? json(sample) : text(sample))
            return .done
        } catch {
            output.complain("causewayctl: \(error)\n")
            return .unreachable
        }
    }

    private static func json(_ sample: TopSample) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try? encoder.encode(sample)
        return (bytes.map { String(decoding: $0, as: UTF8.self) } ?? "null") + "\n"
    }

    private static func text(_ sample: TopSample) -> String {
        let tables = [
            sample.nodeTable(), sample.laneTable(node: nil),
            sample.graphNodeTable(node: nil, lane: nil), sample.handoffTable(),
            sample.dropTable(node: nil, graphNode: nil),
            sample.restartTable(now: clock().0),
        ]
        let note = sample.supervisorFault.map { "supervisor: \($0)\n" } ?? ""
        return sample.summary.joined(separator: "  ") + "\n" + note
            + tables.filter { !$0.rows.isEmpty }.map { table in
                let (titles, rows) = table.lines(width: 4096)
                let body = ([titles] + rows).map { trimmed($0) + "\n" }.joined()
                return "\n\(table.title)\n\(body)"
            }.joined()
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}
