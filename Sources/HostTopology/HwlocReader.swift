internal import CHwloc

#if canImport(Glibc)
    internal import Glibc
#endif

/// Reads a machine through hwloc; owns the library's handle.
struct HwlocReader: ~Copyable {
    private let handle: hwloc_topology_t
    private let source: MachineSource

    /// Loads the machine that `source` names.
    init(_ source: MachineSource) throws(HostTopologyError) {
        var created: hwloc_topology_t?
        guard hwloc_topology_init(&created) == 0, let handle = created else {
            throw .libraryFailed(step: "initialise", errno: errno)
        }
        do throws(HostTopologyError) {
            try load(source, into: handle)
        } catch {
            hwloc_topology_destroy(handle)
            throw error
        }
        self.handle = handle
        self.source = source
    }

    deinit { hwloc_topology_destroy(handle) }

    /// Whether the description is of the machine that runs this process.
    var isThisMachine: Bool { hwloc_topology_is_thissystem(handle) != 0 }

    /// The machine with what hwloc knows of it.
    func read() -> HostTopology {
        let nodes = numaNodes()
        let owners = Dictionary(
            nodes.flatMap { node in node.cpus.map { ($0, node.osIndex) } },
            uniquingKeysWith: { first, _ in first }
        )
        let packages = packages()
        let cores = cores(owners: owners, packages: packages)
        let allowed = Set(numbers(hwloc_topology_get_allowed_cpuset(handle)))
        let cpus = cores.flatMap { core in
            core.cpus.map { number in
                LogicalCPU(
                    number: number,
                    core: core.index,
                    numaNode: owners[number],
                    isAllowed: allowed.contains(number)
                )
            }
        }.sorted { $0.number < $1.number }
        let online = Set(cpus.map(\.number))
        let devices = pciDevices(nodes: nodes)
        return HostTopology(
            source: source,
            packages: packages,
            numaNodes: nodes,
            cores: cores,
            cpus: cpus,
            offlineCPUs: numbers(hwloc_topology_get_complete_cpuset(handle)).filter {
                !online.contains($0)
            },
            caches: caches(),
            pciDevices: devices,
            networkInterfaces: devices.flatMap { device in
                device.interfaces.map {
                    NetworkInterface(
                        name: $0,
                        numaNode: device.numaNode,
                        pciAddress: device.address
                    )
                }
            },
            knowsDevices: !devices.isEmpty
        )
    }

    private func packages() -> [Package] {
        objects(HWLOC_OBJ_PACKAGE).enumerated().map { position, object in
            Package(
                osIndex: osIndex(of: object) ?? position,
                cpus: numbers(object.pointee.cpuset)
            )
        }
    }

    /// The NUMA nodes, each CPU given to one of them.
    ///
    /// hwloc puts memory without CPUs of its own beside the CPUs nearest to it, so that several nodes may
    /// name the same CPU. The one with the fewest CPUs wins, then the one with memory, then the lowest
    /// number.
    private func numaNodes() -> [NUMANode] {
        var owner: [Int: Int] = [:]
        let objects = objects(HWLOC_OBJ_NUMANODE).sorted {
            $0.pointee.os_index < $1.pointee.os_index
        }
        let claims = objects.map { (object: $0, cpus: numbers($0.pointee.cpuset)) }
        let order = claims.indices.sorted { left, right in
            let (a, b) = (claims[left], claims[right])
            if a.cpus.count != b.cpus.count { return a.cpus.count < b.cpus.count }
            if (memory(of: a.object) > 0) != (memory(of: b.object) > 0) {
                return memory(of: a.object) > 0
            }
            return left < right
        }
        for index in order {
            for cpu in claims[index].cpus where owner[cpu] == nil { owner[cpu] = index }
        }
        let distances = distances()
        return claims.indices.map { index in
            let object = claims[index].object
            let osIndex = Int(object.pointee.os_index)
            return NUMANode(
                osIndex: osIndex,
                memoryBytes: memory(of: object),
                hugepages: hugepages(of: object),
                cpus: claims[index].cpus.filter { owner[$0] == index },
                distances: distances[osIndex] ?? [:]
            )
        }
    }

