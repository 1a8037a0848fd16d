internal import Coordination
internal import Yams

/// The vocabulary of topology files.
///
/// Each table is at once the reader, the list for suggestions and what `--set` understands.
extension SettingsReader {
    /// Reads a whole document.
    mutating func readFile(_ text: String) -> TopologyFile {
        var file = FileUnderConstruction(file: TopologyFile(path: self.file))
        guard let root = compose(text) else {
            if findings.isEmpty { reportMissingSchema(at: location(nil)) }
            return file.file
        }
        read(root, of: "a topology file", keys: Self.fileKeys, into: &file)
        if root.mapping != nil, !file.hasSchema {
            reportMissingSchema(at: location(of: root))
        }
        return file.file
    }

    private mutating func reportMissingSchema(at location: SourceLocation) {
        findings.append(
            Finding(
                .missingKey,
                at: location,
                "the file does not say which schema it follows",
                remedy: "begin it with `schema: 1`",
                suggestion: "schema: 1"
            )
        )
    }

    struct FileUnderConstruction {
        var file: TopologyFile
        var hasSchema = false
    }

    static let fileKeys: [SettingKey<FileUnderConstruction>] =
        [
            SettingKey("schema", takesNull: true) { reader, node, target in
                target.hasSchema = true
                guard node.scalar?.string != "1" else { return }
                reader.report(
                    .unsupportedSchema,
                    at: node,
                    "schema \(reader.kind(of: node)) is not known",
                    remedy: "this version of Causeway reads `schema: 1`"
                )
            },
            SettingKey("defaults") { reader, node, target in
                reader.read(node, of: "defaults", keys: defaultKeys, into: &target.file.defaults)
            },
            SettingKey("nodes") { reader, node, target in
                target.file.nodes = reader.readNodes(node)
            },
        ]
        + machineKeys.map { key in
            SettingKey(key.name) { reader, node, target in key.read(&reader, node, &target.file) }
        }

    /// Keys of a file that are about the whole machine.
    static let machineKeys: [SettingKey<TopologyFile>] = [
        SettingKey("housekeeping") { reader, node, file in
            file.housekeeping = reader.cpuList(node, "housekeeping")
        },
        SettingKey("smt") { reader, node, file in
            file.smt = reader.word(node, "smt", as: SMTPolicy.self)
        },
        SettingKey("remote-nics") { reader, node, file in
            file.remoteNICs = reader.word(node, "remote-nics", as: RemoteNICPolicy.self)
        },
    ]

    private mutating func readNodes(_ node: Node) -> [NodeSettings]? {
        guard let entries = node.sequence else {
            reportType(node, "nodes", expected: "a list: one `- node: N` each")
            return nil
        }
        return entries.compactMap { entry in
            guard entry.mapping != nil else {
                reportType(entry, "an entry of nodes", expected: "a mapping: `- node: N`")
                return nil
            }
            var settings = NodeSettings()
            settings.location = location(of: entry)
            read(entry, of: "a node", keys: Self.nodeKeys, into: &settings)
            guard settings.number != nil else {
                // A wrong number has its own finding.
                if entry.mapping?.contains(where: { $0.key.scalar?.string == "node" }) != true {
                    report(
                        .missingKey,
                        at: entry,
                        "this node has no number",
                        remedy: "add `node: N`",
                        suggestion: "node"
                    )
                }
                return nil
            }
            return settings
        }
    }

    // MARK: Nodes

    /// Keys of an entry of `nodes`.
    static let nodeKeys: [SettingKey<NodeSettings>] =
        [
            SettingKey("node") { reader, node, settings in
                settings.number = reader.integer(node, "node", in: 0...NodePlacement.maximumNumber)
            },
            SettingKey("virtual-of") { reader, node, settings in
                settings.virtualOf = reader.integer(node, "virtual-of", in: 0...1023)
            },
            SettingKey("cpus") { reader, node, settings in
                settings.cpus = reader.cpuList(node, "cpus")
            },
            SettingKey("lanes") { reader, node, settings in
                settings.lanes = reader.laneRequest(node)
            },
            SettingKey("control-cpu") { reader, node, settings in
                settings.controlCPU = reader.integer(node, "control-cpu", in: 0...4095)
            },
            SettingKey("ports") { reader, node, settings in
                settings.ports = reader.readPorts(node)
            },
        ] + commonKeys

