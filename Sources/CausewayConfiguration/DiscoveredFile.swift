internal import HostTopology

/// Writes a topology file that says what Causeway would do without one.
///
/// Reading the file back gives the same placement.
struct DiscoveredFile {
    let machine: HostTopology
    let resolved: ResolvedPlacement

    private var placement: Placement { resolved.placement }

    /// The text of the file.
    var text: String {
        header + policies + defaults
            + "\n# One worker each. A node that is not listed runs none.\nnodes:\n"
            + (placement.nodes.isEmpty
                ? "  []\n" : placement.nodes.map(entry).joined(separator: "\n"))
            + remarks
    }

    private var header: String {
        """
        # Written by `causeway topology discover` for \(machine.source): \
        \(MachineDescription.summary(of: machine)).
        # This is what Causeway does without a file. Whatever is taken out is discovered again at start.
        schema: 1


        """
    }

    private var policies: String {
        """
        # CPUs of the supervisor, the keepers and the control lanes. Isolate the others from the scheduler.
        housekeeping: \(quoted(placement.housekeeping))
        # one-lane-per-core leaves the second thread of a polling core idle; share uses every thread.
        smt: \(resolved.smt.rawValue)
        # A port on another NUMA node than its lanes: error, warn or allow.
        remote-nics: \(resolved.remoteNICs.rawValue)


        """
    }

    /// The first node's values stand for all; where another differs, its entry says so.
    private var defaults: String {
        guard let node = placement.nodes.first else { return "" }
        var table = TextTable(indentation: 2)
        let why = [
            "heap": "routes and neighbours; 192M holds a million routes",
            "buffers": "packets that queues and lanes hold at once",
            "buffer-data": "bytes a buffer; a whole frame has to fit",
            "handoff-ring": "64-byte cells of each ring between two lanes",
            "spare": "yes keeps a warm worker: twice the heap, faster recovery",
        ]
        for (key, value) in values(of: node) where key != "restart" {
            table.append("\(key): \(value)", why[key].map { "# \($0)" } ?? "")
        }
        return "# For every node; a node's own value wins.\ndefaults:\n" + table.text
            + "  restart: \(restartText(of: node))\n"
            + "  # eal-memory follows from buffers and descriptors when it is left out.\n"
    }

    private func values(of node: NodePlacement) -> [(key: String, value: String)] {
        [
            ("heap", ByteCount.format(node.heapBytes)), ("buffers", "\(node.poolBuffers)"),
            ("buffer-data", "\(node.bufferDataBytes)"),
            ("handoff-ring", "\(node.handoffRingCells)"),
            ("spare", node.hasSpare ? "yes" : "no"),
            ("restart", restartText(of: node)),
        ]
    }

    private func restartText(of node: NodePlacement) -> String {
        let policy = node.restart
        return "{max: \(policy.maximumRestarts), window: \(policy.windowSeconds)s, "
            + "backoff: \(policy.backoffMilliseconds)ms, "
            + "max-backoff: \(policy.maximumBackoffMilliseconds)ms}"
    }

    private func entry(_ node: NodePlacement) -> String {
        guard let real = machine.numaNode(node.realNode) else { return "" }
        var text = "  # NUMA node \(real.osIndex): \(MachineDescription.line(for: real))\n"
        text += "  - node: \(node.number)\n"
        text += "    lanes: [\(node.lanes.map(String.init).joined(separator: ", "))]\n"
        text += "    control-cpu: \(node.controlCPU)\n"
        text += "    hugepage-size: \(ByteCount.format(node.hugepageBytes))\n"
        if let first = placement.nodes.first, first.number != node.number {
            for (own, common) in zip(values(of: node), values(of: first)) where own != common {
                text += "    \(own.key): \(own.value)\n"
            }
        }
        if resolved.origins["node\(node.number).eal-memory"] != .default {
            text += "    eal-memory: \(node.ealMegabytes)M\n"
        }
        let devices = machine.pciDevices.filter {
            $0.isNetwork && ($0.numaNode == node.realNode || machine.hasSingleNUMANode)
        }
        guard !devices.isEmpty else { return text + "    # ports: a list, none found here\n" }
        text +=
            "    # Network controllers here; take the # away from those that Causeway shall own.\n"
        text += "    # ports:\n"
        for device in devices {
            text +=
                "    #   - pci: \"\(device.address)\"   # \(MachineDescription.line(for: device))\n"
        }
        return text
    }

    /// What is left out, and why.
    private var remarks: String {
        let placed = Set(placement.nodes.map(\.realNode))
        let idle = machine.numaNodes.filter { !placed.contains($0.osIndex) }
        var lines = idle.map {
            "# NUMA node \($0.osIndex) runs no worker: \(MachineDescription.line(for: $0))"
        }
        if !machine.hasSingleNUMANode {
            lines += machine.pciDevices.filter { $0.isNetwork && $0.numaNode < 0 }.map {
                "# On an unknown NUMA node: \($0.address) \(MachineDescription.line(for: $0))"
            }
        }
        if !machine.offlineCPUs.isEmpty {
            lines.append("# Offline CPUs: \(list(machine.offlineCPUs))")
        }
        return lines.isEmpty ? "" : "\n" + lines.joined(separator: "\n") + "\n"
    }

    /// A list that YAML leaves a text.
    private func quoted(_ cpus: [Int]) -> String { "\"\(list(cpus))\"" }
}
