internal import CausewayConfiguration
internal import ControlProtocol
internal import Coordination

/// The metrics of NUMA nodes: processes, lanes, interfaces, graph nodes, handoff, memory.
struct NodeMetrics {
    typealias Label = MetricFamily.Label
    typealias Sample = MetricFamily.Sample

    let readings: [NodeReading]
    let interfaces: [InterfaceRecord]

    init(_ view: DataplaneView) {
        readings = view.readings()
        interfaces = view.interfaces
    }

    /// All of them.
    var families: [MetricFamily] {
        nodes + memory + lanes + ports + graphNodes + [errors] + handoff
    }

    private func perNode(
        _ name: String,
        _ kind: MetricFamily.Kind,
        _ help: String,
        _ value: (NodeReading) -> UInt64?
    ) -> MetricFamily {
        MetricFamily(
            name,
            kind,
            help,
            readings.compactMap { reading in
                value(reading).map { Sample(labels: [reading.label], value: .whole($0)) }
            }
        )
    }

    private var nodes: [MetricFamily] {
        [
            perNode("node_up", .gauge, "Whether the NUMA node forwards") {
                $0.status.forwards ? 1 : 0
            },
            perNode("node_incarnation", .gauge, "The life of the NUMA node's worker, from 1") {
                UInt64($0.status.incarnation)
            },
            perNode("node_restarts", .counter, "Workers that were replaced after their death") {
                UInt64($0.status.restarts)
            },
            perNode("node_spare_ready", .gauge, "Whether a warm spare stands by") {
                guard $0.placement.hasSpare else { return nil }
                return $0.status.sparePID != nil && $0.status.spareState == .ready ? 1 : 0
            },
            perNode("node_change", .gauge, "The last change that the worker acknowledged") {
                $0.status.changeNumber
            },
            perNode("node_messages", .counter, "Messages to the worker's control lane") {
                $0.status.messagesSent
            },
            perNode("node_message_waits", .counter, "Messages that had to wait for room") {
                $0.status.messageWaits
            },
            MetricFamily(
                "process_state",
                .gauge,
                "1 for the state that a process of a NUMA node is in",
                readings.flatMap(\.processStates)
            ),
        ]
    }

    private var memory: [MetricFamily] {
        func word(
            _ name: String,
            _ help: String,
            _ value: @escaping (WorkerSegment) -> UInt64
        ) -> MetricFamily {
            perNode(name, .gauge, help) { $0.status.segment.map(value) }
        }
        return [
            word("buffers", "Packet buffers of the NUMA node's pool") { $0.load(.poolTotal) },
            word("buffers_available", "Packet buffers that are free, caches included") {
                $0.load(.poolAvailable)
            },
            word("heap_bytes", "The worker's heap") { $0.load(.heapTotalBytes) },
            word("heap_used_bytes", "The part of the worker's heap that is in use") {
                $0.load(.heapUsedBytes)
            },
        ]
    }

    private func perLane(
        _ name: String,
        _ kind: MetricFamily.Kind,
        _ help: String,
        _ value: (LaneReading) -> MetricFamily.Value
    ) -> MetricFamily {
        MetricFamily(
            name,
            kind,
            help,
            readings.flatMap { reading in
                reading.lanes.enumerated().map { lane, counts in
                    Sample(labels: [reading.label, Label("lane", lane)], value: value(counts))
                }
            }
        )
    }

    private var lanes: [MetricFamily] {
        func count(_ name: String, _ help: String, _ word: LaneBlock.Word) -> MetricFamily {
            perLane("lane_" + name, .counter, help) { .whole($0.counted(word)) }
        }
        return [
            count("loops", "Turns of the lane's loop", .loops),
            count("busy_loops", "Turns that brought packets", .busyLoops),
            count("sleeps", "How often the lane slept", .sleeps),
            perLane("lane_slept_seconds", .counter, "How long the lane slept") {
                .fraction(Double($0.counted(.sleptMicroseconds)) / 1e6)
            },
            count("wakeups", "Sleeps that another lane or process ended", .wakeups),
            count("device_wakeups", "Sleeps that a device ended", .deviceWakeups),
            count("input_packets", "Packets from ports, generators and rings", .inputVectors),
            count("frames", "Frames given to graph nodes", .internalCalls),
            count("frame_packets", "Packets in frames given to graph nodes", .internalVectors),
            count("buffer_failures", "Packet buffers that could not be had", .bufferFailures),
            count("frame_failures", "Frames that could not be had", .frameFailures),
            count("stale_handoffs", "Packets of dead producers, thrown away", .staleHandoffs),
            perLane("lane_held_packets", .gauge, "Packets that wait for a neighbour") {
                .whole($0[.held])
            },
            perLane("lane_drops", .counter, "Packets dropped, for whatever reason") {
                .whole($0.drops)
            },
        ]
    }

