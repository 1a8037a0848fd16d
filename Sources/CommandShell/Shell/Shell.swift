internal import ControlClient
internal import ControlProtocol

/// An interactive session: takes lines at a terminal, has them run, shows the answers.
///
/// Everything that happens comes as one stream of events (keys, answers, a look at the supervisor
/// each second) to one task, so nothing that is slow keeps keys waiting: Ctrl-C always works.
public struct Shell {
    /// What the shell stands in.
    public struct Surroundings: Sendable {
        /// The folder that relative file names start from.
        public var folder: String
        /// Where `top` and `stats` look.
        public var runtimeDirectory: String
        /// The environment.
        public var variable: @Sendable (String) -> String?

        /// Makes surroundings of their parts.
        public init(
            folder: String,
            runtimeDirectory: String,
            variable: @escaping @Sendable (String) -> String?
        ) {
            self.folder = folder
            self.runtimeDirectory = runtimeDirectory
            self.variable = variable
        }
    }

    /// What comes to the shell's task.
    enum Event: Sendable {
        case terminal(TerminalEvent)
        case answer(Int, Result<CommandReply<JSONValue>, ControlClientError>)
        case completion(Int, Result<CompletionReply, ControlClientError>)
        case session(Result<SessionSettings, ControlClientError>)
        /// A command that the client itself runs has ended.
        case ended(Int)
        case sample(Result<TopSample, TopFault>)
    }

    /// What was set in this session, over what the supervisor says.
    struct Overrides {
        var hasPager: Bool?
        var pagerLimit: Int?
        var historyLimit: Int?
    }

    /// What keys are for.
    enum Mode {
        case editing
        /// A command runs.
        case running(Int, Task<Void, Never>, line: String)
        /// The supervisor is asked what may follow.
        case completing(Int, isHelp: Bool)
        case paging(Pager)
    }

    let backend: any ShellBackend
    let terminal: any ShellTerminal
    let surroundings: Surroundings
    let post: AsyncStream<Event>.Continuation
    var events: AsyncStream<Event>.Iterator

    var mode = Mode.editing
    var editor = LineEditor()
    var display = LineDisplay()
    var macros = Macros()
    var scope: Int?
    /// What the supervisor says of sessions.
    var reported = SessionSettings()
    var overrides = Overrides()
    var historyFile: HistoryFile?
    /// Whether the supervisor answered the last time; nil: it was not asked yet.
    var isConnected: Bool?
    /// Keys that were pressed while a command ran.
    var ahead: [Key] = []
    /// The line before the cursor when Tab found nothing more to add.
    var listedAt: String?
    /// Counts requests, so that late answers are told from awaited ones.
    var requests = 0
    var isLeaving = false
    /// The signal that ends the session; 0: none.
    var signal: Int32 = 0

    /// Keys that are kept while a command runs.
    static let longestAhead = 65_536

    /// Makes a session; `run` starts it.
    ///
    /// - Parameters:
    ///   - backend: whom to ask.
    ///   - terminal: where the session is shown.
    ///   - events: what happens there.
    ///   - surroundings: files, folders, environment.
    public init(
        backend: any ShellBackend,
        terminal: any ShellTerminal,
        events: AsyncStream<TerminalEvent>,
        surroundings: Surroundings
    ) {
        self.backend = backend
        self.terminal = terminal
        self.surroundings = surroundings
        let (stream, post) = AsyncStream.makeStream(of: Event.self)
        self.post = post
        self.events = stream.makeAsyncIterator()
        Task {
            for await event in events { post.yield(.terminal(event)) }
            post.yield(.terminal(.closed))
        }
    }

    /// Runs until the session ends.
    ///
    /// - Returns: the signal that ended it; 0: somebody left.
    public mutating func run() async -> Int32 {
        terminal.enter()
        await begin()
        let watch = watchSupervisor()
        defer {
            watch.cancel()
            terminal.leave()
        }
        drawLine()
        while !isLeaving, let event = await events.next() {
            await take(event)
            while !isLeaving, case .editing = mode, !ahead.isEmpty {
                await take(ahead.removeFirst())
            }
        }
        if case .running(_, let task, _) = mode { task.cancel() }
        return signal
    }

    /// Greets, and takes the supervisor's settings.
    private mutating func begin() async {
        do throws(ControlClientError) {
            reported = try await backend.session()
            isConnected = true
            if settings.hasBanner {
                say("Causeway v\(settings.version), \(settings.instance); ? help, quit\n")
            }
        } catch {
            isConnected = false
            say("\(error)\n")
        }
        historyFile = HistoryFile.ofUser(surroundings.variable)
        let lines = historyFile?.read(limit: settings.historyLimit) ?? []
        editor = LineEditor(history: History(lines: lines, limit: settings.historyLimit))
    }

