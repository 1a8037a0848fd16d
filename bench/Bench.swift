import ArgumentParser
import PacketBuffers

/// Measures the data path against C loops that do the same work.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway-bench",
        abstract: "Measure the data path against C loops that do the same work.",
        discussion:
            "Medians of rounds that run both in turns; clocks are those of the time-stamp counter."
    )

    @Flag(help: "A few short rounds, to see that everything works and to count allocations.")
    var quick = false

    @Flag(help: "Print a JSON object a line instead of a table.")
    var json = false

    @Flag(help: "Print the subjects' names and leave.")
    var list = false

    @Flag(help: "Fail if a threshold is missed; --quick does so for what is counted.")
    var check = false

    @Option(help: "The thresholds' file.")
    var thresholds = "bench/thresholds.json"

    @Option(help: "Rounds, 3 or more.")
    var rounds: Int?

    @Option(help: "The CPUs of the measuring thread and of the second one, such as 1,0.")
    var cpus = ""

    @Flag(help: "Put buffers into ordinary pages even if huge ones are free.")
    var noHuge = false

    @Argument(help: "What to measure: a subject's name, or the part of it before a slash.")
    var subjects: [String] = []

    func validate() throws {
        if let rounds, rounds < 3 { throw ValidationError("--rounds must be 3 or more") }
    }

    func run() throws {
        let entries = try Catalogue.entries(matching: subjects, isQuick: quick)
        if list {
            for entry in entries { print(entry.name) }
            return
        }
        let limits = check || quick ? try Thresholds(path: thresholds) : nil
        let machine = try Machine(cpus: try parsedCPUs(), mayUseHugepages: !noHuge)
        var effort = quick ? Effort.quick : Effort()
        if let rounds { effort.rounds = rounds }
        let harness = Rounds(effort: effort)
        let report = Report(asJSON: json)
        report.begin()
        var rows: [Row] = []
        for entry in entries {
            guard machine.secondCPU != nil || !entry.needsTwoCPUs else {
                note("\(entry.name): left out, for there is only one CPU")
                continue
            }
            let subject = try entry.make(machine)
            let measured = harness.measure(subject, name: entry.name)
            let counted = harness.count(subject, name: entry.name)
            report.add(measured + counted)
            note("\(entry.name): checksum \(String(subject.checksum, radix: 16))")
            rows += measured + counted
        }
        machine.reportNoise()
        guard let limits else { return }
        let findings = limits.findings(in: rows, countedOnly: quick)
        for finding in findings { note(finding) }
        if !findings.isEmpty { throw ExitCode.failure }
    }

    private func parsedCPUs() throws -> [Int] {
        try cpus.split(separator: ",").map {
            guard let cpu = Int($0) else { throw ValidationError("--cpus: \($0) is no number") }
            return cpu
        }
    }
}
