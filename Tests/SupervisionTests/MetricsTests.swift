import CausewayConfiguration
import ControlProtocol
import Coordination
import Foundation
import Logging
import Testing

@testable import Supervision

@Suite struct MetricsTests {
    private func text(_ families: [MetricFamily], _ format: MetricsText.Format) -> String {
        String(decoding: MetricsText.bytes(of: families, as: format), as: UTF8.self)
    }

    @Test func writesBothForms() {
        let families = [
            MetricFamily(
                "lane_slept_seconds",
                .counter,
                "How long \"it\" slept",
                [.init(labels: [.init("node", 0), .init("lane", 1)], value: .fraction(0.25))]
            ),
            MetricFamily(
                "build",
                .info,
                "Version",
                [.init(labels: [.init("version", "1")], value: .whole(1))]
            ),
            MetricFamily("nothing", .gauge, "Is left out", []),
        ]
        #expect(
            text(families, .openMetrics) == """
                # TYPE causeway_lane_slept_seconds counter
                # UNIT causeway_lane_slept_seconds seconds
                # HELP causeway_lane_slept_seconds How long \\"it\\" slept
                causeway_lane_slept_seconds_total{node="0",lane="1"} 0.25
                # TYPE causeway_build info
                # HELP causeway_build Version
                causeway_build_info{version="1"} 1
                # EOF

                """
        )
        #expect(
            text(families, .prometheus) == """
                # HELP causeway_lane_slept_seconds_total How long \\"it\\" slept
                # TYPE causeway_lane_slept_seconds_total counter
                causeway_lane_slept_seconds_total{node="0",lane="1"} 0.25
                # HELP causeway_build_info Version
                # TYPE causeway_build_info gauge
                causeway_build_info{version="1"} 1

                """
        )
    }

    @Test func escapesLabels() {
        let family = MetricFamily(
            "x",
            .gauge,
            "h",
            [.init(labels: [.init("reason", "a\"b\\c\nd")], value: .whole(3))]
        )
        #expect(text([family], .prometheus).contains(#"causeway_x{reason="a\"b\\c\nd"} 3"#))
    }

    @Test(
        arguments: [
            (nil, false), ("text/plain", false), ("*/*", false),
            ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", true),
            ("text/plain;q=0.9 , Application/OpenMetrics-Text;q=0.8", true),
            ("application/openmetrics-text;q=0", false),
        ] as [(String?, Bool)]
    )
    func choosesTheFormThatIsAskedFor(accept: String?, isOpen: Bool) {
        #expect((MetricsText.Format(accept: accept) == .openMetrics) == isOpen)
    }

    @Test func countsWhatTheSegmentsSay() async throws {
        let dataplane = try FakeDataplane()
        let lane = dataplane.segments[0].lane(1)
        lane.interface(1)[LaneBlock.InterfaceWord.rxPackets.rawValue] = 12_345
        lane.errors[1] = 7
        lane.node(2)[LaneBlock.NodeWord.vectors.rawValue] = 99
        lane.peer(2)[LaneBlock.PeerWord.packets.rawValue] = 41
        let lines = text(await dataplane.metrics(), .openMetrics).split(separator: "\n")
        for line in [
            #"causeway_interface_receive_packets_total{node="0",lane="1",interface="tap0"} 12345"#,
            #"causeway_interface_receive_packets_total{node="0",lane="0",interface="tap0"} 0"#,
            #"causeway_error_packets_total{node="0",graph_node="ip4-input",reason="ip4 ttl <= 1",severity="error"} 7"#,
            #"causeway_graph_node_packets_total{node="0",lane="1",graph_node="ip4-lookup"} 99"#,
            #"causeway_handoff_packets_total{from_node="0",from_lane="1",to_node="1",to_lane="0"} 41"#,
            #"causeway_interface_up{node="0",interface="tap0"} 1"#,
            #"causeway_interface_up{node="1",interface="tap1"} 0"#,
            #"causeway_buffers_available{node="1"} 16000"#,
        ] {
            #expect(lines.contains { $0 == line }, "\(line)")
        }
        // A port of the other node shows up only where it counted something.
        #expect(!lines.contains { $0.contains(#"node="1",lane="0",interface="tap0""#) })
        // Each family once, with its type before its samples.
        let types = lines.filter { $0.hasPrefix("# TYPE ") }
        #expect(Set(types).count == types.count)
        #expect(lines.last == "# EOF")
    }

    @Test func healthNamesWhatIsWrong() {
        func status(
            _ number: Int,
            worker: Int32?,
            keeper: Int32? = 5,
            reason: String = ""
        ) -> NodeStatus {
            NodeStatus(
                number: number,
                keeperPID: keeper,
                keeperState: .forwarding,
                workerPID: worker,
                workerState: worker == nil ? .stopped : .forwarding,
                incarnation: 1,
                restarts: 0,
                reason: reason,
                changeNumber: 0,
                segment: nil,
                baseline: CounterBaseline()
            )
        }
        #expect(status(0, worker: 1).reasons(hasSpare: false).isEmpty)
        #expect(status(0, worker: 1).reasons(hasSpare: true).map(\.id) == ["spare-missing"])
        #expect(
            status(1, worker: nil, reason: "died too often").reasons(hasSpare: false) == [
                .init(id: "node-down", numaNode: 1, text: "node 1: died too often")
            ]
        )
        #expect(
            status(1, worker: 1, keeper: nil).reasons(hasSpare: false).map(\.id) == ["keeper-dead"]
        )
        #expect(
            status(1, worker: 1, reason: "slow").reasons(hasSpare: false).map(\.id) == [
                "node-degraded"
            ]
        )
    }

    @Test func aTCPPortServesOnlyWhatCannotChangeAnything() async throws {
        let dataplane = try FakeDataplane()
        let server = MetricsServer(
            dataplane: dataplane,
            address: .tcp(host: "127.0.0.1", port: 0),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { number in
                    port.yield(number ?? 0)
                    port.finish()
                }
            }
            for await number in ports {
                let base = "http://127.0.0.1:\(number)"
                let metrics = try await Self.get(base + "/metrics")
                #expect(metrics.status == 200)
                #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
                #expect(metrics.text.contains("causeway_node_up{node=\"0\"}"))
                #expect(try await Self.get(base + "/v1/health/alive").status == 200)
                let health = try await Self.get(base + "/v1/health/degraded")
                #expect([200, 503].contains(health.status))
                #expect(try await Self.get(base + "/v1/show/version").status == 404)
                #expect(try await Self.get(base + "/v1/cli", body: "{}").status == 404)
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func get(
        _ address: String,
        body: String? = nil
    ) async throws -> (status: Int, type: String, text: String) {
        var words = ["-s", "-o", "-", "-w", "\n%{http_code}\n%{content_type}", address]
        if let body { words += ["-d", body] }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = words
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        var lines = String(decoding: data, as: UTF8.self).components(separatedBy: "\n")
        let type = lines.removeLast()
        let status = Int(lines.removeLast()) ?? 0
        return (status, type, lines.joined(separator: "\n"))
    }
}
