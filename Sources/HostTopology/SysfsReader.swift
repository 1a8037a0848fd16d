internal import FoundationEssentials
internal import LinuxSystem

/// Reads what hwloc does not tell about the live machine from sysfs: free hugepages, where they are
/// mounted, and devices.
///
/// Everything may be missing (containers often hide parts of sysfs); what is missing is simply not there.
struct SysfsReader {
    /// The mount point, `/sys` but in tests.
    var root = "/sys"
    /// The kernel's table of mounts.
    var mountTable = "/proc/self/mounts"

    /// Hugepages of a node by size, ascending.
    func hugepages(ofNode osIndex: Int) -> [HugepageCount] {
        let folder = "\(root)/devices/system/node/node\(osIndex)/hugepages"
        return entries(of: folder).compactMap { name -> HugepageCount? in
            guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
                let kilobytes = Int(name.dropFirst(10).dropLast(2)),
                let total = number(at: "\(folder)/\(name)/nr_hugepages")
            else { return nil }
            let free = number(at: "\(folder)/\(name)/free_hugepages")
            return HugepageCount(pageBytes: kilobytes << 10, total: total, free: free)
        }.sorted { $0.pageBytes < $1.pageBytes }
    }

    /// Where hugetlbfs is mounted for writing.
    func hugepageMounts() -> [HugepageMount] {
        guard let data = FileManager.default.contents(atPath: mountTable) else { return [] }
        return HugepageMount.parse(
            table: String(decoding: data, as: UTF8.self),
            defaultPageBytes: 2 << 20
        )
    }

    /// CPUs that are present and not online.
    func offlineCPUs() -> [Int] {
        guard let present = CPUSet(list: text(at: "\(root)/devices/system/cpu/present") ?? ""),
            let online = CPUSet(list: text(at: "\(root)/devices/system/cpu/online") ?? "")
        else { return [] }
        return present.cpus.filter { !online.contains($0) }
    }

    /// Every PCI device, by address.
    func pciDevices() -> [PCIDevice] {
        let folder = "\(root)/bus/pci/devices"
        let interfaces = Dictionary(grouping: networkInterfaces(), by: \.pciAddress)
        return entries(of: folder).compactMap { address -> PCIDevice? in
            let device = "\(folder)/\(address)"
            guard isPCIAddress(address), let classCode = number(at: "\(device)/class") else {
                return nil
            }
            return PCIDevice(
                address: address,
                deviceClass: classCode >> 8,
                vendor: number(at: "\(device)/vendor") ?? 0,
                device: number(at: "\(device)/device") ?? 0,
                numaNode: number(at: "\(device)/numa_node") ?? -1,
                interfaces: (interfaces[address] ?? []).map(\.name).sorted(),
                driver: linkTarget(of: "\(device)/driver").map(lastComponent)
            )
        }
    }

    /// Network interfaces that belong to a device.
    func networkInterfaces() -> [NetworkInterface] {
        let folder = "\(root)/class/net"
        return entries(of: folder).compactMap { name -> NetworkInterface? in
            let interface = "\(folder)/\(name)"
            guard linkTarget(of: "\(interface)/device") != nil else { return nil }
            // The target is `../../devices/pci0000:00/0000:00:03.0/virtio1/net/eth0` or alike: the last
            // component that looks like an address is the device, whatever bus lies between.
            let address = linkTarget(of: interface)?.split(separator: "/").map(String.init)
                .last(where: isPCIAddress)
            let node =
                address.flatMap { number(at: "\(root)/bus/pci/devices/\($0)/numa_node") }
                ?? number(at: "\(interface)/device/numa_node")
            return NetworkInterface(name: name, numaNode: node ?? -1, pciAddress: address)
        }
    }

    private func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    private func linkTarget(of path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    private func text(at path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        return String(text.prefix { $0 != "\n" })
    }

    private func number(at path: String) -> Int? {
        guard let text = text(at: path) else { return nil }
        return text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
    }
}

private func lastComponent(of path: String) -> String {
    String(path.split(separator: "/").last ?? "")
}

/// Whether `text` has the form `domain:bus:slot.function` in hexadecimal digits.
func isPCIAddress(_ text: String) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, (4...8).contains(parts[0].count), parts[1].count == 2 else {
        return false
    }
    let last = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    guard last.count == 2, last[0].count == 2, last[1].count == 1 else { return false }
    return (parts[0...1] + last).allSatisfy { $0.allSatisfy(\.isHexDigit) }
}
