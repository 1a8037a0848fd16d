import CBench

/// How much is measured.
struct Effort {
    /// Rounds: each runs the subject and then the C loop.
    var rounds = 15
    /// Batches of each in a round, after those that only warm up.
    var batches = 40
    /// Batches in front of each run that are not counted.
    var warmUp = 6
    /// How often a round is run to get enough undisturbed batches.
    var attempts = 8

    /// Enough to see that everything works, and to count.
    static let quick = Effort(rounds: 3, batches: 6, warmUp: 2, attempts: 2)
}

/// Runs a subject and its C loop in turns, A B A B, and condenses what comes out.
struct Rounds {
    let effort: Effort

    /// Measures a subject.
    ///
    /// - Returns: the subject's row and one for each of its parts.
    func measure(_ subject: any Subject, name: String) -> [Row] {
        let width = 1 + subject.parts.count
        var own = [[Double]](repeating: [], count: width)
        var reference: [Double] = []
        var ratios: [Double] = []
        for _ in 0..<effort.rounds {
            let mine = round(width: width, subject.run)
            let other = round(width: 1, subject.runReference)
            for column in 0..<width { own[column].append(mine[column]) }
            reference.append(other[0])
            ratios.append(mine[0] / other[0])
        }
        return rows(subject, name: name, own: own, reference: reference, ratios: ratios)
    }

    /// Runs until there are enough batches that nothing has disturbed, or too many that something has.
    ///
    /// - Returns: the median of each column.
    private func round(
        width: Int,
        _ run: (Int, UnsafeMutablePointer<Double>) -> Void
    ) -> [Double] {
        let count = (effort.warmUp + effort.batches) * width
        let values = UnsafeMutablePointer<Double>.allocate(capacity: count)
        values.initialize(repeating: 0, count: count)
        defer { values.deallocate() }
        var columns = [[Double]](repeating: [], count: width)
        for _ in 0..<effort.attempts where columns[0].count < effort.batches {
            run(effort.warmUp + effort.batches, values)
            for batch in effort.warmUp..<effort.warmUp + effort.batches
            where !values[batch * width].isNaN {
                for column in 0..<width { columns[column].append(values[batch * width + column]) }
            }
        }
        return columns.map(Statistics.median)
    }

    private func rows(
        _ subject: any Subject,
        name: String,
        own: [[Double]],
        reference: [Double],
        ratios: [Double]
    ) -> [Row] {
        var rows = [
            Row(
                subject: name,
                median: Statistics.median(own[0]),
                spread: Statistics.spread(own[0]),
                unit: subject.unit,
                reference: Statistics.median(reference),
                ratio: Statistics.median(ratios)
            )
        ]
        for (part, values) in zip(subject.parts, own.dropFirst()) {
            rows.append(
                Row(
                    subject: "\(name)/\(part)",
                    median: Statistics.median(values),
                    spread: Statistics.spread(values),
                    unit: subject.unit
                )
            )
        }
        return rows
    }

    /// Counts what must not happen while packets are worked on.
    ///
    /// Two runs of different lengths are taken apart, so that what a run costs once does not count.
    ///
    /// - Returns: rows `<name>/allocations` and, if this Swift runtime can tell, `<name>/reference-counts`.
    func count(_ subject: any Subject, name: String) -> [Row] {
        let allocations = surplus(of: subject) { run in
            let before = CBench_allocations()
            run()
            return CBench_allocations() - before
        }
        var rows = [countRow("\(name)/allocations", allocations)]
        guard ReferenceCounting.isCountable else { return rows }
        let references = surplus(of: subject) { ReferenceCounting.count(in: $0) }
        rows.append(countRow("\(name)/reference-counts", references))
        return rows
    }

    private func countRow(_ name: String, _ count: Int64) -> Row {
        Row(subject: name, median: Double(count), spread: 0, unit: "count")
    }

    /// What a long run counts more than a short one.
    private func surplus(of subject: any Subject, _ counted: (() -> Void) -> UInt64) -> Int64 {
        let few = 2
        let many = 12
        let values = UnsafeMutablePointer<Double>.allocate(
            capacity: many * (1 + subject.parts.count)
        )
        defer { values.deallocate() }
        func count(_ batches: Int) -> Int64 {
            Int64(counted { subject.run(batches: batches, into: values) })
        }
        _ = count(few)
        let short = count(few)
        return count(many) - short
    }
}

/// Retains and releases, by the hooks that Swift's runtime has for instruments.
enum ReferenceCounting {
    private final class Probe {}

    /// Whether the hooks are there and see a retain and its release.
    static let isCountable: Bool = {
        let probe = Unmanaged.passRetained(Probe())
        defer { probe.release() }
        return count { CBench_retain_and_release(probe.toOpaque()) } == 2
    }()

    /// Counts while `body` runs.
    ///
    /// The hooks do not save the registers that the runtime's own entry points save, so that nothing but plain
    /// data-path code may run in between: strings have been seen to crash.
    static func count(in body: () -> Void) -> UInt64 {
        let before = CBench_references()
        guard CBench_count_references(1) != 0 else { return 0 }
        body()
        _ = CBench_count_references(0)
        return CBench_references() - before
    }
}