    private func memory(of object: hwloc_obj_t) -> Int {
        guard let attributes = object.pointee.attr else { return 0 }
        return Int(clamping: attributes.pointee.numanode.local_memory)
    }

    private func hugepages(of object: hwloc_obj_t) -> [HugepageCount] {
        guard let attributes = object.pointee.attr else { return [] }
        let memory = attributes.pointee.numanode
        guard let types = memory.page_types else { return [] }
        return (0..<Int(memory.page_types_len)).compactMap { index in
            let type = types[index]
            // The base page size is no hugepage; x86 and ARM know none below 64 KiB.
            guard type.size > 64 << 10 else { return nil }
            return HugepageCount(
                pageBytes: Int(clamping: type.size),
                total: Int(clamping: type.count),
                free: nil
            )
        }.sorted { $0.pageBytes < $1.pageBytes }
    }

    private func distances() -> [Int: [Int: Int]] {
        var count: UInt32 = 1
        var matrix: UnsafeMutablePointer<hwloc_distances_s>?
        let found = hwloc_distances_get_by_type(
            handle,
            HWLOC_OBJ_NUMANODE,
            &count,
            &matrix,
            UInt(HWLOC_DISTANCES_KIND_MEANS_LATENCY.rawValue),
            0
        )
        guard found == 0, count > 0, let matrix else { return [:] }
        defer { hwloc_distances_release(handle, matrix) }
        guard let objects = matrix.pointee.objs, let values = matrix.pointee.values else {
            return [:]
        }
        let size = Int(matrix.pointee.nbobjs)
        let nodes = (0..<size).map { objects[$0].map { Int($0.pointee.os_index) } }
        var result: [Int: [Int: Int]] = [:]
        for (row, from) in nodes.enumerated() {
            for (column, to) in nodes.enumerated() {
                guard let from, let to else { continue }
                result[from, default: [:]][to] = Int(clamping: values[row * size + column])
            }
        }
        return result
    }

    /// The cores; a CPU without a core in the description counts as one of its own.
    private func cores(owners: [Int: Int], packages: [Package]) -> [Core] {
        var sets = objects(HWLOC_OBJ_CORE).map { numbers($0.pointee.cpuset) }.filter { !$0.isEmpty }
        let covered = Set(sets.joined())
        sets += objects(HWLOC_OBJ_PU).map { [Int($0.pointee.os_index)] }.filter {
            !covered.contains($0[0])
        }
        let packageOfCPU = Dictionary(
            packages.flatMap { package in package.cpus.map { ($0, package.osIndex) } },
            uniquingKeysWith: { first, _ in first }
        )
        return sets.enumerated().map { index, cpus in
            Core(
                index: index,
                package: packageOfCPU[cpus[0]],
                numaNode: owners[cpus[0]],
                cpus: cpus
            )
        }
    }

    private func caches() -> [Cache] {
        [(2, HWLOC_OBJ_L2CACHE), (3, HWLOC_OBJ_L3CACHE)].flatMap { level, type in
            objects(type).map { object in
                Cache(
                    level: level,
                    bytes: Int(clamping: object.pointee.attr?.pointee.cache.size ?? 0),
                    cpus: numbers(object.pointee.cpuset)
                )
            }
        }
    }

