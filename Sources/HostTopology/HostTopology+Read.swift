extension HostTopology {
    /// Reads the description of a machine.
    ///
    /// - Parameter source: the live machine, an XML file or a synthetic description.
    /// - Returns: at least one CPU and one NUMA node.
    /// - Throws: why it cannot be described, in words for the operator.
    public static func read(_ source: MachineSource) throws(HostTopologyError) -> HostTopology {
        let reader = try HwlocReader(source)
        var machine = reader.read()
        guard !machine.cpus.isEmpty, !machine.numaNodes.isEmpty else { throw .emptyMachine(source) }
        // HWLOC_XMLFILE can make hwloc describe another machine as the live one: sysfs is not its then.
        if source == .live, reader.isThisMachine { machine.complete(from: SysfsReader()) }
        return machine
    }

    /// Adds what only sysfs tells: free hugepages and devices.
    ///
    /// Devices come from here and not from hwloc, whose PCI discovery is a plugin that Debian packages apart.
    mutating func complete(from sysfs: SysfsReader) {
        for index in numaNodes.indices {
            let pages = sysfs.hugepages(ofNode: numaNodes[index].osIndex)
            if !pages.isEmpty { numaNodes[index].hugepages = pages }
        }
        let online = Set(cpus.map(\.number))
        offlineCPUs = Set(offlineCPUs + sysfs.offlineCPUs()).subtracting(online).sorted()
        pciDevices = sysfs.pciDevices()
        networkInterfaces = sysfs.networkInterfaces()
        knowsDevices = true
        hugepageMounts = sysfs.hugepageMounts()
    }
}
