/// Where metrics and health are served to those who only watch.
public struct MetricsSettings: Hashable, Sendable {
    /// A TCP address.
    public struct Listener: Hashable, Sendable {
        /// An address of the loopback interface, without brackets.
        public var host: String
        /// The TCP port, 1...65535.
        public var port: Int
    }

    /// `listen ADDRESS:PORT`; nil: no TCP.
    public var listener: Listener?
    /// `socket PATH`; nil: `metrics.sock` in the runtime directory.
    public var socketPath: String?
    /// `socket off`.
    public var hasNoSocket = false

    /// A socket, no TCP.
    public init() {}
}

extension StartupConfiguration {
    /// The unix socket of metrics; nil: none.
    public var metricsSocketPath: String? {
        metrics.hasNoSocket ? nil : metrics.socketPath ?? runtimeFolder + "/metrics.sock"
    }
}

/// The vocabulary of `metrics { ... }`.
extension StartupReader {
    static let metricsKeys: [Key] = [
        .value("listen") { reader, value in
            guard let listener = MetricsSettings.Listener(value.word) else {
                return reader.refuse(
                    value,
                    "write a loopback address and a port, such as 127.0.0.1:9482 or [::1]:9482: whoever reaches it "
                        + "may read everything; other machines go through a proxy that asks who they are"
                )
            }
            reader.configuration.metrics.listener = listener
        },
        .value("socket") { reader, value in
            if value.word == "off" {
                reader.configuration.metrics.hasNoSocket = true
            } else if value.word.hasPrefix("/") {
                reader.configuration.metrics.socketPath = value.word
            } else {
                reader.refuse(value, "write off, or a path from the root")
            }
        },
    ]
}

extension MetricsSettings.Listener {
    /// Reads `127.0.0.1:9482` or `[::1]:9482`; nil for anything else than a loopback address and a port.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        let address = text[..<colon]
        if address == "[::1]" {
            host = "::1"
        } else if address == "localhost" {
            host = "127.0.0.1"
        } else {
            let parts = address.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0] == "127",
                parts.allSatisfy({ UInt8($0) != nil && !$0.hasPrefix("+") })
            else { return nil }
            host = String(address)
        }
        self.port = port
    }
}
