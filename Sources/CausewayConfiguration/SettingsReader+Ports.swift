internal import Yams

/// The vocabulary of ports.
extension SettingsReader {
    mutating func readPorts(_ node: Node) -> [PortSettings] {
        guard let entries = node.sequence else {
            reportType(
                node,
                "ports",
                expected: "a list: one `- tap: NAME` or `- pci: ADDRESS` each"
            )
            return []
        }
        return entries.compactMap { entry in
            guard let mapping = entry.mapping else {
                reportType(
                    entry,
                    "a port",
                    expected: "a mapping: `- name: NAME` and what is behind it"
                )
                return nil
            }
            var settings = PortSettings()
            settings.location = location(of: entry)
            read(entry, of: "a port", keys: Self.portKeys, into: &settings)
            let kinds = mapping.compactMap {
                PortPlacement.Kind(rawValue: $0.key.scalar?.string ?? "")
            }
            guard kinds.count == 1 else {
                report(
                    kinds.isEmpty ? .missingKey : .impossibleValue,
                    at: entry,
                    kinds.isEmpty
                        ? "this port does not say what is behind it"
                        : "this port is \(kinds.map(\.rawValue).joined(separator: " and ")) at once",
                    remedy: "write one of pci, tap, pcap, null, vdev"
                )
                return nil
            }
            return settings.device == nil ? nil : settings
        }
    }

    /// Keys of an entry of `ports`.
    static let portKeys: [SettingKey<PortSettings>] =
        [
            SettingKey("name") { reader, node, port in port.name = reader.portName(node) }
        ] + deviceKeys + queueKeys + [
            SettingKey("mtu") { reader, node, port in
                port.mtu = reader.integer(node, "mtu", in: 68...9600)
            },
            SettingKey("mac") { reader, node, port in port.mac = reader.macAddress(node) },
            SettingKey("options") { reader, node, port in port.options = reader.options(node) },
        ]

    private static let queueKeys: [SettingKey<PortSettings>] = [
        SettingKey("rx-queues") { reader, node, port in
            port.rxQueues = reader.integer(node, "rx-queues", in: 1...128)
        },
        SettingKey("tx-queues") { reader, node, port in
            port.txQueues = reader.integer(node, "tx-queues", in: 1...128)
        },
        SettingKey("rx-descriptors") { reader, node, port in
            port.rxDescriptors = reader.integer(node, "rx-descriptors", in: 64...32768)
        },
        SettingKey("tx-descriptors") { reader, node, port in
            port.txDescriptors = reader.integer(node, "tx-descriptors", in: 64...32768)
        },
    ]

    private static let deviceKeys: [SettingKey<PortSettings>] = [
        SettingKey("pci") { reader, node, port in port.device = reader.pciAddress(node) },
        SettingKey("tap") { reader, node, port in port.device = reader.tapName(node) },
        SettingKey("null", takesNull: true) { reader, node, port in
            port.device = Located(
                PortSettings.Device(kind: .null, device: ""),
                at: reader.location(of: node)
            )
            guard !reader.isNull(node), let isNull = reader.boolean(node, "null") else { return }
            guard !isNull.value else { return }
            reader.report(
                .impossibleValue,
                at: node,
                "null cannot be no",
                remedy: "leave the key out, or write `null: yes`"
            )
        },
        SettingKey("pcap") { reader, node, port in
            var files: [String: String] = [:]
            reader.read(node, of: "pcap", keys: pcapKeys, into: &files)
            port.device = Located(
                PortSettings.Device(kind: .pcap, device: "", options: files),
                at: reader.location(of: node)
            )
        },
        SettingKey("vdev") { reader, node, port in
            port.device = reader.text(node, "vdev", limit: 512)?.map {
                PortSettings.Device(kind: .vdev, device: $0)
            }
        },
    ]

    private static let pcapKeys: [SettingKey<[String: String]>] = ["rx", "tx"].map { direction in
        SettingKey(direction) { reader, node, files in
            guard let path = reader.text(node, direction) else { return }
            guard !path.value.contains(",") else {
                reader.report(
                    .impossibleValue,
                    at: node,
                    "DPDK cannot open a file with a comma in its name",
                    remedy: "rename \(path.value)"
                )
                return
            }
            files[direction] = path.value
        }
    }

