internal import Coordination

/// A statistic of all workers together, made as its entry says.
struct Together {
    let statistic: Statistic

    /// Puts together what the last lives of workers have under a name.
    init(_ name: String, in tables: [EntryTable]) {
        let parts = tables.compactMap { table in table[name].map { (table: table, entry: $0) } }
        guard let first = parts.first?.entry else {
            statistic = Statistic(name: name, kind: .counter, width: 1, rows: [])
            return
        }
        // What a dead worker stood at is no part of what stands now; what it counted was counted.
        let standing = parts.filter {
            !($0.table.life.isOver && [.gauge, .rate].contains(first.kind))
        }
        let values = standing.filter {
            $0.entry.kind == first.kind && $0.entry.width == first.width
        }
        .map { $0.table.life.segment.words(of: $0.entry) }
        let isRate = first.kind == .rate
        let rows: [[UInt64]] =
            switch first.together {
            case .sum: [Self.combined(values.flatMap { $0 }) { Self.sum($0, $1, isRate) }]
            case .minimum: [Self.combined(values.flatMap { $0 }, min)]
            case .maximum: [Self.combined(values.flatMap { $0 }, max)]
            case .lanes: values.flatMap { $0 }
            case .mean: [Self.mean(values.flatMap { $0 })]
            case .same: [Self.firstInUse(values.compactMap(\.first), width: first.width)]
            }
        statistic = Statistic(
            name: name,
            kind: first.kind,
            width: first.width,
            rows: rows.map { $0.isEmpty ? Array(repeating: 0, count: first.width) : $0 },
            labels: Self.labels(of: parts.map { $0.table.labels(of: $0.entry) })
        )
    }

    private static func sum(_ left: UInt64, _ right: UInt64, _ isRate: Bool) -> UInt64 {
        isRate
            ? (Double(bitPattern: left) + Double(bitPattern: right)).bitPattern : left &+ right
    }

    /// The rows word by word; a shorter row has nothing to say about what is beyond its end.
    private static func combined(
        _ rows: [[UInt64]],
        _ combine: (UInt64, UInt64) -> UInt64
    ) -> [UInt64] {
        var result = rows.first ?? []
        for row in rows.dropFirst() {
            for (index, word) in row.enumerated() {
                if index < result.count {
                    result[index] = combine(result[index], word)
                } else {
                    result.append(word)
                }
            }
        }
        return result
    }

    private static func mean(_ rows: [[UInt64]]) -> [UInt64] {
        guard !rows.isEmpty else { return [] }
        return combined(rows) { sum($0, $1, true) }.map {
            (Double(bitPattern: $0) / Double(rows.count)).bitPattern
        }
    }

    /// For each place the first row's words that has some.
    private static func firstInUse(_ rows: [[UInt64]], width: Int) -> [UInt64] {
        combined(rows.map { $0 }) { left, _ in left }.indices.map { index in
            let place = index / width * width
            let row = rows.first { place < $0.count && $0[place] != 0 } ?? rows.first
            return row.flatMap { index < $0.count ? $0[index] : nil } ?? 0
        }
    }

    private static func labels(of lists: [[String]]) -> [String] {
        let count = lists.map(\.count).max() ?? 0
        return (0..<count).map { index in
            lists.first { index < $0.count && !$0[index].isEmpty }?[index] ?? ""
        }
    }
}
