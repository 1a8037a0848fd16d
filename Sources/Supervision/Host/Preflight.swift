internal import CausewayConfiguration
internal import LinuxSystem

/// What can be known to fail before anything is started.
struct Preflight {
    let files: HostFiles
    let runtime: RuntimeDirectory

    /// Checks sockets, devices and hugepages.
    ///
    /// - Parameter held: hugepages that are not free, but would be.
    /// - Throws: `SupervisionError` for the first that is missing.
    func check(holding held: [HeldHugepages] = []) throws(SupervisionError) {
        try checkSocketPaths()
        try checkDevices()
        try checkHugepages(held)
    }

    private func checkSocketPaths() throws(SupervisionError) {
        let longest = runtime.workerSocket(
            node: files.placement.nodes.map(\.number).max() ?? 0,
            incarnation: 1_000_000
        )
        let limit = RuntimeDirectory.maximumSocketPathBytes
        guard longest.utf8.count <= limit else {
            throw .socketPathTooLong(path: longest, limit: limit)
        }
    }

    private func checkDevices() throws(SupervisionError) {
        for port in files.placement.ports where port.kind == .pci {
            guard SmallFile.exists("\(files.host.sysfs)/bus/pci/devices/\(port.device)") else {
                throw .deviceMissing(port: port.name, device: port.device)
            }
        }
    }

    /// Adds up what the nodes need on each NUMA node of the machine; virtual nodes share theirs.
    private func checkHugepages(_ held: [HeldHugepages]) throws(SupervisionError) {
        struct Place: Hashable { var hardwareNode: Int?, pageBytes: Int }
        var taken: [Place: Int] = [:]
        for (position, node) in files.placement.nodes.enumerated() {
            let page = node.hugepageBytes
            guard files.hugepageDirectory(page) != nil else {
                throw .hugepageMountMissing(pageBytes: page)
            }
            let place = Place(hardwareNode: node.hardwareNode, pageBytes: page)
            guard let free = freePages(node.hardwareNode, page) else { continue }
            let memory = ((node.ealMegabytes << 20) + page - 1) / page
            let heap = (node.heapBytes * node.heapCopies + page - 1) / page
            let rings = files.ringBytes(at: position) / page
            let needed = memory + heap + rings
            let ours = held.filter {
                $0.hardwareNode == node.hardwareNode && $0.pageBytes == page
            }
            let left = free + ours.reduce(0) { $0 + $1.count } - taken[place, default: 0]
            guard needed <= left else {
                throw .hugepagesMissing(
                    node: node.number,
                    needed: needed,
                    free: max(left, 0),
                    pageBytes: page,
                    parts: "DPDK \(memory), heap \(heap), rings \(rings)"
                )
            }
            taken[place, default: 0] += needed
        }
    }

    /// Why a node's devices do not bear a second worker that attaches and ends; nil: they do.
    ///
    /// `uio_pci_generic` clears bus mastering whenever a process that had the device mapped ends, and
    /// some devices do not recover from that but by a reset.
    func refusal(of node: NodePlacement) -> String? {
        for port in node.ports where port.kind == .pci {
            let link = "\(files.host.sysfs)/bus/pci/devices/\(port.device)/driver"
            guard let driver = SmallFile.linkTarget(link), driver.hasSuffix("/uio_pci_generic")
            else { continue }
            return "port \(port.name) is bound to uio_pci_generic, which stops the device when a "
                + "process that had it mapped ends; bind it to vfio-pci"
        }
        return nil
    }

    /// Free hugepages of a size on a NUMA node; nil: the machine does not say.
    func freePages(_ hardwareNode: Int?, _ pageBytes: Int) -> Int? {
        let directory =
            hardwareNode.map { "devices/system/node/node\($0)/hugepages" } ?? "kernel/mm/hugepages"
        let file = "\(directory)/hugepages-\(pageBytes >> 10)kB/free_hugepages"
        guard let text = SmallFile.read("\(files.host.sysfs)/\(file)") else { return nil }
        return Int(text.prefix { $0.isNumber })
    }

    /// Other dataplanes on this machine that poll on CPUs of this one, and which CPUs.
    func busyCPUs() -> [(instance: String, cpus: [Int])] {
        let mine = Set(files.placement.nodes.flatMap(\.lanes))
        return SmallFile.names(in: files.host.sharedMemory).compactMap { name in
            let path = "\(files.host.sharedMemory)/\(name)"
            guard name.hasSuffix(".causeway"), path != files.lockFile, FileLock.isHeld(path: path),
                let text = SmallFile.read(path), let list = field("lanes", of: text),
                let theirs = CPUSet(list: list)
            else { return nil }
            let shared = theirs.cpus.filter { mine.contains($0) }
            return shared.isEmpty ? nil : (String(name.dropLast(9)), shared)
        }
    }

    private func field(_ name: String, of text: String) -> Substring? {
        text.split(separator: " ").first { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
    }
}
