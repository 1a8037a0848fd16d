internal import HostTopology

/// Which CPU does what.
extension PlacementResolver {
    /// Gives every node its CPUs, lanes and control CPU, and picks the housekeeping CPUs.
    mutating func assignCPUs(to drafts: inout [NodeDraft]) {
        let explicit = overrides.machine.housekeeping ?? file.housekeeping
        origins["housekeeping"] = explicit.map { Origin($0.location) } ?? .discovered
        if let explicit {
            housekeeping = explicit.value.filter {
                check(cpu: $0, what: "housekeeping", at: explicit.location)
            }
        }
        for draft in drafts {
            guard let cpu = draft.settings.controlCPU else { continue }
            if check(cpu: cpu.value, what: "control-cpu", at: cpu.location) { reserve([cpu.value]) }
        }
        let groups = Dictionary(grouping: drafts.indices) { drafts[$0].real.osIndex }
        for real in groups.keys.sorted() {
            let members = (groups[real] ?? []).map { drafts[$0] }
            if explicit == nil, let core = housekeepingCore(of: real, members: members) {
                reserve(core.cpus)
            }
        }
        for real in groups.keys.sorted() {
            let members = groups[real] ?? []
            divideCPUs(of: real, among: members, in: &drafts)
            for index in members { assignLanes(to: &drafts[index], among: drafts) }
        }
        let polled = Set(drafts.flatMap(\.lanes))
        for index in drafts.indices {
            assignControlCPU(to: &drafts[index], polled: polled, mayShare: explicit == nil)
        }
        if housekeeping.isEmpty, let first = machine.usableCPUs.first { housekeeping = [first] }
    }

    private mutating func reserve(_ cpus: [Int]) {
        for cpu in cpus where !housekeeping.contains(cpu) { housekeeping.append(cpu) }
    }

    /// Whether a CPU may be used at all; reports why not.
    mutating func check(cpu: Int, what: String, at location: SourceLocation?) -> Bool {
        if let found = machine.cpu(cpu) {
            guard !found.isAllowed else { return true }
            report(
                .cpuDisallowed,
                at: location,
                "\(what): CPU \(cpu) is forbidden by the cgroup",
                remedy: "widen its cpuset, or use one of \(list(machine.usableCPUs))"
            )
        } else if machine.offlineCPUs.contains(cpu) {
            report(
                .cpuOffline,
                at: location,
                "\(what): CPU \(cpu) is offline",
                remedy: "write 1 to /sys/devices/system/cpu/cpu\(cpu)/online, or use another"
            )
        } else {
            report(
                .cpuMissing,
                at: location,
                "\(what): the machine has no CPU \(cpu)",
                remedy: "use one of \(list(machine.usableCPUs))"
            )
        }
        return false
    }

    /// The core that housekeeping gets for itself, if the node can spare one.
    ///
    /// A node of one or two cores cannot: there housekeeping shares a lane's CPU.
    private func housekeepingCore(of real: Int, members: [NodeDraft]) -> Core? {
        let cores = machine.usableCores(of: real)
        guard cores.count >= 3, members.contains(where: { $0.settings.controlCPU == nil }) else {
            return nil
        }
        let needed = members.reduce(0) { $0 + leastLanes(of: $1) }
        let claimed = Set(members.flatMap { explicitLanes(of: $0) })
        return cores.first { core in
            let left = cores.filter { $0.index != core.index }
            let places = smt == .share ? left.reduce(0) { $0 + $1.cpus.count } : left.count
            let emptied = members.contains { member in
                guard let cpus = member.settings.cpus?.value else { return false }
                return cpus.allSatisfy(core.cpus.contains)
            }
            return places >= needed && !emptied && claimed.isDisjoint(with: core.cpus)
        }
    }

    private func explicitLanes(of draft: NodeDraft) -> [Int] {
        if case .cpus(let cpus) = draft.settings.lanes?.value { cpus } else { [] }
    }

