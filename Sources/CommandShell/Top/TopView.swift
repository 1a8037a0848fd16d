/// What `top` shows and how, without a terminal: keys change it, a sample and a size make lines of
/// it.
struct TopView {
    /// A page.
    enum Page: Int, CaseIterable {
        case nodes, lanes, graphNodes, handoffs, drops, restarts

        var name: String {
            switch self {
            case .nodes: "nodes"
            case .lanes: "lanes"
            case .graphNodes: "graph"
            case .handoffs: "handoffs"
            case .drops: "drops"
            case .restarts: "restarts"
            }
        }
    }

    /// What is shown of the dataplane.
    struct Place: Equatable {
        var page = Page.nodes
        var numaNode: Int?
        var lane: Int?
        var graphNode: String?
    }

    /// What a key asks for.
    enum Effect { case draw, quit, refuse }

    private(set) var place = Place()
    /// Where Enter was pressed, for the way back.
    private var former: [Place] = []
    private var selected = 0
    private var offset = 0
    /// The title of the column that each page is sorted by.
    private var sorting: [Page: (title: String, isAscending: Bool)] = [:]
    private(set) var filter = ""
    private var isTypingFilter = false
    private(set) var isPaused = false
    private var showsHelp = false
    /// The time between two samples in milliseconds.
    private(set) var interval = 1000
    /// The last sample; nil: there is none yet.
    var sample: TopSample?
    /// Why there is no newer one.
    var fault: String?
    var title = "causeway"
    /// Seconds since 1970, and the time of day.
    var clock = (unixSeconds: 0, text: "")

    static let intervals = [200, 500, 1000, 2000, 5000, 10_000]

    /// Does what a key means.
    mutating func handle(_ key: Key) -> Effect {
        if isTypingFilter { return type(key) }
        if showsHelp {
            showsHelp = false
            return key == .character("q") || key == .control("c") ? .quit : .draw
        }
        switch key {
        case .character("q"), .control("c"), .control("d"): return .quit
        case .character(let digit) where ("1"..."6").contains(digit):
            guard let number = digit.wholeNumberValue, let page = Page(rawValue: number - 1) else {
                return .refuse
            }
            go(Place(page: page, numaNode: place.numaNode))
        case .tab:
            let next = Page(rawValue: (place.page.rawValue + 1) % Page.allCases.count)
            go(Place(page: next ?? .nodes, numaNode: place.numaNode))
        case .character("p"), .character(" "): isPaused.toggle()
        case .character("h"), .character("?"): showsHelp = true
        case .character("s"): sortByNext()
        case .character("r"): reverse()
        case .character("a"): go(Place(page: place.page))
        case .character("/"):
            isTypingFilter = true
            filter = ""
        case .character("+"): interval = Self.intervals.first { $0 > interval } ?? interval
        case .character("-"): interval = Self.intervals.last { $0 < interval } ?? interval
        case .enter, .right: return drillDown()
        case .escape, .backspace, .left: return goBack()
        default: return move(key)
        }
        return .draw
    }

    private mutating func move(_ key: Key) -> Effect {
        let count = table?.rows.count ?? 0
        switch key {
        case .up, .character("k"): selected = max(0, selected - 1)
        case .down, .character("j"): selected = min(max(0, count - 1), selected + 1)
        case .pageUp: selected = max(0, selected - 10)
        case .pageDown: selected = min(max(0, count - 1), selected + 10)
        case .home, .character("g"): selected = 0
        case .end, .character("G"): selected = max(0, count - 1)
        default: return .refuse
        }
        return .draw
    }

    private mutating func type(_ key: Key) -> Effect {
        switch key {
        case .character(let character): filter.append(character)
        case .paste(let text): filter += TextWidth.harmless(text).filter { !$0.isNewline }
        case .backspace: if !filter.isEmpty { filter.removeLast() }
        case .enter: isTypingFilter = false
        case .escape, .control("c"):
            isTypingFilter = false
            filter = ""
        default: return .refuse
        }
        selected = 0
        offset = 0
        return .draw
    }

    private mutating func go(_ place: Place) {
        self.place = place
        former = []
        selected = 0
        offset = 0
    }

