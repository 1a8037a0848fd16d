internal import LinuxSystem

/// The extensions of each CPU, as the kernel lists them.
///
/// Sockets of one machine may differ: what one NUMA node runs another may not.
public struct CPUFeatures: Hashable, Sendable {
    /// The kernel's names of extensions, such as `avx2`, by CPU number.
    public var flags: [Int: Set<String>]
    /// The name of the processor, by CPU number.
    public var models: [Int: String]

    /// Features that are known already; tests bring their own.
    public init(flags: [Int: Set<String>], models: [Int: String] = [:]) {
        self.flags = flags
        self.models = models
    }

    /// Takes the text of `/proc/cpuinfo` apart.
    public init(parsing text: String) {
        self.init(flags: [:])
        var cpu = -1
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].prefix(while: { $0 != "\t" && $0 != " " }) {
            case "processor": cpu = Int(value) ?? -1
            case "flags": flags[cpu] = Set(value.split(separator: " ").map(String.init))
            case "model" where parts[0].hasPrefix("model name"): models[cpu] = String(value)
            default: break
            }
        }
    }

    /// Reads what the kernel of this machine says.
    public static func read(path: String = "/proc/cpuinfo") -> CPUFeatures {
        // 2 KiB a CPU, 8192 of them at most.
        CPUFeatures(parsing: SmallFile.read(path, limit: 16 << 20) ?? "")
    }
}

/// A level of the x86-64 ABI: the extensions that a program was compiled for.
public enum ProcessorLevel: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    case v3, v4

    /// The higher level has all that the lower one has.
    public static func < (left: ProcessorLevel, right: ProcessorLevel) -> Bool {
        left.rawValue < right.rawValue
    }

    /// What the compiler calls it: `-march`.
    public var march: String { "x86-64-\(rawValue)" }

    /// The extensions of the level, those of lower ones included: the kernel's name and the usual one.
    public var extensions: [(flag: String, name: String)] {
        switch self {
        case .v3: Self.v3Extensions
        case .v4: Self.v3Extensions + Self.v4Extensions
        }
    }

    /// The extensions that a CPU lacks, by their usual names.
    public func missing(from flags: Set<String>) -> [String] {
        extensions.filter { !flags.contains($0.flag) }.map(\.name)
    }

    private static let v3Extensions: [(flag: String, name: String)] = [
        ("pni", "SSE3"), ("ssse3", "SSSE3"), ("cx16", "CMPXCHG16B"), ("sse4_1", "SSE4.1"),
        ("sse4_2", "SSE4.2"), ("popcnt", "POPCNT"), ("avx", "AVX"), ("avx2", "AVX2"),
        ("bmi1", "BMI1"), ("bmi2", "BMI2"), ("f16c", "F16C"), ("fma", "FMA"), ("abm", "LZCNT"),
        ("movbe", "MOVBE"), ("xsave", "XSAVE"),
    ]

    private static let v4Extensions: [(flag: String, name: String)] = [
        ("avx512f", "AVX512F"), ("avx512bw", "AVX512BW"), ("avx512cd", "AVX512CD"),
        ("avx512dq", "AVX512DQ"), ("avx512vl", "AVX512VL"),
    ]
}
