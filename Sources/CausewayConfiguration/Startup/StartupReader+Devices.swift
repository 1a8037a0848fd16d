/// The vocabulary of `dpdk { ... }`.
extension StartupReader {
    static let dpdkKeys: [Key] =
        [
            .named("dev") { reader, value in reader.readDevice(value) },
            .named("vdev") { reader, value in
                var port = PortSettings()
                port.location = value.location
                port.device = Located(
                    PortSettings.Device(kind: .vdev, device: value.word),
                    at: value.location
                )
                reader.configuration.placement.devices.append(port)
            },
            .flag("no-pci", \.placement.hasNoPCI),
            Key(
                name: "blacklist",
                shape: .value,
                meaning: .apply { reader, value in
                    reader.configuration.placement.blockedDevices.append(
                        normalizedPCIAddress(value.word) ?? value.word.lowercased()
                    )
                },
                countsOnce: false
            ),
            .value("socket-mem") { reader, value in reader.readSocketMemory(value) },
            .integer("max-simd-bitwidth", in: 0...512) {
                $0.configuration.maximumSIMDBits = $1.value
            },
        ]
        + Key.withoutMeaning(
            ["uio-driver"],
            .value,
            "bind devices with `dpdk-devbind.py -b vfio-pci ADDRESS` before the start"
        )
        + Key.withoutMeaning(
            ["uio-bind-force", "no-hugetlb", "no-multi-seg", "telemetry", "enable-telemetry"]
                + ["no-tx-checksum-offload", "enable-tcp-udp-checksum", "no-dsa", "enable-lro"]
                + ["decimal-interface-names", "interface-name-format", "no-vfio"],
            .flag
        )
        + Key.withoutMeaning(
            ["link-state-poll-interval", "stats-poll-interval", "num-mbufs", "num-mem-channels"]
                + ["iova-mode", "log-level", "proc-type", "file-prefix", "base-virtaddr"]
                + ["cryptodev", "huge-dir", "coremask", "nchannels"],
            .named
        )

    private mutating func readDevice(_ value: Key.Value) {
        var port = PortSettings()
        port.location = value.location
        if value.word != "default" {
            guard let address = normalizedPCIAddress(value.word) else {
                return refuse(value, "write a PCI address such as 0000:03:00.0, or default")
            }
            port.device = Located(
                PortSettings.Device(kind: .pci, device: address),
                at: value.location
            )
        }
        port.mayRaiseQueues = true
        let outer = currentPort
        currentPort = port
        read(value.block ?? [], in: "dev", keys: Self.deviceKeys)
        port = currentPort
        currentPort = outer
        if value.word == "default" {
            configuration.placement.deviceDefaults = port
        } else {
            configuration.placement.devices.append(port)
        }
    }

    private static let deviceKeys: [Key] =
        [
            .value("name") { reader, value in
                guard let name = portName(value.word) else {
                    return reader.refuse(
                        value,
                        "begin with a letter and use at most 63 letters, digits and - _ . / :"
                    )
                }
                reader.currentPort.name = Located(name, at: value.location)
            },
            .integer("num-rx-queues", in: 1...128) { $0.currentPort.rxQueues = $1 },
            .integer("num-tx-queues", in: 1...128) { $0.currentPort.txQueues = $1 },
            .integer("num-rx-desc", in: 64...32_768) { $0.currentPort.rxDescriptors = $1 },
            .integer("num-tx-desc", in: 64...32_768) { $0.currentPort.txDescriptors = $1 },
            .value("devargs") { reader, value in
                let pairs = value.word.split(separator: ",").map { pair -> (String, String)? in
                    let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                    return parts.count == 2 ? (parts[0], parts[1]) : nil
                }
                guard !pairs.contains(where: { $0 == nil }) else {
                    return reader.refuse(value, "write KEY=VALUE,KEY=VALUE")
                }
                reader.currentPort.options = Located(
                    Dictionary(pairs.compactMap { $0 }, uniquingKeysWith: { $1 }),
                    at: value.location
                )
            },
        ]
        + Key.withoutMeaning(
            ["workers"],
            .value,
            "queue q is polled by lane q modulo the lanes of the device's NUMA node"
        )
        + Key.withoutMeaning(
            ["tag", "tso", "max-lro-pkt-size", "vlan-strip-offload", "rss-queues", "enable-lro"]
                + ["no-rx-interrupts", "rx-intr", "mtu"],
            .value
        )
        + Key.withoutMeaning(["rss", "hqos"], .block)

    private static func portName(_ text: String) -> String? {
        let allowed = text.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:".contains($0))
        }
        return allowed && text.utf8.count <= 63 && text.first?.isLetter == true ? text : nil
    }

    /// `socket-mem 1024,1024`: DPDK's memory in MiB, a number for each NUMA node.
    private mutating func readSocketMemory(_ value: Key.Value) {
        let parts = value.word.split(separator: ",", omittingEmptySubsequences: false)
        for (node, part) in parts.enumerated() {
            guard let megabytes = Int(part), (0...(1 << 22)).contains(megabytes),
                node <= NodePlacement.maximumNumber
            else { return refuse(value, "write MiB for each NUMA node, such as 1024,1024") }
            guard megabytes > 0 else { continue }
            configuration.placement.nodes[node, default: NodeSettings()].ealBytes = Located(
                megabytes << 20,
                at: value.location
            )
        }
    }
}
