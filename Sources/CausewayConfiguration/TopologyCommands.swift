internal import FoundationEssentials
public import HostTopology

/// What a command prints, and how it ends.
public struct CommandOutput: Hashable, Sendable {
    /// For standard output.
    public var output: String
    /// For standard error.
    public var errors: String
    /// 0: fine; 1: errors were found; 2: warnings were found and asked about.
    public var exitStatus: Int32

    /// Creates one from its parts.
    public init(output: String = "", errors: String = "", exitStatus: Int32 = 0) {
        self.output = output
        self.errors = errors
        self.exitStatus = exitStatus
    }
}

/// The commands of `causeway topology`, free of how their arguments are parsed.
public struct TopologyCommands: Sendable {
    /// What an explanation is about.
    public enum Subject: String, Sendable, CaseIterable {
        case cpu
        case port
        case node
    }

    /// The machine that they are about.
    public var machine: MachineSource
    /// `PATH=VALUE` settings that win over topology files.
    public var settings: [String]
    /// Whether to print JSON.
    public var asJSON: Bool

    /// Creates one from its parts.
    public init(machine: MachineSource = .live, settings: [String] = [], asJSON: Bool = false) {
        self.machine = machine
        self.settings = settings
        self.asJSON = asJSON
    }

    /// Describes the machine as a topology file, or as JSON.
    ///
    /// - Parameter path: the file to write, which must not exist yet; nil: standard output.
    /// - Returns: the file, or that it was written.
    public func discover(writingTo path: String? = nil) -> CommandOutput {
        withMachine { machine in
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: nil,
                settings: settings
            )
            let file = DiscoveredFile(machine: machine, resolved: resolved)
            let text = asJSON ? JSONText.encode(Discovery(machine, resolved)) : file.text
            guard let path else { return CommandOutput(output: text) }
            do {
                try Data(text.utf8).write(
                    to: URL(filePath: path, directoryHint: .notDirectory),
                    options: .withoutOverwriting
                )
            } catch {
                return CommandOutput(
                    errors: "\(path): cannot be written, or exists already; nothing was changed\n",
                    exitStatus: 1
                )
            }
            return CommandOutput(output: "\(path): written\n")
        }
    }

    /// Says everything that is wrong with a topology file on the machine.
    ///
    /// - Parameters:
    ///   - path: the topology file; nil: check the machine alone.
    ///   - isStrict: whether warnings end the command with status 2.
    /// - Returns: the findings, and status 1 if one is an error.
    public func check(_ path: String?, isStrict: Bool = false) -> CommandOutput {
        withMachine { machine in
            let findings = Placement.resolve(
                machine: machine,
                topologyPath: path,
                settings: settings
            )
            .findings
            let report = FindingReport(file: path, machine: machine.source, findings: findings)
            let hasWarnings = findings.contains { $0.severity == .warning }
            return CommandOutput(
                output: asJSON ? JSONText.encode(report) : report.text,
                exitStatus: report.errors > 0 ? 1 : isStrict && hasWarnings ? 2 : 0
            )
        }
    }

    /// Says all about one CPU, node or port.
    ///
    /// - Parameters:
    ///   - subject: what kind of thing.
    ///   - name: which one.
    ///   - path: the topology file; nil: everything from discovery.
    /// - Returns: the facts with their origins, or status 1 when there is no such thing.
    public func explain(_ subject: Subject, _ name: String, file path: String?) -> CommandOutput {
        withMachine { machine in
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: path,
                settings: settings
            )
            let found: Explanation? =
                switch subject {
                case .cpu:
                    Int(name).flatMap { Explanation.cpu($0, on: machine, resolved: resolved) }
                case .node:
                    Int(name).flatMap { Explanation.node($0, on: machine, resolved: resolved) }
                case .port: Explanation.port(name, on: machine, resolved: resolved)
                }
            guard let found else {
                let known = names(of: subject, machine: machine, placement: resolved.placement)
                return CommandOutput(
                    errors: "there is no \(subject.rawValue) \(name); known: \(known)\n",
                    exitStatus: 1
                )
            }
            return CommandOutput(
                output: asJSON ? JSONText.encode(found) : found.text,
                errors: warnings(resolved.findings)
            )
        }
    }

    private func names(
        of subject: Subject,
        machine: HostTopology,
        placement: Placement
    ) -> String {
        switch subject {
        case .cpu: list(machine.cpus.map(\.number))
        case .node: list(placement.nodes.map(\.number))
        case .port:
            placement.ports.isEmpty ? "none" : placement.ports.map(\.name).joined(separator: ", ")
        }
    }

    /// Says what would be started: processes, DPDK's arguments, hugepages, rings.
    ///
    /// - Parameters:
    ///   - path: the topology file; nil: everything from discovery.
    ///   - instance: the name of the Causeway that is planned.
    /// - Returns: the plan, and status 1 if it could not be started.
    public func plan(_ path: String?, instance: String = "causeway") -> CommandOutput {
        withMachine { machine in
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: path,
                settings: settings
            )
            let plan = PlacementPlan(
                of: resolved.placement,
                on: machine,
                arguments: EALArguments(instance: instance, machine: machine)
            )
            let output =
                asJSON
                ? JSONText.encode(PlannedPlacement(resolved: resolved, plan: plan)) : plan.text
            return CommandOutput(
                output: output,
                errors: warnings(resolved.findings),
                exitStatus: resolved.isUsable ? 0 : 1
            )
        }
    }

    /// Says what a change from one topology file to another would restart.
    public func difference(from old: String, to new: String) -> CommandOutput {
        withMachine { machine in
            let before = Placement.resolve(machine: machine, topologyPath: old, settings: settings)
            let after = Placement.resolve(machine: machine, topologyPath: new, settings: settings)
            let errors = warnings(before.findings + after.findings)
            guard before.isUsable, after.isUsable else {
                return CommandOutput(errors: errors, exitStatus: 1)
            }
            let difference = PlacementDifference(from: before.placement, to: after.placement)
            return CommandOutput(
                output: asJSON ? JSONText.encode(difference) : difference.text,
                errors: errors
            )
        }
    }

    /// Shows the machine and its placement by default; meant for synthetic ones.
    public func show() -> CommandOutput {
        withMachine { machine in
            let resolved = Placement.resolve(
                machine: machine,
                topologyPath: nil,
                settings: settings
            )
            if asJSON {
                return CommandOutput(
                    output: JSONText.encode(Discovery(machine, resolved)),
                    exitStatus: resolved.isUsable ? 0 : 1
                )
            }
            var table = TextTable(indentation: 2)
            table.append("housekeeping", list(resolved.placement.housekeeping))
            for node in resolved.placement.nodes {
                table.append(
                    "n\(node.number)",
                    "lanes \(list(node.lanes))",
                    "control \(node.controlCPU)",
                    "heap \(ByteCount.format(node.heapBytes))",
                    "eal \(node.ealMegabytes)M"
                )
            }
            let findings = resolved.findings.map { "\($0)\n" }.joined()
            return CommandOutput(
                output: MachineDescription.text(of: machine) + "placement\n" + table.text
                    + findings,
                exitStatus: resolved.isUsable ? 0 : 1
            )
        }
    }

    private func withMachine(_ body: (HostTopology) -> CommandOutput) -> CommandOutput {
        do {
            return body(try HostTopology.read(machine))
        } catch {
            return CommandOutput(errors: "\(error)\n", exitStatus: 1)
        }
    }

    /// Findings beyond notes, a line each.
    private func warnings(_ findings: [Finding]) -> String {
        findings.filter { $0.severity > .note }.map { "\($0)\n" }.joined()
    }
}
