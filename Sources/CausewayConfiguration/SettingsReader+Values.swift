internal import LinuxSystem
internal import Yams

/// Readers of single values; each returns nil after a report.
extension SettingsReader {
    /// A whole number in `range`.
    mutating func integer(
        _ node: Node,
        _ what: String,
        in range: ClosedRange<Int>
    ) -> Located<Int>? {
        guard let text = plainScalar(node), let value = Int(text) else {
            reportType(node, what, expected: "a whole number")
            return nil
        }
        return checked(value, of: node, what, in: range) { "\($0)" }
    }

    /// A size in bytes in `range`.
    mutating func bytes(
        _ node: Node,
        _ what: String,
        in range: ClosedRange<Int>
    ) -> Located<Int>? {
        guard let text = plainScalar(node), let value = ByteCount.parse(text) else {
            reportType(node, what, expected: "a size such as 192M or 2G")
            return nil
        }
        return checked(value, of: node, what, in: range, format: ByteCount.format)
    }

    /// A duration in milliseconds, in `range`.
    mutating func milliseconds(
        _ node: Node,
        _ what: String,
        in range: ClosedRange<Int>
    ) -> Located<Int>? {
        guard let text = plainScalar(node), let value = parseMilliseconds(text) else {
            reportType(node, what, expected: "a duration with its unit, such as 50ms, 5s or 2m")
            return nil
        }
        return checked(value, of: node, what, in: range) {
            $0 % 1000 == 0 ? "\($0 / 1000)s" : "\($0)ms"
        }
    }

    mutating func boolean(_ node: Node, _ what: String) -> Located<Bool>? {
        switch plainScalar(node)?.lowercased() {
        case "yes", "true", "on": return Located(true, at: location(of: node))
        case "no", "false", "off": return Located(false, at: location(of: node))
        default:
            reportType(node, what, expected: "yes or no")
            return nil
        }
    }

    /// One of the raw values of an enumeration.
    mutating func word<Value: RawRepresentable & CaseIterable>(
        _ node: Node,
        _ what: String,
        as type: Value.Type
    ) -> Located<Value>? where Value.RawValue == String {
        if let value = node.scalar.flatMap({ Value(rawValue: $0.string) }) {
            return Located(value, at: location(of: node))
        }
        let words = Value.allCases.map(\.rawValue)
        guard let text = node.scalar?.string else {
            reportType(node, what, expected: "one of \(words.joined(separator: ", "))")
            return nil
        }
        let suggestion = Spelling.suggestion(for: text, among: words)
        report(
            .impossibleValue,
            at: node,
            "\(what) cannot be \"\(text)\"",
            remedy: suggestion.map { "did you mean \"\($0)\"?" }
                ?? "write one of \(words.joined(separator: ", "))",
            suggestion: suggestion
        )
        return nil
    }

    /// A text of one to `limit` bytes without control characters.
    mutating func text(_ node: Node, _ what: String, limit: Int = 4096) -> Located<String>? {
        guard let text = node.scalar?.string, !isNull(node) else {
            reportType(node, what, expected: "a text")
            return nil
        }
        guard (1...limit).contains(text.utf8.count),
            text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
        else {
            report(
                .impossibleValue,
                at: node,
                "\(what) has \(text.utf8.count) bytes, or characters that cannot be printed",
                remedy: "write 1 to \(limit) bytes of printable text"
            )
            return nil
        }
        return Located(text, at: location(of: node))
    }

    /// CPUs as `4`, `0-3,8` or a list of those.
    mutating func cpuList(_ node: Node, _ what: String) -> Located<[Int]>? {
        let parts = node.sequence.map(Array.init) ?? [node]
        var cpus: [Int] = []
        for part in parts {
            guard let text = part.scalar?.string, let set = CPUSet(list: compact(text)) else {
                reportType(part, what, expected: "CPU numbers such as 0-3,8")
                return nil
            }
            for cpu in set.cpus {
                guard !cpus.contains(cpu) else {
                    report(
                        .impossibleValue,
                        at: part,
                        "\(what) names CPU \(cpu) twice",
                        remedy: "keep one"
                    )
                    return nil
                }
                cpus.append(cpu)
            }
        }
        guard !cpus.isEmpty else {
            report(
                .impossibleValue,
                at: node,
                "\(what) is empty",
                remedy: "name a CPU, or leave the key out"
            )
            return nil
        }
        return Located(cpus, at: location(of: node))
    }

    mutating func reportType(_ node: Node, _ what: String, expected: String) {
        report(
            .wrongType,
            at: node,
            "\(what) is \(kind(of: node))",
            remedy: "write \(expected)"
        )
    }

    private mutating func checked(
        _ value: Int,
        of node: Node,
        _ what: String,
        in range: ClosedRange<Int>,
        format: (Int) -> String
    ) -> Located<Int>? {
        guard range.contains(value) else {
            report(
                .impossibleValue,
                at: node,
                "\(what) cannot be \(format(value))",
                remedy: "write \(format(range.lowerBound)) to \(format(range.upperBound))"
            )
            return nil
        }
        return Located(value, at: location(of: node))
    }

    private func plainScalar(_ node: Node) -> String? {
        guard let text = node.scalar?.string, text.utf8.count <= 64 else { return nil }
        return text
    }

    private func compact(_ text: String) -> String {
        String(text.prefix(4096).filter { $0 != " " })
    }
}

/// Milliseconds of a text such as `50ms`, `5s` or `2m`.
private func parseMilliseconds(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let factors = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000]
    guard let count = Int(digits), let factor = factors[String(text[digits.endIndex...])] else {
        return nil
    }
    let (result, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow ? nil : result
}