    private func leastLanes(of draft: NodeDraft) -> Int {
        switch draft.settings.lanes?.value {
        case .count(let count): count
        case .cpus(let cpus): cpus.count
        case .auto, nil: 1
        }
    }

    /// Splits a real node's CPUs among the nodes declared on it, as the file says or in even runs of cores.
    private mutating func divideCPUs(
        of real: Int,
        among members: [Int],
        in drafts: inout [NodeDraft]
    ) {
        var pool = machine.usableCores(of: real)
        for index in members {
            let settings = drafts[index].settings
            let name = "node\(drafts[index].number)"
            if let cpus = settings.cpus {
                origins["\(name).cpus"] = Origin(cpus.location)
                drafts[index].cpus = cpus.value.filter {
                    check(cpu: $0, what: "cpus", at: cpus.location)
                        && checkHome(of: $0, real: real, what: "cpus", at: cpus.location)
                }
            } else {
                origins["\(name).cpus"] = .discovered
                drafts[index].cpus = explicitLanes(of: drafts[index])
            }
        }
        let taken = Set(members.flatMap { drafts[$0].cpus })
        pool.removeAll { !taken.isDisjoint(with: $0.cpus) }
        let waiting = members.filter { drafts[$0].cpus.isEmpty && drafts[$0].settings.cpus == nil }
        if waiting.count == 1 {
            drafts[waiting[0]].cpus = pool.flatMap(\.cpus).sorted()
            return
        }
        pool.removeAll { !Set(housekeeping).isDisjoint(with: $0.cpus) }
        let shares = shares(of: pool, among: waiting.map { drafts[$0] })
        for (index, share) in zip(waiting, shares) {
            drafts[index].cpus = share.flatMap(\.cpus).sorted()
        }
    }

    /// Runs of cores: those who named a count get as many, the others even parts of the rest.
    private func shares(of pool: [Core], among members: [NodeDraft]) -> [ArraySlice<Core>] {
        let threads = max(1, pool.first?.cpus.count ?? 1)
        let wanted = members.map { member -> Int? in
            guard case .count(let count) = member.settings.lanes?.value else { return nil }
            return smt == .share ? (count + threads - 1) / threads : count
        }
        let open = wanted.count { $0 == nil }
        let rest = max(0, pool.count - wanted.compactMap { $0 }.reduce(0, +))
        var position = 0
        var opened = 0
        return wanted.map { count in
            var size = count ?? 0
            if count == nil {
                size = rest / open + (opened < rest % open ? 1 : 0)
                opened += 1
            }
            let end = min(pool.count, position + size)
            defer { position = end }
            return pool[position..<end]
        }
    }

    private mutating func checkHome(
        of cpu: Int,
        real: Int,
        what: String,
        at location: SourceLocation?
    ) -> Bool {
        let home = machine.cpu(cpu)?.numaNode
        if home == real { return true }
        report(
            .cpuForeign,
            at: location,
            "\(what): CPU \(cpu) belongs to NUMA node \(home.map(String.init) ?? "(none)"), not \(real)",
            remedy: "use CPUs of \(list(machine.numaNode(real)?.cpus ?? []))"
        )
        return false
    }

    // MARK: Lanes

