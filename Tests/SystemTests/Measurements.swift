import TestSupport

/// What `ping -q` counted.
struct PingReport: Hashable {
    var sent = 0
    var received = 0
    var duplicates = 0
    var errors = 0

    init(_ text: String) {
        // "500 packets transmitted, 499 received, +1 duplicates, +1 errors, 0.2% packet loss, time
        // 1022ms"
        guard
            let line = text.split(separator: "\n").first(where: {
                $0.contains(" packets transmitted")
            })
        else { return }
        for part in line.split(separator: ",") {
            let words = part.split(separator: " ")
            guard words.count >= 2, let count = Int(words[0].drop { $0 == "+" }) else { continue }
            switch words.last {
            case "transmitted": sent = count
            case "received": received = count
            case "duplicates": duplicates = count
            case "errors": errors = count
            default: break
            }
        }
    }

    /// Every packet sent was answered once.
    static func complete(_ count: Int) -> PingReport {
        var report = PingReport("")
        report.sent = count
        report.received = count
        return report
    }
}

/// What `iperf3 -J` measured.
struct StreamReport {
    let json: JSONValue

    /// Runs a server on one host and a client on another.
    ///
    /// - Parameters:
    ///   - client: sends, unless the options say otherwise.
    ///   - server: where the server runs.
    ///   - seconds: how long.
    ///   - options: of the client.
    /// - Throws: `CommandError`, or for an output that is no JSON.
    init(from client: Testbed.Host, to server: Testbed.Host, seconds: Int, options: [String])
        async throws
    {
        let serving = try server.namespace.start("iperf3", "-s", "-1")
        defer { serving.signal(15) }
        _ = await eventually(withinSeconds: 10) {
            let text = try? await server.namespace.runSucceeding("ss", "-Hltn", "sport = :5201")
            return text?.isEmpty == false
        }
        let words =
            [
                "ip", "netns", "exec", client.namespace.name, "iperf3", "-J", "-i", "1", "-t",
                "\(seconds)",
            ]
            + options + ["-c", server.address]
        json = try JSONValue(
            parsing: await TestSupport.run(words, withinSeconds: Double(seconds) + 60).output
        )
    }

    var error: String? { json["error"].string }

    /// Bits a second that arrived, there and, with `--bidir`, back.
    var rates: [Double] {
        ["sum_received", "sum_received_bidir_reverse", "sum"].compactMap {
            json["end"][$0]["bits_per_second"].double
        }
    }

    /// Bytes of every second, for each direction.
    var bytesEachSecond: [[Int]] {
        ["sum", "sum_bidir_reverse"].map { direction in
            json["intervals"].elements.compactMap { $0[direction]["bytes"].int }
        }.filter { !$0.isEmpty }
    }

    /// Datagrams lost and sent.
    var datagrams: (lost: Int, sent: Int)? {
        let sum = json["end"]["sum"]
        guard let lost = sum["lost_packets"].int, let sent = sum["packets"].int else { return nil }
        return (lost, sent)
    }
}

extension LiveDataplane {
    /// Waits until all workers have acknowledged the last change.
    func waitUntilEveryNodeHasEveryChange() async throws {
        let haveAll = await eventually(withinSeconds: 10) {
            guard let view = try? await show("nodes") else { return false }
            return view["nodes"].elements.allSatisfy { $0["change"] == view["change"] }
        }
        guard haveAll else { throw LiveDataplaneError.didNotForward(log: log) }
    }

    /// An interface's counters, by their names in `show interface`.
    func interfaceCounters(_ port: String) async throws -> JSONValue {
        try await show("interface")["interfaces"].elements.first { $0["name"].string == port }?[
            "counters"
        ] ?? .null
    }

    /// Packets handed from one NUMA node to another, and those that arrived, over all lanes.
    func handedOver(from: Int, to: Int) async throws -> (sent: Int, received: Int, dropped: Int) {
        let rings = try await show("handoff")["rings"].elements.filter {
            $0["fromNode"].int == from && $0["toNode"].int == to
        }
        func sum(_ key: String) -> Int { rings.compactMap { $0[key].int }.reduce(0, +) }
        return (sum("packets"), sum("received"), sum("fullDrops") + sum("downDrops"))
    }

    /// Drops by `graph-node: reason`; what graph nodes count beside drops, such as replies sent, is
    /// left out.
    func allDrops() async throws -> [String: Int] {
        let errors = try await show("errors")["errors"].elements.filter {
            $0["severity"].string == "error"
        }
        let counts = errors.compactMap { error -> (String, Int)? in
            guard let node = error["node"].string, let reason = error["reason"].string,
                let count = error["count"].int
            else { return nil }
            return ("\(node): \(reason)", count)
        }
        return Dictionary(counts, uniquingKeysWith: +)
    }
}
