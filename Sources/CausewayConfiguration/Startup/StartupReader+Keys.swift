internal import Coordination

/// The vocabulary at the top of a startup file: Causeway's own words, and VPP's that do nothing here.
extension StartupReader {
    static let topKeys: [Key] =
        [
            .block("unix", of: unixKeys),
            .block("logging", of: loggingKeys),
            .block("cpu", of: cpuKeys),
            pollingSection, barrierSection, .block("lanes", of: hangKeys),
            .block("memory", of: memoryKeys),
            .block("buffers", of: bufferKeys),
            Key(
                name: "dpdk",
                shape: .block,
                meaning: .apply { reader, value in
                    reader.configuration.placement.takesFreeDevices = true
                    reader.read(value.block ?? [], in: "dpdk", keys: dpdkKeys)
                },
                countsOnce: false
            ),
            .block("plugins", of: pluginKeys),
            .block("node", of: nodeKeys),
            .block("vlib", of: vlibKeys),
            .block("statseg", of: statisticsKeys),
            .block("metrics", of: metricsKeys),
            .block("api-trace", of: commandTraceKeys),
            .block("api-segment", of: apiSegmentKeys),
            .block("socksvr", of: socketServerKeys),
            .text("topology", \.topologyPath),
            .value("journal") { reader, value in
                guard ["on", "off"].contains(value.word) else {
                    return reader.refuse(value, "write on or off")
                }
                reader.configuration.hasNoJournal = value.word == "off"
            },
            .text("node-executable", \.nodeExecutablePath),
            .value("instance") { reader, value in
                // It becomes part of folder names, DPDK's file prefix and interface descriptions.
                guard value.word.utf8.count <= 32, value.word.first?.isLetter == true,
                    value.word.allSatisfy({
                        $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0))
                    })
                else {
                    reader.refuse(
                        value,
                        "use at most 32 letters, digits, - and _, a letter first"
                    )
                    return
                }
                reader.configuration.instance = value.word
            },
            .value("seed") { reader, value in
                guard let seed = UInt64(value.word), seed > 0 else {
                    return reader.refuse(value, "write a number from 1 on")
                }
                reader.configuration.lanes.seed = seed
            },
            .integer("main-core", in: 0...4095) { $0.configuration.placement.mainCore = $1 },
            heapSizeKey,
            .value("plugin_path") { reader, value in reader.setPluginPath(value.word) },
        ]
        + Key.withoutMeaning(["test_plugin_path"], .value, "there is no VPP API test program here")
        + Key.withoutMeaning(
            ["api-queue"],
            .block,
            "a connection's queue is its socket's buffer, and who is too slow waits"
        )
        + Key.withoutMeaning(vppSections, .block)

    private static let vppSections = [
        "acl-plugin", "af_packet", "avf", "bond", "buffer", "cj", "crypto-engines", "dev",
        "devices", "dhcp", "dma", "dns", "dpdk-crypto", "ethernet", "flowprobe", "host-interface",
        "http", "igmp", "ikev2", "interface", "ip", "ip6", "ip4", "ipsec", "ipfix", "l2fib",
        "l2learn", "l2tp", "l3fib", "lb", "linux-cp", "linux-nl", "lldp", "logging-test", "map",
        "memif", "mpls", "mss_clamp", "nat", "nat44", "nat64", "nsim", "oam", "perfmon", "physmem",
        "ping", "policer", "prom", "punt", "quic", "session", "snort", "span", "srtp", "tapcli",
        "tap-inject", "tcp", "tls", "trace", "translate", "tuntap", "udp", "urpf", "vcl",
        "vhost-user", "virtio", "vmxnet3", "vrrp", "wireguard",
    ]

    private static let vlibKeys: [Key] =
        [
            .integer("elog-events", in: EventLog.minimumEvents...EventLog.maximumEvents) {
                $0.configuration.eventLogEvents = $1.value
            }
        ]
        // The log of a worker that dies is always kept.
        + Key.always(["elog-post-mortem-dump"])
        + Key.withoutMeaning(
            ["buffer-alloc-success-rate", "buffer-alloc-success-seed"],
            .value,
            "packet buffers are DPDK's, which are not made to fail"
        )
        + Key.withoutMeaning(["memory-trace"], .flag, "allocations are not traced")

    private static let apiSegmentKeys: [Key] =
        [
            .value("gid") { reader, value in
                // The rights that VPP gives to its API; those to the command line win.
                if reader.configuration.group == nil { reader.configuration.group = value.word }
            }
        ]
        + Key.withoutMeaning(
            ["uid", "prefix", "baseva", "global-size", "api-size", "global-pvt-heap-size"]
                + ["api-pvt-heap-size"],
            .value,
            "there is no API in shared memory: the control socket serves it"
        )

    private static let socketServerKeys: [Key] =
        Key.always(["default"])
        + Key.withoutMeaning(
            ["socket-name"],
            .value,
            "one socket serves commands and API: set it with `unix { cli-listen PATH }`"
        )
}