    private mutating func assignLanes(to draft: inout NodeDraft, among drafts: [NodeDraft]) {
        let setting = draft.settings.lanes
        origins["node\(draft.number).lanes"] = setting.map { Origin($0.location) } ?? .discovered
        if case .cpus(let cpus) = setting?.value {
            draft.lanes = explicitLanes(cpus, of: draft)
            return
        }
        let others = Set(
            drafts.filter { $0.number != draft.number }.flatMap { explicitLanes(of: $0) }
        )
        let free = freeCPUs(of: draft, except: others)
        guard case .count(let count) = setting?.value else {
            draft.lanes = Array(free.prefix(NodePlacement.maximumLanes))
            if free.isEmpty { reportNoLane(of: draft) }
            if free.count > NodePlacement.maximumLanes {
                report(
                    .tooManyLanes,
                    .warning,
                    at: draft.lanesLocation,
                    "node \(draft.number) could run \(free.count) lanes; "
                        + "\(NodePlacement.maximumLanes) are used",
                    remedy: "split it into virtual nodes to use the rest"
                )
            }
            return
        }
        draft.lanes = Array(free.prefix(count))
        guard free.count < count else { return }
        report(
            .tooFewCPUs,
            at: draft.lanesLocation,
            "node \(draft.number) is to run \(count) lanes, but \(free.count) CPUs are left for them",
            remedy: "lower `lanes`, or set `smt: share` if threads are idle"
        )
    }

    private mutating func reportNoLane(of draft: NodeDraft) {
        report(
            .tooFewCPUs,
            at: draft.lanesLocation,
            "node \(draft.number) has no CPU left for a lane (its CPUs: \(list(draft.cpus)))",
            remedy: "take CPUs out of housekeeping, or give the node more of them"
        )
    }

    /// CPUs for lanes in order, by the SMT policy and without what is reserved.
    private func freeCPUs(of draft: NodeDraft, except others: Set<Int>) -> [Int] {
        let own = Set(draft.cpus)
        let reserved = Set(housekeeping).union(others).union(file.withoutLanes)
        return machine.usableCores(of: draft.real.osIndex).flatMap { core -> [Int] in
            let free = core.cpus.filter { own.contains($0) && !reserved.contains($0) }
            if smt == .share { return free }
            // A thread beside a busy one is not a free core.
            return reserved.isDisjoint(with: core.cpus) ? Array(free.prefix(1)) : []
        }.sorted()
    }

    private mutating func explicitLanes(_ cpus: [Int], of draft: NodeDraft) -> [Int] {
        let location = draft.lanesLocation
        if cpus.count > NodePlacement.maximumLanes {
            report(
                .tooManyLanes,
                at: location,
                "\(cpus.count) lanes on node \(draft.number)",
                remedy:
                    "a node has at most \(NodePlacement.maximumLanes); split it into virtual nodes"
            )
        }
        let own = Set(draft.cpus)
        return cpus.filter { cpu in
            guard check(cpu: cpu, what: "lanes", at: location),
                checkHome(of: cpu, real: draft.real.osIndex, what: "lanes", at: location)
            else { return false }
            if draft.settings.cpus != nil, !own.contains(cpu) {
                report(
                    .cpuForeign,
                    at: location,
                    "lanes: CPU \(cpu) is not among node \(draft.number)'s `cpus`",
                    remedy: "use \(list(draft.cpus)), or add it to `cpus`"
                )
                return false
            }
            return true
        }
    }

    // MARK: Control

    /// The node's own housekeeping CPU, else an idle one of the same real node, else one shared with a lane.
    private mutating func assignControlCPU(
        to draft: inout NodeDraft,
        polled: Set<Int>,
        mayShare: Bool
    ) {
        origins["node\(draft.number).control-cpu"] =
            draft.settings.controlCPU.map { Origin($0.location) } ?? .discovered
        if let cpu = draft.settings.controlCPU {
            draft.controlCPU = cpu.value
            return
        }
        let own = Set(draft.cpus)
        let near = Set(draft.real.cpus)
        if let cpu = housekeeping.first(where: own.contains) {
            draft.controlCPU = cpu
        } else if let cpu = housekeeping.first(where: { near.contains($0) && !polled.contains($0) })
        {
            draft.controlCPU = cpu
        } else if mayShare, let lane = draft.lanes.first {
            draft.controlCPU = lane
            reserve([lane])
        } else {
            draft.controlCPU = housekeeping.first(where: near.contains) ?? housekeeping.first ?? 0
        }
    }
}