    /// Looks each second whether the supervisor answers.
    private func watchSupervisor() -> Task<Void, Never> {
        let (backend, post) = (backend, post)
        return Task {
            while !Task.isCancelled {
                // A sleep fails only when it is cancelled, which the loop looks at.
                try? await Task.sleep(for: .seconds(1))
                do throws(ControlClientError) {
                    post.yield(.session(.success(try await backend.session())))
                } catch { post.yield(.session(.failure(error))) }
            }
        }
    }

    private mutating func take(_ event: Event) async {
        switch event {
        case .terminal(.key(let key)): await take(key)
        case .terminal(.resized): resize()
        case .terminal(.continued): goOn()
        case .terminal(.terminated(let number)): end(by: number)
        case .terminal(.closed): isLeaving = true
        case .answer(let number, let answer): await take(answer, of: number)
        case .completion(let number, let answer): take(answer, of: number)
        case .session(let answer): note(answer)
        case .ended(let number):
            guard case .running(number, _, _) = mode else { return }
            edit()
        case .sample: break
        }
    }

    private mutating func end(by number: Int32) {
        // SIGINT of somebody else's is Ctrl-C.
        if number == 2 { return ahead.insert(.control("c"), at: 0) }
        signal = number
        isLeaving = true
    }

    private mutating func goOn() {
        terminal.enter()
        display.forget()
        if case .editing = mode { drawLine() }
    }

    private mutating func resize() {
        switch mode {
        case .paging(var pager):
            terminal.write(pager.resize(terminal.size))
            mode = .paging(pager)
        case .editing, .completing:
            let view = lineView
            display.resize(
                prompt: view.prompt,
                text: view.text,
                cursor: view.cursor,
                columns: terminal.size.columns
            )
            drawLine()
        case .running: break
        }
    }
}

extension Shell {
    /// What holds in this session.
    var settings: SessionSettings {
        var settings = reported
        settings.hasPager = overrides.hasPager ?? settings.hasPager
        settings.pagerLimit = overrides.pagerLimit ?? settings.pagerLimit
        settings.historyLimit = overrides.historyLimit ?? settings.historyLimit
        return settings
    }

    /// The prompt: `causeway# `, `DBGcauseway# `, `causeway[node1]# `, or what `cli-prompt` says.
    var prompt: String {
        let place = scope.map { "[node\($0)]" } ?? ""
        guard let custom = settings.prompt else {
            return (settings.isDebug ? "DBG" : "") + settings.instance + place + "# "
        }
        guard let last = custom.last, "#>$%".contains(last) else { return custom + place + " " }
        return custom.dropLast() + place + String(last) + " "
    }

    /// What the line shows: what is typed, or what a search finds.
    var lineView: (prompt: String, text: [Character], cursor: Int) {
        editor.searchView ?? (prompt, editor.text, editor.cursor)
    }

    mutating func drawLine() {
        let view = lineView
        terminal.write(
            display.draw(
                prompt: view.prompt,
                text: view.text,
                cursor: view.cursor,
                columns: terminal.size.columns
            )
        )
    }

    /// Leaves the line as it is on the screen and goes below it.
    mutating func finishLine() {
        terminal.write(
            display.finish(prompt: prompt, text: editor.text, columns: terminal.size.columns)
        )
        display.forget()
    }

    func say(_ text: String) { if !text.isEmpty { terminal.write(text) } }

    /// Takes a new line.
    mutating func edit() {
        mode = .editing
        drawLine()
    }

    /// Says something above the line that is being typed.
    mutating func interject(_ text: String) {
        switch mode {
        case .editing, .completing:
            terminal.write(display.erase() + text)
            drawLine()
        case .running: say(text)
        case .paging: break
        }
    }

    /// Takes note of whether the supervisor answers, and says so when that has changed.
    mutating func note(_ answer: Result<SessionSettings, ControlClientError>) {
        switch answer {
        case .success(let now):
            let before = reported
            reported = now
            if isConnected == false {
                interject(
                    before.pid == now.pid
                        ? "-- the supervisor answers again --\n"
                        : "-- a supervisor answers: process \(now.pid), v\(now.version) --\n"
                )
            } else if before.pid != now.pid {
                interject("-- the supervisor is another one now: process \(now.pid) --\n")
            }
            isConnected = true
        case .failure(let error):
            if isConnected == true {
                interject("-- the supervisor does not answer; waiting for it: \(error.reason) --\n")
            }
            isConnected = false
        }
    }
}