    private var ports: [MetricFamily] {
        func family(
            _ name: String,
            _ help: String,
            _ word: LaneBlock.InterfaceWord
        ) -> MetricFamily {
            MetricFamily(
                "interface_" + name,
                .counter,
                help,
                readings.flatMap { reading in
                    reading.lanes.enumerated().flatMap { lane, counts in
                        interfaces.compactMap { interface -> Sample? in
                            let value = counts.interface(Int(interface.index), word)
                            let isOwn = Int(interface.node) == reading.placement.number
                            guard isOwn || value > 0 else { return nil }
                            let labels = [
                                reading.label, Label("lane", lane),
                                Label("interface", interface.name),
                            ]
                            return Sample(labels: labels, value: .whole(value))
                        }
                    }
                }
            )
        }
        return [
            MetricFamily(
                "interface_up",
                .gauge,
                "Whether the operator set the interface up",
                interfaces.map {
                    Sample(
                        labels: [Label("node", $0.node), Label("interface", $0.name)],
                        value: .whole($0.isUp ? 1 : 0)
                    )
                }
            ),
            family("receive_packets", "Packets received", .rxPackets),
            family("receive_bytes", "Bytes received", .rxBytes),
            family("transmit_packets", "Packets sent", .txPackets),
            family("transmit_bytes", "Bytes sent", .txBytes),
            family("drops", "Packets that came in here and were dropped", .drops),
            family("receive_errors", "Packets that could not be taken", .rxErrors),
            family("transmit_errors", "Packets that the port did not take", .txErrors),
            family("punts", "Packets given to the control lane", .punts),
        ]
    }

    private var graphNodes: [MetricFamily] {
        func family(_ name: String, _ help: String, _ word: LaneBlock.NodeWord) -> MetricFamily {
            MetricFamily(
                "graph_node_" + name,
                .counter,
                help,
                readings.flatMap { reading in
                    reading.lanes.enumerated().flatMap { lane, counts in
                        counts.nodes.indices.map { index in
                            Sample(
                                labels: [
                                    reading.label, Label("lane", lane),
                                    Label("graph_node", reading.graphNodeName(index)),
                                ],
                                value: .whole(counts.node(index, word))
                            )
                        }
                    }
                }
            )
        }
        return [
            family("calls", "Calls of the graph node", .calls),
            family("packets", "Packets that the graph node worked on", .vectors),
            family("clocks", "Ticks of the time-stamp counter spent in it", .clocks),
        ]
    }

    /// By NUMA node, its lanes together: there are many reasons.
    private var errors: MetricFamily {
        MetricFamily(
            "error_packets",
            .counter,
            "Packets that graph nodes dropped (severity error) or noticed (info), by reason",
            readings.flatMap { reading in
                reading.errorNames.enumerated().map { index, error in
                    Sample(
                        labels: [
                            reading.label,
                            Label("graph_node", reading.graphNodeName(error.node)),
                            Label("reason", error.reason),
                            Label("severity", error.isInformation ? "info" : "error"),
                        ],
                        value: .whole(reading.lanes.reduce(0) { $0 &+ $1.errors[index] })
                    )
                }
            }
        )
    }

    private var handoff: [MetricFamily] {
        let rings = HandoffReport(readings).rings
        func family(
            _ name: String,
            _ help: String,
            _ value: (HandoffReport.Ring) -> UInt64
        ) -> MetricFamily {
            MetricFamily(
                "handoff_" + name,
                .counter,
                help,
                rings.map { ring in
                    Sample(
                        labels: [
                            Label("from_node", ring.fromNode), Label("from_lane", ring.fromLane),
                            Label("to_node", ring.toNode), Label("to_lane", ring.toLane),
                        ],
                        value: .whole(value(ring))
                    )
                }
            )
        }
        return [
            family("packets", "Packets handed to a lane of another NUMA node", \.packets),
            family("cells", "64-byte cells that they took", \.cells),
            family("received", "Packets that the other lane took out", \.received),
            family("full_drops", "Packets dropped because the ring was full", \.fullDrops),
            family("down_drops", "Packets dropped because the peer was down", \.downDrops),
        ]
    }
}

extension NodeReading {
    fileprivate var label: MetricFamily.Label { .init("node", placement.number) }

    fileprivate var processStates: [MetricFamily.Sample] {
        [
            ("keeper", status.keeperPID, status.keeperState),
            ("worker", status.workerPID, status.workerState),
            ("spare", status.sparePID, status.spareState),
        ].compactMap { role, pid, state in
            guard pid != nil else { return nil }
            return MetricFamily.Sample(
                labels: [label, .init("role", role), .init("state", state)],
                value: .whole(1)
            )
        }
    }
}

extension NodeStatus {
    /// Whether the worker runs and its lanes forward.
    var forwards: Bool { workerPID != nil && workerState == .forwarding }
}
