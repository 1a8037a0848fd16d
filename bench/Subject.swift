/// Something that is measured, together with the C loop that does the same work.
///
/// A batch is the shortest stretch that is timed: some tens of microseconds, so that most batches meet no
/// interrupt. One
/// in which the thread was put aside for another is worth nothing: its value is not a number.
protocol Subject: AnyObject {
    /// What a value counts, such as `clocks/packet`.
    var unit: String { get }

    /// Names of the parts that a batch's value is made of, as they come after the subject's name; may be empty.
    var parts: [String] { get }

    /// Runs batches of what is measured.
    ///
    /// - Parameters:
    ///   - batches: how many.
    ///   - values: filled, for each batch, with its value and that of each part.
    func run(batches: Int, into values: UnsafeMutablePointer<Double>)

    /// Runs batches of the C loop.
    ///
    /// - Parameters:
    ///   - batches: how many.
    ///   - values: filled with a value for each batch.
    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>)

    /// What came out of the work so far: it keeps the work from being optimised away.
    var checksum: UInt64 { get }
}

/// A subject's name and how to make it.
struct Entry {
    let name: String
    /// Whether `--quick` measures it without being asked by name.
    var isQuick = true
    /// Whether it runs two threads.
    var needsTwoCPUs = false
    let make: (Machine) throws -> any Subject
}

/// A line of the result.
struct Row {
    let subject: String
    let median: Double
    let spread: Double
    let unit: String
    /// The median of the C loop, and the median of the rounds' ratios to it; nil for a part and a count.
    var reference: Double?
    var ratio: Double?
}

/// Why nothing could be measured.
struct BenchError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
