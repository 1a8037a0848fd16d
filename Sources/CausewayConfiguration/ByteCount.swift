/// Reads and writes sizes as operators write them.
public enum ByteCount {
    private static let units: [(suffix: Character, shift: Int)] = [
        ("K", 10), ("M", 20), ("G", 30), ("T", 40),
    ]

    /// Bytes of a text such as `192M`, `2G` or `4096`; nil for anything else and beyond 2^62.
    ///
    /// Suffixes are powers of 1024, in either case, with or without a trailing `B` or `iB`.
    public static func parse(_ text: some StringProtocol) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits) else { return nil }
        var suffix = text[digits.endIndex...].uppercased()
        if suffix.hasSuffix("IB") {
            suffix.removeLast(2)
        } else if suffix.hasSuffix("B") {
            suffix.removeLast()
        }
        if suffix.isEmpty { return count <= 1 << 62 ? count : nil }
        guard suffix.count == 1, let unit = units.first(where: { suffix == String($0.suffix) })
        else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << unit.shift)
        return overflow || bytes > 1 << 62 ? nil : bytes
    }

    /// The shortest exact notation, such as `192M`.
    public static func format(_ bytes: Int) -> String {
        guard bytes > 0 else { return "\(bytes)" }
        for unit in units.reversed() where bytes % (1 << unit.shift) == 0 {
            return "\(bytes >> unit.shift)\(unit.suffix)"
        }
        return "\(bytes)"
    }

    /// A rounded notation for reading, such as `188.6G`.
    public static func approximate(_ bytes: Int) -> String {
        guard let unit = units.last(where: { bytes >= 1 << $0.shift }) else { return "\(bytes)" }
        let tenths = Int((Double(bytes) / Double(1 << unit.shift) * 10).rounded())
        return tenths % 10 == 0
            ? "\(tenths / 10)\(unit.suffix)" : "\(tenths / 10).\(tenths % 10)\(unit.suffix)"
    }
}

extension Int {
    /// The next multiple of `unit` at or above this.
    func roundedUp(toMultipleOf unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
