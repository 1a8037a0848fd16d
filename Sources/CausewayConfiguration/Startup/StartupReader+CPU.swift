internal import LinuxSystem

/// The vocabulary of `cpu { ... }` and of `node { ... }`.
extension StartupReader {
    static let cpuKeys: [Key] =
        [
            .integer("main-core", in: 0...4095) { $0.configuration.placement.mainCore = $1 },
            .integer("workers", in: 0...1024) { $0.configuration.placement.workers = $1 },
            .integer("skip-cores", in: 0...4095) { $0.configuration.placement.skippedCPUs = $1 },
            .flag("relative", \.placement.isRelative),
            .value("corelist-workers") { reader, value in
                guard let set = CPUSet(list: value.word), !set.isEmpty else {
                    return reader.refuse(value, "write CPU numbers such as 2-5,18-21")
                }
                reader.configuration.placement.workerCPUs = Located(set.cpus, at: value.location)
            },
            .value("coremask-workers") { reader, value in
                guard let cpus = cpus(ofMask: value.word) else {
                    return reader.refuse(value, "write a mask of CPUs such as 0x3c")
                }
                reader.configuration.placement.workerCPUs = Located(cpus, at: value.location)
            },
            .value("scheduler-policy") { reader, value in
                guard let policy = LaneSettings.Policy(rawValue: value.word) else {
                    let words = LaneSettings.Policy.allCases.map(\.rawValue)
                    return reader.refuse(value, "write one of \(words.joined(separator: ", "))")
                }
                reader.configuration.lanes.policy = policy
            },
            .integer("scheduler-priority", in: 0...99) {
                $0.configuration.lanes.priority = $1.value
            },
            .value("thread-prefix") { reader, value in
                // The kernel keeps 15 bytes of a thread's name; node and lane come after the prefix.
                guard value.word.utf8.count <= 8 else {
                    return reader.refuse(value, "use at most 8 bytes")
                }
                reader.configuration.lanes.threadPrefix = value.word
            },
            .value("variant") { reader, value in reader.setVariant(value) },
        ]
        + Key.withoutMeaning(["use-pthreads"], .flag, "lanes are DPDK's threads, one a CPU")
        + Key.withoutMeaning(["coremask-hqos-threads", "corelist-hqos-threads"], .value)

    /// VPP chooses among variants of a graph node; here the program of a NUMA node has them.
    static let nodeKeys: [Key] = [
        .block(
            "default",
            of: [.value("variant") { reader, value in reader.setVariant(value) }]
        )
    ]

    private mutating func setVariant(_ value: Key.Value) {
        guard let name = Self.variants[value.word] else {
            let words = Self.variants.keys.sorted()
            return refuse(value, "write one of \(words.joined(separator: ", "))")
        }
        configuration.variant = name
    }

    /// The levels of the x86-64 ABI, and VPP's names of processors with them.
    private static let variants = [
        "v3": "v3", "v4": "v4", "avx2": "v3", "hsw": "v3", "trm": "v3", "avx512": "v4",
        "skx": "v4", "icl": "v4", "adl": "v3", "spr": "v4",
    ]

    /// The CPUs of a hexadecimal mask; nil for anything else, and for none.
    private static func cpus(ofMask text: String) -> [Int]? {
        let digits = text.hasPrefix("0x") || text.hasPrefix("0X") ? text.dropFirst(2) : text[...]
        var cpus: [Int] = []
        for (position, digit) in digits.reversed().enumerated() {
            guard position < CPUSet.capacity / 4, digit.isASCII, let bits = digit.hexDigitValue
            else { return nil }
            cpus += (0..<4).filter { bits >> $0 & 1 == 1 }.map { position * 4 + $0 }
        }
        return cpus.isEmpty ? nil : cpus
    }
}
