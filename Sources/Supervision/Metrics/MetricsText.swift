/// Metrics as text: OpenMetrics 1.0, or the older form that Prometheus calls 0.0.4.
///
/// A client library keeps counters of its own and writes those; ours lie in the workers' memory and are read
/// for each request, so the few lines that write them are here.
struct MetricsText {
    /// How the text is written.
    enum Format: Sendable {
        case openMetrics, prometheus

        /// The form that a request's `Accept` asks for; Prometheus's, which everybody reads, unless that names the
        /// other one.
        init(accept: String?) {
            let isNamed = accept?.split(separator: ",").contains { part in
                let fields = part.split(separator: ";").map { $0.trimmed.lowercased() }
                return fields.first == "application/openmetrics-text" && !fields.contains("q=0")
            }
            self = isNamed == true ? .openMetrics : .prometheus
        }

        var contentType: String {
            switch self {
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    private static let prefix = "causeway_"
    /// Units that a family's name may end with.
    private static let units = ["seconds", "bytes", "ratio"]

    private let format: Format
    private var text = ""

    /// Writes families, those without samples left out.
    static func bytes(of families: [MetricFamily], as format: Format) -> [UInt8] {
        var writer = MetricsText(format: format)
        for family in families where !family.samples.isEmpty { writer.add(family) }
        if format == .openMetrics { writer.text += "# EOF\n" }
        return Array(writer.text.utf8)
    }

    private init(format: Format) { self.format = format }

    private mutating func add(_ family: MetricFamily) {
        let name = Self.prefix + family.name
        let suffix =
            switch family.kind {
            case .counter: "_total"
            case .info: "_info"
            case .gauge, .summary: ""
            }
        switch format {
        case .openMetrics:
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            if let unit = Self.units.first(where: { family.name.hasSuffix("_" + $0) }) {
                text += "# UNIT \(name) \(unit)\n"
            }
            text += "# HELP \(name) \(Self.escaped(family.help))\n"
        case .prometheus:
            let kind = family.kind == .info ? .gauge : family.kind
            text += "# HELP \(name)\(suffix) \(Self.escaped(family.help))\n"
            text += "# TYPE \(name)\(suffix) \(kind.rawValue)\n"
        }
        for sample in family.samples {
            text += name + suffix + sample.suffix
            if !sample.labels.isEmpty {
                let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
                text += "{" + labels.joined(separator: ",") + "}"
            }
            text += " \(sample.value)\n"
        }
    }

    /// Backslashes, quotes and ends of lines, as both forms want them in labels and help.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else {
            return text
        }
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var rest = self.drop { $0 == " " || $0 == "\t" }
        while rest.last == " " || rest.last == "\t" { rest = rest.dropLast() }
        return rest
    }
}