    /// Keys of `defaults`.
    static let defaultKeys: [SettingKey<NodeSettings>] =
        [
            SettingKey("lanes") { reader, node, settings in
                let lanes = reader.laneRequest(node)
                guard case .cpus = lanes?.value else {
                    settings.lanes = lanes
                    return
                }
                reader.report(
                    .impossibleValue,
                    at: node,
                    "a list of CPUs cannot be the default of several nodes",
                    remedy: "write auto or a count here, and lists at the nodes"
                )
            }
        ] + commonKeys

    private static let commonKeys: [SettingKey<NodeSettings>] =
        memoryKeys + [
            SettingKey("spare") { reader, node, settings in
                settings.hasSpare = reader.boolean(node, "spare")
            },
            SettingKey("restart") { reader, node, settings in
                reader.read(node, of: "restart", keys: restartKeys, into: &settings.restart)
            },
        ]

    private static let memoryKeys: [SettingKey<NodeSettings>] = [
        SettingKey("heap") { reader, node, settings in
            settings.heapBytes = reader.heapSize(node)
        },
        SettingKey("hugepage-size") { reader, node, settings in
            settings.hugepageBytes = reader.hugepageSize(node)
        },
        SettingKey("eal-memory") { reader, node, settings in
            settings.ealBytes = reader.bytes(node, "eal-memory", in: 16 << 20...(1 << 42))
        },
        SettingKey("buffers") { reader, node, settings in
            settings.buffers = reader.integer(node, "buffers", in: 256...16_777_216)
        },
        SettingKey("buffer-data") { reader, node, settings in
            // DPDK keeps a buffer's length in 16 bits, 128 of which are headroom.
            settings.bufferDataBytes = reader.integer(node, "buffer-data", in: 512...65_280)
        },
        SettingKey("handoff-ring") { reader, node, settings in
            settings.handoffRingCells = reader.integer(node, "handoff-ring", in: 64...1_048_576)
        },
    ]

    static let restartKeys: [SettingKey<RestartSettings>] = [
        SettingKey("max") { reader, node, settings in
            settings.max = reader.integer(node, "max", in: 0...1_000_000)
        },
        SettingKey("window") { reader, node, settings in
            settings.windowMilliseconds = reader.milliseconds(
                node,
                "window",
                in: 1000...86_400_000
            )
        },
        SettingKey("backoff") { reader, node, settings in
            settings.backoffMilliseconds = reader.milliseconds(node, "backoff", in: 0...600_000)
        },
        SettingKey("max-backoff") { reader, node, settings in
            settings.maximumBackoffMilliseconds = reader.milliseconds(
                node,
                "max-backoff",
                in: 0...3_600_000
            )
        },
    ]

    private mutating func laneRequest(_ node: Node) -> Located<LaneRequest>? {
        if node.scalar?.string == "auto" { return Located(.auto, at: location(of: node)) }
        if let text = node.scalar?.string, Int(text) != nil {
            return integer(node, "lanes", in: 1...NodePlacement.maximumLanes)?.map { .count($0) }
        }
        if node.sequence != nil
            || node.scalar?.string.contains(where: { ",-".contains($0) }) == true
        {
            return cpuList(node, "lanes")?.map { .cpus($0) }
        }
        reportType(node, "lanes", expected: "auto, a count, or a list of CPUs such as [2, 3]")
        return nil
    }

    private mutating func heapSize(_ node: Node) -> Located<Int>? {
        guard let size = bytes(node, "heap", in: 0...(1 << 42)) else { return nil }
        guard size.value >= WorkerHeap.minimumBytes else {
            report(
                .heapTooSmall,
                at: node,
                "a heap of \(ByteCount.format(size.value)) cannot hold the IPv4 table, which alone "
                    + "takes \(ByteCount.format(WorkerHeap.lookupTableBytes))",
                remedy: "write \(ByteCount.format(WorkerHeap.minimumBytes)) or more"
            )
            return nil
        }
        return size
    }

    private mutating func hugepageSize(_ node: Node) -> Located<Int>? {
        guard let size = bytes(node, "hugepage-size", in: 0...(1 << 42)) else { return nil }
        guard [2 << 20, 1 << 30].contains(size.value) else {
            report(
                .impossibleValue,
                at: node,
                "hugepage-size cannot be \(ByteCount.format(size.value))",
                remedy: "write 2M or 1G"
            )
            return nil
        }
        return size
    }
}
