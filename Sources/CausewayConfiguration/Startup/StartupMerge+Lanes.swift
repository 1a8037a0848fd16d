internal import HostTopology

/// Which CPUs lanes run on: VPP's one list for the machine, split over the NUMA nodes.
extension StartupMerge {
    /// A CPU's number; in a relative file its place among those that this process may use.
    private mutating func cpu(_ number: Int, at place: SourceLocation) -> Int? {
        guard startup.isRelative else { return number }
        let usable = machine.usableCPUs.sorted()
        guard usable.indices.contains(number) else {
            findings.append(
                Finding(
                    .startupImpossibleValue,
                    at: place,
                    "this process may use \(usable.count) CPUs; there is no place \(number) among them",
                    remedy: "write 0 to \(usable.count - 1), or take `relative` out"
                )
            )
            return nil
        }
        return usable[number]
    }

    mutating func mergeMainCore() {
        guard let main = startup.mainCore, let number = cpu(main.value, at: main.location) else {
            return
        }
        if let housekeeping = file.housekeeping {
            guard !housekeeping.value.contains(number) else { return }
            return conflict(
                at: main.location,
                "main-core is CPU \(number), which is not among the housekeeping CPUs at "
                    + "\(housekeeping.location)"
            )
        }
        let home = machine.cpu(number)?.numaNode
        guard
            let index = file.nodes?.firstIndex(where: { ($0.virtualOf ?? $0.number)?.value == home }
            )
        else {
            file.housekeeping = Located([number], at: main.location)
            return
        }
        var target = file.nodes?[index].controlCPU
        agree(Located(number, at: main.location), &target, "the CPU of control") { "\($0)" }
        file.nodes?[index].controlCPU = target
    }

    mutating func mergeLanes() {
        if let list = startup.workerCPUs {
            let cpus = list.value.compactMap { cpu($0, at: list.location) }
            if let count = startup.workers, count.value != cpus.count {
                findings.append(
                    Finding(
                        .startupImpossibleValue,
                        at: count.location,
                        "workers is \(count.value), but \(cpus.count) CPUs are listed at "
                            + "\(list.location)",
                        remedy: "keep one of the two"
                    )
                )
            }
            allowSiblings(among: cpus, at: list.location)
            split(cpus, at: list.location)
        } else if let count = startup.workers {
            share(count)
        }
    }

    /// Whoever lists two threads of a core wants both, unless the topology file says otherwise.
    private mutating func allowSiblings(among cpus: [Int], at place: SourceLocation) {
        let cores = cpus.compactMap { machine.cpu($0)?.core }
        guard file.smt == nil, Set(cores).count < cores.count else { return }
        file.smt = Located(.share, at: place)
        findings.append(
            Finding(
                .smtSiblings,
                .warning,
                at: place,
                "some of these lanes share a core",
                remedy: "list one thread of each core for lanes that do not slow each other down"
            )
        )
    }

    /// Gives each CPU to the node that it belongs to; a node without one runs no worker.
    private mutating func split(_ cpus: [Int], at place: SourceLocation) {
        var left = cpus
        for index in (file.nodes ?? []).indices {
            guard let node = file.nodes?[index] else { continue }
            let home = (node.virtualOf ?? node.number)?.value
            let own = node.cpus?.value
            let part = left.filter { cpu in
                own?.contains(cpu) ?? (machine.cpu(cpu)?.numaNode == home)
            }
            left.removeAll(where: part.contains)
            if let lanes = node.lanes {
                guard case .cpus(let theirs) = lanes.value, Set(theirs) == Set(part) else {
                    conflict(
                        at: place,
                        "node \(node.number?.value ?? 0) has lanes on \(list(part)) here and others at "
                            + "\(lanes.location)"
                    )
                    continue
                }
            } else if !part.isEmpty {
                if let all = file.defaults.lanes, case .count(let count) = all.value,
                    count != part.count
                {
                    conflict(
                        at: place,
                        "node \(node.number?.value ?? 0) has \(part.count) lanes here and \(count) at "
                            + "\(all.location)"
                    )
                }
                file.nodes?[index].lanes = Located(.cpus(part), at: place)
            }
        }
        file.nodes?.removeAll { $0.lanes == nil }
        guard !left.isEmpty else { return }
        // A CPU that no node has is the first one's, whose finding says what is wrong with it.
        if file.nodes?.isEmpty == true { file.nodes = nil }
        let known = left.filter { machine.cpu($0) != nil }
        findings.append(
            Finding(
                .startupImpossibleValue,
                at: place,
                known.count == left.count
                    ? "no node is placed that could run lanes on CPU \(list(left))"
                    : "the machine has no CPU \(list(left.filter { machine.cpu($0) == nil }))",
                remedy: "use CPUs of \(list(machine.usableCPUs))"
            )
        )
    }

    /// Shares a number of lanes evenly; those before get one more.
    private mutating func share(_ count: Located<Int>) {
        let nodes = file.nodes ?? []
        if count.value == 0 {
            findings.append(
                Finding(
                    .startupNoMeaning,
                    .warning,
                    at: count.location,
                    "workers 0 does nothing here",
                    remedy: "packets need a lane: the supervisor forwards none; take it out"
                )
            )
            return
        }
        if let other = nodes.first(where: { $0.lanes != nil })?.lanes ?? file.defaults.lanes {
            return conflict(
                at: count.location,
                "\(count.value) workers are wanted here, and lanes at \(other.location)"
            )
        }
        guard !nodes.isEmpty else { return }
        for index in nodes.indices {
            let part = count.value / nodes.count + (index < count.value % nodes.count ? 1 : 0)
            if part > 0 { file.nodes?[index].lanes = Located(.count(part), at: count.location) }
        }
        file.nodes?.removeAll { $0.lanes == nil }
    }
}
