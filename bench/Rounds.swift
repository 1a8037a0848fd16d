import CBench

/// How much is measured.
struct Effort {
    /// Rounds: each runs the subject and then the C loop.
    var rounds = 15
    /// Batches of each in a round, after those that only warm up.
    var batches = 40
    /// Batches in front of each run that are not counted.
    var warmUp = 6

    /// Enough to see that everything works, and to count.
    static let quick = Effort(rounds: 3, batches: 6, warmUp: 2)
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
        withValues(width) { values in
            for _ in 0..<effort.rounds {
                subject.run(batches: effort.warmUp + effort.batches, into: values)
                let medians = (0..<width).map { median(of: values, column: $0, width: width) }
                for column in 0..<width { own[column].append(medians[column]) }
                subject.runReference(batches: effort.warmUp + effort.batches, into: values)
                let other = median(of: values, column: 0, width: 1)
                reference.append(other)
                ratios.append(medians[0] / other)
            }
        }
        return rows(subject, name: name, own: own, reference: reference, ratios: ratios)
    }

    private func rows(
        _ subject: any Subject, name: String, own: [[Double]], reference: [Double], ratios: [Double]
    ) -> [Row] {
        var rows = [
            Row(
                subject: name, median: Statistics.median(own[0]), spread: Statistics.spread(own[0]),
                unit: subject.unit, reference: Statistics.median(reference),
                ratio: Statistics.median(ratios))
        ]
        for (part, values) in zip(subject.parts, own.dropFirst()) {
            rows.append(
                Row(
                    subject: "\(name)/\(part)", median: Statistics.median(values),
                    spread: Statistics.spread(values), unit: subject.unit))
        }
        return rows
    }

    /// The median of a column of the batches that are counted.
    private func median(
        of values: UnsafeMutablePointer<Double>, column: Int, width: Int
    ) -> Double {
        Statistics.median(
            (effort.warmUp..<effort.warmUp + effort.batches).map { values[$0 * width + column] })
    }

    private func withValues(_ width: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) {
        let count = (effort.warmUp + effort.batches) * width
        let values = UnsafeMutablePointer<Double>.allocate(capacity: count)
        values.initialize(repeating: 0, count: count)
        defer { values.deallocate() }
        body(values)
    }

    /// Counts what must not happen while packets are worked on.
    ///
    /// Two runs of different lengths are taken apart, so that what a run costs once does not count.
    ///
    /// - Returns: rows `<name>/allocations` and, if this Swift runtime can tell, `<name>/reference-counts`.
    func count(_ subject: any Subject, name: String) -> [Row] {
        let allocations = withCount(subject) { CBench_allocations() }
        var rows = [
            Row(subject: "\(name)/allocations", median: Double(allocations), spread: 0, unit: "count")
        ]
        guard CBench_count_references(1) != 0 else { return rows }
        let references = withCount(subject) { CBench_references() }
        _ = CBench_count_references(0)
        rows.append(
            Row(
                subject: "\(name)/reference-counts", median: Double(references), spread: 0,
                unit: "count"))
        return rows
    }

    private func withCount(_ subject: any Subject, _ read: () -> UInt64) -> Int64 {
        let few = 2
        let many = 12
        let values = UnsafeMutablePointer<Double>.allocate(capacity: many * (1 + subject.parts.count))
        defer { values.deallocate() }
        func counted(_ batches: Int) -> Int64 {
            let before = read()
            subject.run(batches: batches, into: values)
            return Int64(read() - before)
        }
        _ = counted(few)
        let short = counted(few)
        return counted(many) - short
    }
}
