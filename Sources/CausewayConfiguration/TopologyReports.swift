internal import FoundationEssentials
internal import HostTopology

/// What `check` prints.
struct FindingReport: Encodable {
    let file: String?
    let machine: MachineSource
    let findings: [Finding]
    let errors: Int
    let warnings: Int
    let notes: Int

    init(file: String?, machine: MachineSource, findings: [Finding]) {
        self.file = file
        self.machine = machine
        self.findings = findings
        errors = findings.count { $0.severity == .error }
        warnings = findings.count { $0.severity == .warning }
        notes = findings.count { $0.severity == .note }
    }

    var text: String {
        findings.map { "\($0)\n" }.joined()
            + "\(file ?? "no topology file") on \(machine): "
            + [count(errors, "error"), count(warnings, "warning"), count(notes, "note")]
            .joined(separator: ", ") + "\n"
    }
}

/// What `discover` and `synth` print as JSON.
struct Discovery: Encodable {
    let machine: HostTopology
    let placement: Placement
    let findings: [Finding]

    init(_ machine: HostTopology, _ resolved: ResolvedPlacement) {
        self.machine = machine
        placement = resolved.placement
        findings = resolved.findings
    }
}

/// What `plan` prints as JSON.
struct PlannedPlacement: Encodable {
    let resolved: ResolvedPlacement
    let plan: PlacementPlan

    enum CodingKeys: String, CodingKey {
        case placement, origins, findings, plan
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(resolved.placement, forKey: .placement)
        try container.encode(resolved.origins, forKey: .origins)
        try container.encode(resolved.findings, forKey: .findings)
        try container.encode(plan, forKey: .plan)
    }
}

/// JSON as the commands print it.
public enum JSONText {
    /// Indented, keys sorted, with a newline at the end.
    public static func encode(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Our values hold neither non-finite numbers nor anything else that JSON cannot.
        guard let data = try? encoder.encode(value) else { return "null\n" }
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
