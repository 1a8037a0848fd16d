import Foundation

/// Bytes to the socket for metrics of a running supervisor, each text on a connection of its own.
///
/// After a text comes a request for health, so that the server answers whatever it made of the text; a text that
/// swallows that request gets no answer, and its connection is closed at once.
struct MetricsTarget: FuzzTarget {
    let name = "metrics"
    let corpus = "requests.txt"
    let words = [
        "GET ", "HEAD ", "POST ", "/metrics", "/v1/health", "/v1/health/ready", "?x=1", "%2F", "%",
        " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", "\r\n", "\r\n\r\n", "Host: x\r\n", "Accept: ",
        "application/openmetrics-text", ";q=0.5", "*/*", "Content-Length: 5\r\n",
        "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n",
        "5\r\nhello\r\n",
        "0\r\n\r\n", "Expect: 100-continue\r\n", "Connection: close\r\n", "Upgrade: h2c\r\n",
        "Range: bytes=0-1\r\n",
        "If-Match: \"1\"\r\n", "//", "../", "\u{0}", "\u{85}",
    ]
    let process: Int32
    private let path: String

    private static let health = "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    private static let plain = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    /// How long an answer may take before the text counts as one without, in milliseconds.
    private static let patience: Int32 = 5
    /// Every so many texts a request that must be answered well.
    private static let interval = 500
    private let counter = Counter()

    private final class Counter: Sendable {
        nonisolated(unsafe) var texts = 0
    }

    /// Reaches a server.
    ///
    /// - Parameter path: of its socket; nil if nobody answers there.
    init?(socket path: String) {
        self.path = path
        let descriptor = Self.connect(path)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // A struct ucred: pid, uid, gid.
        var peer: [UInt32] = [0, 0, 0]
        var length = socklen_t(12)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 else {
            return nil
        }
        process = Int32(bitPattern: peer[0])
    }

    func seed(_ line: String) -> [UInt8] {
        Array(line.replacing("\\r", with: "\r").replacing("\\n", with: "\n").utf8)
    }

    func examine(_ text: [UInt8]) async throws(FuzzFault) -> String {
        counter.texts += 1
        if counter.texts % Self.interval == 0 {
            let answer = try ask(Array(Self.plain.utf8), within: 8000)
            guard answer.starts(with: "HTTP/1.1 200 "), answer.contains("causeway_uptime_seconds")
            else {
                throw FuzzFault(
                    description: "metrics are not served any more: \(answer.prefix(200))"
                )
            }
        }
        let answer = try ask(text + Array(Self.health.utf8), within: Self.patience)
        return try Self.outcome(of: answer)
    }

    /// The statuses of an answer, which may be several answers.
    private static func outcome(of answer: String) throws(FuzzFault) -> String {
        guard answer.isEmpty || answer.hasPrefix("HTTP/1.1 ") else {
            throw FuzzFault(description: "no answer of HTTP: \(answer.prefix(200))")
        }
        let statuses = answer.split(separator: "HTTP/1.1 ").map { $0.prefix(3) }
        guard
            statuses.allSatisfy({
                ("200"..<"500").contains(String($0)) || $0 == "503" || $0 == "501"
            })
        else {
            throw FuzzFault(description: "a fault of the server: \(answer.prefix(500))")
        }
        return statuses.joined(separator: " ")
    }

    /// Sends bytes and takes what comes until the server closes, or nothing came for as long as said.
    private func ask(_ bytes: [UInt8], within milliseconds: Int32) throws(FuzzFault) -> String {
        let descriptor = Self.connect(path)
        guard descriptor >= 0 else {
            throw FuzzFault(description: "nobody accepts connections (errno \(errno))")
        }
        defer { close(descriptor) }
        // What a server that has closed does not take is its matter.
        _ = bytes.withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, milliseconds) == 1 else { break }
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            answer += buffer[0..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// A client's socket; -1: it could not be connected.
    private static func connect(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if status == 0 { return descriptor }
        close(descriptor)
        return -1
    }
}
