internal import Coordination

/// The vocabulary of memory: `memory { ... }`, `buffers { ... }` and `heapsize`.
extension StartupReader {
    /// From what the FIB needs to 4 TiB.
    private static let heapRange = WorkerHeap.minimumBytes...(1 << 42)

    static let memoryKeys: [Key] =
        ["main-heap-size", "per-node-heap"].map { name in
            .bytes(name, in: heapRange) { $0.configuration.placement.defaults.heapBytes = $1 }
        }
        + ["main-heap-page-size", "default-hugepage-size"].map { name in
            .value(name) { reader, value in reader.setPageSize(value) }
        }

    /// `heapsize 512M`: a bad value is no reason not to start, as VPP has it.
    static let heapSizeKey = Key.value("heapsize") { reader, value in
        guard let bytes = ByteCount.parse(value.word), heapRange.contains(bytes) else {
            return reader.report(
                .startupImpossibleValue,
                .warning,
                at: value.key,
                "heapsize cannot be \"\(value.word.prefix(64))\"; the default is used",
                remedy: "write \(ByteCount.format(WorkerHeap.minimumBytes)) or more, such as 512M"
            )
        }
        reader.configuration.placement.defaults.heapBytes = Located(bytes, at: value.location)
    }

    static let bufferKeys: [Key] =
        [
            .integer("buffers-per-numa", in: 256...16_777_216) {
                $0.configuration.placement.defaults.buffers = $1
            },
            .integer("data-size", in: 512...65_280) {
                $0.configuration.placement.defaults.bufferDataBytes = $1
            },
            .value("page-size") { reader, value in reader.setPageSize(value) },
            .named("numa") { reader, value in reader.readNode(value) },
        ]
        // VPP writes `default data-size BYTES`.
        + Key.always(["default"])
        + Key.withoutMeaning(["layout"], .value, "buffers are DPDK's, whose layout is fixed")

    /// Keys of `numa N { ... }`.
    private static func bufferNodeKeys(_ number: Int) -> [Key] {
        [
            .value("buffers") { reader, value in
                if value.word == "0" {
                    reader.configuration.placement.withoutWorker[number] = value.location
                } else if let count = reader.integer(value, in: 256...16_777_216) {
                    reader.configuration.placement.nodes[number, default: NodeSettings()].buffers =
                        count
                }
            }
        ]
    }

    private mutating func readNode(_ value: Key.Value) {
        guard let number = Int(value.word), (0...NodePlacement.maximumNumber).contains(number)
        else {
            return refuse(value, "write the number of a NUMA node and a block: `numa 0 { ... }`")
        }
        read(value.block ?? [], in: "numa", keys: Self.bufferNodeKeys(number))
    }

    /// A page size: `2M`, `1G`, or VPP's words for what is discovered anyway.
    private mutating func setPageSize(_ value: Key.Value) {
        switch value.word.lowercased() {
        case "default-hugepage", "default": return
        case "4k":
            reportNoMeaning(
                "\(value.key.word) 4K",
                "packets and tables are in hugepages: write 2M or 1G, or leave it out",
                at: value.key
            )
        default:
            guard let bytes = ByteCount.parse(value.word), [2 << 20, 1 << 30].contains(bytes)
            else { return refuse(value, "write 2M or 1G") }
            configuration.placement.defaults.hugepageBytes = Located(bytes, at: value.location)
        }
    }
}