    /// From a NUMA node to its lanes, from a lane to its graph nodes, from one of these to its
    /// drops.
    private mutating func drillDown() -> Effect {
        guard let table, table.rows.indices.contains(selected) else { return .refuse }
        let row = table.rows[selected]
        let next: Place
        switch place.page {
        case .nodes, .handoffs: next = Place(page: .lanes, numaNode: row.numaNode)
        case .lanes: next = Place(page: .graphNodes, numaNode: row.numaNode, lane: row.lane)
        case .graphNodes:
            next = Place(page: .drops, numaNode: row.numaNode, graphNode: row.graphNode)
        case .drops: next = Place(page: .lanes, numaNode: row.numaNode)
        case .restarts: next = Place(page: .lanes, numaNode: row.numaNode)
        }
        let way = former + [place]
        go(next)
        former = way
        return .draw
    }

    private mutating func goBack() -> Effect {
        if !filter.isEmpty {
            filter = ""
            return .draw
        }
        guard let last = former.last else { return .refuse }
        let way = former.dropLast()
        go(last)
        former = Array(way)
        return .draw
    }

    private mutating func sortByNext() {
        guard let columns = table?.columns else { return }
        let now = sorting[place.page].flatMap { known in
            columns.firstIndex { $0.title == known.title }
        }
        let next = (now ?? -1) + 1
        guard next < columns.count else {
            sorting[place.page] = nil
            return
        }
        sorting[place.page] = (columns[next].title, columns[next].isLeft || next == 0)
    }

    private mutating func reverse() {
        if let known = sorting[place.page] {
            sorting[place.page] = (known.title, !known.isAscending)
        } else if let first = table?.columns.first {
            sorting[place.page] = (first.title, false)
        }
    }

    /// The rows of the page.
    var table: TopTable? {
        guard let sample else { return nil }
        var table =
            switch place.page {
            case .nodes: sample.nodeTable()
            case .lanes: sample.laneTable(node: place.numaNode)
            case .graphNodes: sample.graphNodeTable(node: place.numaNode, lane: place.lane)
            case .handoffs: sample.handoffTable()
            case .drops: sample.dropTable(node: place.numaNode, graphNode: place.graphNode)
            case .restarts: sample.restartTable(now: clock.unixSeconds)
            }
        if !filter.isEmpty {
            table.rows.removeAll { row in
                !row.cells.contains { $0.lowercased().contains(filter.lowercased()) }
            }
        }
        if let known = sorting[place.page],
            let column = table.columns.firstIndex(where: { $0.title == known.title })
        {
            table.sort(by: column, ascending: known.isAscending)
        }
        return table
    }
}

extension TopView {
    /// The lines of the screen, each with its colours, exactly as many as the terminal has rows.
    mutating func lines(_ size: TerminalSize) -> [String] {
        var lines = header(size.columns)
        let footer = footer(size.columns)
        let room = max(0, size.rows - lines.count - 1)
        if showsHelp {
            lines += Self.help.prefix(room).map { TextWidth.prefix($0, columns: size.columns) }
        } else {
            lines += body(rows: room, width: size.columns)
        }
        lines += Array(repeating: "", count: max(0, size.rows - 1 - lines.count))
        return Array((lines.prefix(size.rows - 1) + [footer]).suffix(size.rows))
    }

    private func header(_ width: Int) -> [String] {
        let state = isPaused ? "paused" : "every \(TopFigure.fixed(Double(interval) / 1000, 1)) s"
        var first = "\(title)  \(clock.text)  \(state)"
        if let fault = fault ?? sample?.supervisorFault.map({ "supervisor: " + $0 }) {
            first += "  ! " + fault
        }
        let tabs = Page.allCases.map { page in
            let text = "\(page.rawValue + 1) \(page.name)"
            return page == place.page ? "[\(text)]" : " \(text) "
        }.joined()
        return [
            Style.bold(TextWidth.prefix(first, columns: width)),
            TopFigure.fitting(
                sample?.summary ?? ["waiting for the first reading"],
                columns: width
            ),
            TextWidth.prefix(tabs + "  " + placeText, columns: width),
        ]
    }

