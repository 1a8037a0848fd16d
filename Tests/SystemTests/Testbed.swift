import TestSupport

/// Two NUMA nodes with two TAP ports each, and behind every port a host in a namespace of its own.
///
///     left0, left1    10.10.0.2, 10.10.1.2    ports of node 0
///     right0, right1  10.10.2.2, 10.10.3.2    ports of node 1
///
/// Each port's own address ends in `.1`, and is its host's default gateway.
struct Testbed: Sendable {
    /// A host and the port that it is on.
    struct Host: Sendable {
        /// The port's name in commands.
        var port: String
        /// The TAP interface's name in the namespace.
        var tap: String
        var address: String
        var gateway: String
        var namespace: NetworkNamespace
    }

    let dataplane: LiveDataplane
    let left: [Host]
    let right: [Host]

    static let ports = ["left0", "left1", "right0", "right1"]

    /// Starts it, configures addresses, runs a body and stops everything.
    ///
    /// `restart` is the topology file's, in YAML's flow form; `spare` says whether each node has a warm
    /// spare; `startup` are lines of the startup file.
    static func run(
        restart: String = "{}",
        spare: Bool = false,
        startup: String = "",
        _ body: (Testbed) async throws -> Void
    ) async throws {
        let instance = LiveDataplane.freshName()
        do {
            try await LiveDataplane.run(
                instance: instance,
                topology: topology(instance: instance, restart: restart, spare: spare),
                startup: startup
            ) { dataplane in
                let hosts = try await addHosts(to: dataplane)
                let testbed = Testbed(
                    dataplane: dataplane,
                    left: Array(hosts[..<2]),
                    right: Array(hosts[2...])
                )
                try await body(testbed)
            }
        } catch {
            await removeNamespaces(instance)
            throw error
        }
        await removeNamespaces(instance)
    }

    /// A topology of two virtual nodes on the first two CPUs that may be used.
    static func topology(
        instance: String,
        restart: String = "{}",
        spare: Bool = false
    ) -> String {
        let cpus = Machine.cpus
        let nodes = (0..<2).map { node in
            """
              - node: \(node)
                virtual-of: 0
                lanes: [\(cpus[node])]
                control-cpu: \(cpus[node])
                ports:
                  - {name: \(ports[2 * node]), tap: \(tap(instance, 2 * node))}
                  - {name: \(ports[2 * node + 1]), tap: \(tap(instance, 2 * node + 1))}
            """
        }
        return """
            schema: 1
            defaults:
              heap: 192M
              buffers: 8192
              restart: \(restart)
              spare: \(spare ? "yes" : "no")
            nodes:
            \(nodes.joined(separator: "\n"))

            """
    }

    private static func tap(_ instance: String, _ index: Int) -> String { "\(instance)t\(index)" }

    static func addHosts(to dataplane: LiveDataplane) async throws -> [Host] {
        var hosts: [Host] = []
        for (index, port) in ports.enumerated() {
            try await dataplane.configure(
                "set interface state \(port) up",
                "set interface ip address \(port) 10.10.\(index).1/24"
            )
            let namespace = try await NetworkNamespace(making: "\(dataplane.instance)-\(port)")
            let host = Host(
                port: port,
                tap: tap(dataplane.instance, index),
                address: "10.10.\(index).2",
                gateway: "10.10.\(index).1",
                namespace: namespace
            )
            try await namespace.adopt(
                interface: host.tap,
                address: "\(host.address)/24",
                gateway: host.gateway
            )
            hosts.append(host)
        }
        // What the kernel sent by itself before the interfaces were up has been dropped, and counted.
        try await dataplane.configure("clear errors")
        return hosts
    }

    static func removeNamespaces(_ instance: String) async {
        for port in ports { await NetworkNamespace.remove("\(instance)-\(port)") }
    }
}

extension Testbed.Host {
    /// Pings an address and waits for the count.
    ///
    /// `ping` leaves two round trips after its last request (RFC 792's echo has no other end), so on
    /// a busy machine it may not see answers that came: those that the kernel counted are added.
    func ping(_ address: String, count: Int, everySeconds interval: Double = 0.002) async throws
        -> PingReport
    {
        let before = try await echoReplies()
        let result = try await namespace.run(
            "ping",
            "-q",
            "-i",
            "\(interval)",
            "-c",
            "\(count)",
            "-W",
            "2",
            address,
            withinSeconds: Double(count) * interval * 5 + 30
        )
        return try await completed(PingReport(result.output), since: before)
    }

    /// Adds the answers that came when `ping` had ended already; `before` is `echoReplies()` before
    /// the first request.
    func completed(_ report: PingReport, since before: Int) async throws -> PingReport {
        guard report.received > 0, report.received < report.sent else { return report }
        var report = report
        let (seen, sent) = (report.received, report.sent)
        _ = await eventually(withinSeconds: 2, everyMilliseconds: 50) {
            let answers = (try? await echoReplies()).map { $0 - before } ?? 0
            report.received = min(sent, max(seen, answers))
            return report.received == sent
        }
        return report
    }

    /// Echo replies that the host's kernel has received.
    func echoReplies() async throws -> Int { try await protocolCounter("Icmp", "InEchoReps") }

    /// Datagrams that found their socket's buffer full, because the program was not let run.
    func socketOverflow() async throws -> Int { try await protocolCounter("Udp", "RcvbufErrors") }

    /// A counter of the host's kernel, by its protocol and its name in `/proc/net/snmp`.
    private func protocolCounter(_ name: String, _ counter: String) async throws -> Int {
        let lines = try await namespace.runSucceeding("cat", "/proc/net/snmp").split(
            separator: "\n"
        )
        .filter { $0.hasPrefix("\(name): ") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let column = lines[0].firstIndex(where: { $0 == counter }) else {
            return 0
        }
        return Int(lines[1][column]) ?? 0
    }

    /// What the kernel counted on the host's interface.
    func kernelCounters() async throws -> (sent: Int, received: Int) {
        let text = try await namespace.runSucceeding(
            "ip",
            "-json",
            "-stats",
            "link",
            "show",
            "dev",
            tap
        )
        let counters = try JSONValue(parsing: text).elements.first?["stats64"] ?? .null
        return (counters["tx"]["packets"].int ?? -1, counters["rx"]["packets"].int ?? -1)
    }
}

extension Testbed {
    /// Two virtual nodes with ports that lead nowhere.
    static func loopless(_ instance: String) -> String {
        let nodes = (0..<2).map { node in
            """
              - node: \(node)
                virtual-of: 0
                lanes: [\(Machine.cpus[node])]
                control-cpu: \(Machine.cpus[node])
                ports:
                  - {name: in\(node), null: yes}
                  - {name: out\(node), null: yes}
            """
        }
        return """
            schema: 1
            defaults: {heap: 128M, buffers: 8192}
            nodes:
            \(nodes.joined(separator: "\n"))

            """
    }
}