    private mutating func portName(_ node: Node) -> Located<String>? {
        guard let name = text(node, "name", limit: 63) else { return nil }
        let allowed = name.value.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:".contains($0))
        }
        guard allowed, name.value.first?.isLetter == true else {
            report(
                .impossibleValue,
                at: node,
                "\"\(name.value)\" cannot be a port's name",
                remedy: "begin with a letter and use letters, digits and - _ . / :"
            )
            return nil
        }
        return name
    }

    private mutating func tapName(_ node: Node) -> Located<PortSettings.Device>? {
        guard let name = text(node, "tap", limit: 255) else { return nil }
        guard name.value.utf8.count <= 15 else {
            report(
                .impossibleValue,
                at: node,
                "the kernel takes interface names of at most 15 bytes; \"\(name.value)\" has "
                    + "\(name.value.utf8.count)",
                remedy: "shorten the tap's name; the port's `name` may be longer"
            )
            return nil
        }
        guard !name.value.contains(where: { "/ :".contains($0) }),
            ![".", ".."].contains(name.value)
        else {
            report(
                .impossibleValue,
                at: node,
                "\"\(name.value)\" cannot be an interface's name",
                remedy: "use letters, digits, - and _"
            )
            return nil
        }
        return name.map { PortSettings.Device(kind: .tap, device: $0) }
    }

    private mutating func pciAddress(_ node: Node) -> Located<PortSettings.Device>? {
        guard let text = text(node, "pci", limit: 32) else { return nil }
        guard let address = normalizedPCIAddress(text.value) else {
            report(
                .impossibleValue,
                at: node,
                "\"\(text.value)\" is not a PCI address",
                remedy: "write it as lspci shows it, such as 0000:03:00.0"
            )
            return nil
        }
        return Located(PortSettings.Device(kind: .pci, device: address), at: text.location)
    }

    private mutating func macAddress(_ node: Node) -> Located<String>? {
        guard let text = text(node, "mac", limit: 64) else { return nil }
        let parts = text.value.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, bytes.count == 6 else {
            reportType(node, "mac", expected: "an address such as 02:00:00:00:00:01")
            return nil
        }
        guard bytes[0] & 1 == 0, bytes.contains(where: { $0 != 0 }) else {
            report(
                .impossibleValue,
                at: node,
                "\(text.value) is not the address of one interface",
                remedy: "make the first byte even, such as 02, and not all bytes zero"
            )
            return nil
        }
        return text.map { $0.lowercased() }
    }

    private mutating func options(_ node: Node) -> Located<[String: String]>? {
        guard let mapping = node.mapping else {
            reportType(node, "options", expected: "a mapping of the driver's options")
            return nil
        }
        var options: [String: String] = [:]
        for (key, value) in mapping {
            guard let name = text(key, "an option's name", limit: 63),
                let value = text(value, "an option", limit: 255)
            else { continue }
            guard !(name.value + value.value).contains(where: { ",= ".contains($0) }) else {
                report(
                    .impossibleValue,
                    at: key,
                    "an option with a comma, a blank or an equals sign",
                    remedy: "write `name: value` without them"
                )
                continue
            }
            options[name.value] = value.value
        }
        return Located(options, at: location(of: node))
    }
}

/// A PCI address in its long form, lower case; nil when it is none.
///
/// The domain may be left out.
func normalizedPCIAddress(_ text: String) -> String? {
    let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
    let full = parts.count == 2 ? ["0000"] + parts : parts
    guard full.count == 3, full[0].count == 4, full[1].count == 2,
        full.allSatisfy({ $0.allSatisfy { $0.isASCII && ($0.isHexDigit || $0 == ".") } })
    else { return nil }
    let function = full[2].split(separator: ".", omittingEmptySubsequences: false)
    guard function.count == 2, function[0].count == 2, function[1].count == 1,
        !full[0].contains("."), !full[1].contains(".")
    else { return nil }
    return full.joined(separator: ":")
}
