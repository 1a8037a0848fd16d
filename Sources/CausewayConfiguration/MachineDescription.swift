internal import HostTopology

/// A machine in words.
enum MachineDescription {
    /// One line, such as `1 package, 2 NUMA nodes, 16 cores, 32 CPUs`.
    static func summary(of machine: HostTopology) -> String {
        [
            count(machine.packages.count, "package"), count(machine.numaNodes.count, "NUMA node"),
            count(machine.cores.count, "core"), count(machine.cpus.count, "CPU"),
        ].joined(separator: ", ")
    }

    /// A NUMA node on one line: memory, CPUs, hugepages.
    static func line(for node: NUMANode) -> String {
        let memory =
            node.memoryBytes > 0
            ? ByteCount.approximate(node.memoryBytes) + " of memory" : "no memory"
        let cpus = node.cpus.isEmpty ? "no CPUs" : "CPUs \(list(node.cpus))"
        let pages = node.hugepages.filter { $0.total > 0 }.map { pages in
            "\(pages.total) hugepages of \(ByteCount.format(pages.pageBytes))"
                + (pages.free.map { " (\($0) free)" } ?? "")
        }
        return ([memory, cpus] + pages).joined(separator: ", ")
    }

    /// A device on one line.
    static func line(for device: PCIDevice) -> String {
        let id = hexadecimal(device.vendor) + ":" + hexadecimal(device.device)
        let names = device.interfaces.isEmpty ? "" : " " + device.interfaces.joined(separator: " ")
        return id + names + (device.driver.map { " (\($0))" } ?? "")
    }

    /// All of a machine.
    static func text(of machine: HostTopology) -> String {
        var text = "\(machine.source): \(summary(of: machine))\n"
        for node in machine.numaNodes {
            text += "NUMA node \(node.osIndex): \(line(for: node))\n"
            var table = TextTable(indentation: 2)
            for core in machine.cores where core.numaNode == node.osIndex {
                let package = core.package.map { "package \($0)" } ?? ""
                let forbidden = core.cpus.filter { machine.cpu($0)?.isAllowed == false }
                table.append(
                    "core \(core.index)",
                    "CPUs \(list(core.cpus))",
                    package,
                    forbidden.isEmpty ? "" : "forbidden: \(list(forbidden))"
                )
            }
            text += table.text
            for device in machine.pciDevices
            where device.isNetwork && device.numaNode == node.osIndex {
                text += "  port \(device.address) \(line(for: device))\n"
            }
        }
        for device in machine.pciDevices where device.isNetwork && device.numaNode < 0 {
            text += "on an unknown NUMA node: \(device.address) \(line(for: device))\n"
        }
        if !machine.offlineCPUs.isEmpty { text += "offline CPUs: \(list(machine.offlineCPUs))\n" }
        return text + distances(of: machine)
    }

    private static func distances(of machine: HostTopology) -> String {
        let nodes = machine.numaNodes
        guard nodes.count > 1, nodes.contains(where: { !$0.distances.isEmpty }) else { return "" }
        return "distances\n"
            + nodes.map { from in
                let row = nodes.map { to in from.distances[to.osIndex].map(String.init) ?? "-" }
                return "  NUMA node \(from.osIndex): \(row.joined(separator: " "))\n"
            }.joined()
    }

    private static func hexadecimal(_ value: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
    }
}

/// A number with the thing counted, such as `2 cores`.
func count(_ number: Int, _ thing: String) -> String {
    "\(number) \(thing)\(number == 1 ? "" : "s")"
}