    private var placeText: String {
        [
            place.numaNode.map { "node \($0)" }, place.lane.map { "lane \($0)" }, place.graphNode,
            filter.isEmpty ? nil : "/\(filter)",
        ].compactMap { $0 }.joined(separator: " ")
    }

    private func footer(_ width: Int) -> String {
        if isTypingFilter { return TextWidth.prefix("/\(filter)", columns: width - 1) }
        let keys = [
            "q quit", "h help", "1-6 page", "enter drill", "esc back", "s sort", "/ filter",
            "p pause", "r reverse", "+- interval",
        ]
        return Style.dim(TopFigure.fitting(keys, columns: width - 1))
    }

    private mutating func body(rows room: Int, width: Int) -> [String] {
        guard let table, let sample else { return [] }
        let (titles, rows) = table.lines(width: width)
        selected = max(0, min(selected, rows.count - 1))
        let visible = max(1, room - 1)
        offset = max(0, min(offset, selected, max(0, rows.count - visible)))
        if selected >= offset + visible { offset = selected - visible + 1 }
        var lines = [Style.title(titles, width: width)]
        for index in rows.indices.dropFirst(offset).prefix(visible) {
            let isAlert = table.rows[index].isAlert
            if index == selected {
                lines.append(Style.selected(rows[index], width: width, isAlert: isAlert))
            } else {
                lines.append(isAlert ? Style.alert(rows[index]) : rows[index])
            }
        }
        if rows.isEmpty { lines.append("  nothing here") }
        if place.page == .lanes, filter.isEmpty {
            let below = sample.graphNodeTable(node: place.numaNode, lane: nil)
            lines += Self.section(below, room: room - lines.count, width: width)
        }
        guard place.page == .nodes, filter.isEmpty else { return lines }
        for extra in [
            sample.laneTable(node: nil),
            sample.handoffs.numaNodes.count > 1 ? sample.handoffTable() : nil,
            sample.dropTable(node: nil, graphNode: nil),
            sample.restarts.isEmpty ? nil : sample.restartTable(now: clock.unixSeconds),
        ].compactMap({ $0 }) {
            lines += Self.section(extra, room: room - lines.count, width: width)
        }
        return lines
    }

    /// A further table with its title, if at least one row fits.
    private static func section(_ table: TopTable, room: Int, width: Int) -> [String] {
        guard room >= 4, !table.rows.isEmpty else { return [] }
        let (titles, rows) = table.lines(width: width)
        let shown = zip(rows, table.rows).prefix(room - 3).map { text, row in
            row.isAlert ? Style.alert(text) : text
        }
        let more = rows.count > shown.count ? " (\(shown.count) of \(rows.count))" : ""
        return ["", Style.bold(TextWidth.prefix(table.title + more, columns: width))]
            + [Style.title(titles, width: width)] + shown
    }

    private static let help = [
        "", "  1 ... 6, Tab     page: nodes, lanes, graph nodes, handoffs, drops, restarts",
        "  up, down, j, k   choose a row; PgUp, PgDn, g, G: further",
        "  Enter, right     down: node, its lanes, a lane's graph nodes, their drops",
        "  Esc, left        back; a: all NUMA nodes again",
        "  s                sort by the next column, whose title is in capitals",
        "  r                the other way round",
        "  /TEXT Enter      only rows with this text; Esc: all",
        "  p, space         stop the display, and go on",
        "  + and -          time between two readings",
        "  q, Ctrl-C        quit", "", "  Rates are of the last interval. Any key goes back.",
    ]
}

/// Colours and the like, as terminals understand them.
enum Style {
    static func bold(_ text: String) -> String { "\u{1B}[1m\(text)\u{1B}[0m" }
    static func dim(_ text: String) -> String { "\u{1B}[2m\(text)\u{1B}[0m" }
    static func alert(_ text: String) -> String { "\u{1B}[31m\(text)\u{1B}[0m" }

    static func title(_ text: String, width: Int) -> String {
        "\u{1B}[7m\(filled(text, width))\u{1B}[0m"
    }

    static func selected(_ text: String, width: Int, isAlert: Bool) -> String {
        "\u{1B}[1;\(isAlert ? 31 : 36)m\(filled(text, width))\u{1B}[0m"
    }

    private static func filled(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - TextWidth.of(text)))
    }
}