    private func pciDevices(nodes: [NUMANode]) -> [PCIDevice] {
        let interfaces = interfacesByDevice()
        return objects(HWLOC_OBJ_PCI_DEVICE).compactMap { object in
            guard let attributes = object.pointee.attr else { return nil }
            let pci = attributes.pointee.pcidev
            let address =
                hexadecimal(Int(pci.domain), digits: 4) + ":"
                + hexadecimal(Int(pci.bus), digits: 2) + ":"
                + hexadecimal(Int(pci.dev), digits: 2) + "." + hexadecimal(Int(pci.func), digits: 1)
            return PCIDevice(
                address: address,
                deviceClass: Int(pci.class_id),
                vendor: Int(pci.vendor_id),
                device: Int(pci.device_id),
                numaNode: numaNode(nearestTo: object, among: nodes),
                interfaces: (interfaces[object] ?? []).sorted()
            )
        }.sorted { $0.address < $1.address }
    }

    private func interfacesByDevice() -> [hwloc_obj_t: [String]] {
        var result: [hwloc_obj_t: [String]] = [:]
        for object in objects(HWLOC_OBJ_OS_DEVICE) {
            guard object.pointee.attr?.pointee.osdev.type == HWLOC_OBJ_OSDEV_NETWORK,
                let parent = object.pointee.parent, parent.pointee.type == HWLOC_OBJ_PCI_DEVICE,
                let name = object.pointee.name
            else { continue }
            result[parent, default: []].append(String(cString: name))
        }
        return result
    }

    /// The node that has all the CPUs nearest to a device, or -1 when they are spread over several.
    private func numaNode(nearestTo object: hwloc_obj_t, among nodes: [NUMANode]) -> Int {
        guard let ancestor = hwloc_get_non_io_ancestor_obj(handle, object) else { return -1 }
        let named = numbers(ancestor.pointee.nodeset)
        if named.count == 1 { return named[0] }
        let cpus = Set(numbers(ancestor.pointee.cpuset))
        let owners = nodes.filter { $0.cpus.contains(where: cpus.contains) }
        return owners.count == 1 ? owners[0].osIndex : -1
    }

    private func objects(_ type: hwloc_obj_type_t) -> [hwloc_obj_t] {
        var result: [hwloc_obj_t] = []
        var last: hwloc_obj_t?
        while let next = hwloc_get_next_obj_by_type(handle, type, last) {
            result.append(next)
            last = next
        }
        return result
    }

    private func osIndex(of object: hwloc_obj_t) -> Int? {
        object.pointee.os_index == UInt32.max ? nil : Int(object.pointee.os_index)
    }
}

private func load(
    _ source: MachineSource,
    into handle: hwloc_topology_t
) throws(HostTopologyError) {
    switch source {
    case .live: break
    case .xml(let path):
        guard hwloc_topology_set_xml(handle, path) == 0 else { throw .unreadableXML(path: path) }
        // Bridges and devices of every class: a port may be anything that has a driver.
        hwloc_topology_set_io_types_filter(handle, HWLOC_TYPE_FILTER_KEEP_ALL)
    case .synthetic(let text):
        guard hwloc_topology_set_synthetic(handle, text) == 0 else {
            throw .malformedSynthetic(text)
        }
    }
    // CPUs that the cgroup forbids stay visible, so that a finding can name the reason.
    let flags = UInt(HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED.rawValue)
    guard hwloc_topology_set_flags(handle, flags) == 0 else {
        throw .libraryFailed(step: "set its flags", errno: errno)
    }
    guard hwloc_topology_load(handle) == 0 else {
        switch source {
        case .live: throw .libraryFailed(step: "read the machine", errno: errno)
        case .xml(let path): throw .malformedXML(path: path)
        case .synthetic(let text): throw .malformedSynthetic(text)
        }
    }
}

/// The numbers in a bitmap, ascending; empty for a missing or an infinite one.
private func numbers(_ bitmap: hwloc_const_bitmap_t?) -> [Int] {
    guard let bitmap, hwloc_bitmap_weight(bitmap) > 0 else { return [] }
    var result: [Int] = []
    var number = hwloc_bitmap_first(bitmap)
    while number >= 0 {
        result.append(Int(number))
        number = hwloc_bitmap_next(bitmap, number)
    }
    return result
}

private func hexadecimal(_ value: Int, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
}
