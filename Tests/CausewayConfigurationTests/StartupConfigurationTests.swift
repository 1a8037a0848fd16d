import Testing

@testable import CausewayConfiguration

@Suite struct StartupConfigurationTests {
    private func interpret(
        _ text: String
    ) -> (configuration: StartupConfiguration, findings: [Finding]) {
        let (file, findings) = StartupFile.parse(text, path: "s.conf")
        let (configuration, more) = StartupConfiguration.interpret(file, folder: "/etc/causeway/")
        return (configuration, findings + more)
    }

    @Test func readsEveryKey() {
        let (read, findings) = interpret(
            """
            # As a VPP user would bring it.
            unix {
              nodaemon interactive nosyslog nobanner
              log /var/log/causeway.log
              exec "/etc/causeway/first commands"
              runtime-dir /run/cw pidfile /run/cw/pid
              cli-listen /run/cw/cli.sock
              poll-sleep-usec 100 gid vpp
            }
            logging { default-log-level info }
            polling { up 20 down 7 handoff-tail 50 }
            topology two.yaml
            instance east
            node-executable /usr/lib/causeway-node
            """
        )
        #expect(findings.isEmpty)
        var expected = StartupConfiguration()
        expected.nodaemon = true
        expected.interactive = true
        expected.nosyslog = true
        expected.console.hasNoBanner = true
        expected.logPath = "/var/log/causeway.log"
        expected.execPath = "/etc/causeway/first commands"
        expected.runtimeDirectory = "/run/cw"
        expected.pidFile = "/run/cw/pid"
        expected.controlSocket = "/run/cw/cli.sock"
        expected.pollSleepMicroseconds = 100
        expected.polling.up = 20
        expected.polling.down = 7
        expected.polling.handoffTailTurns = 50
        expected.group = "vpp"
        expected.logging.level = .info
        expected.topologyPath = "/etc/causeway/two.yaml"
        expected.instance = "east"
        expected.nodeExecutablePath = "/usr/lib/causeway-node"
        #expect(read == expected)
        #expect(read.runtimeFolder == "/run/cw" && read.controlSocketPath == "/run/cw/cli.sock")
    }

    @Test func refusesPollingThresholdsThatWouldSwitchAllTheTime() {
        for text in ["polling { up 5 down 5 }", "polling { down 10 }", "polling { up 1 }"] {
            #expect(interpret(text).findings.hasErrors, "\(text)")
        }
        #expect(!interpret("polling { up 6 }").findings.hasErrors)
        #expect(interpret("polling { upp 6 }").findings.first?.suggestion == "up")
    }

    @Test func readsTheSizeOfTheEventLog() {
        let (read, findings) = interpret("vlib { elog-events 100000 elog-post-mortem-dump }")
        #expect(findings.isEmpty)
        #expect(read.eventLogEvents == 100_000)
        for wrong in ["0", "1023", "4194305", "many", "-1"] {
            let (read, findings) = interpret("vlib { elog-events \(wrong) }")
            #expect(findings.map(\.severity) == [.error], "\(wrong)")
            #expect(findings.first?.description.contains("1024") == true, "\(findings)")
            #expect(read.eventLogEvents == 131_072)
        }
    }

    @Test func readsWhatStatisticsAndTheRecordOfCommandsAreTold() {
        let (read, findings) = interpret(
            """
            statseg { default per-node-counters off update-interval 0.5 }
            api-trace { enable nitems 5000 }
            """
        )
        #expect(findings.isEmpty, "\(findings)")
        #expect(!read.statistics.listsNodes && read.statistics.updateMicroseconds == 500_000)
        #expect(read.commandTrace.capacity == 5000)
        let defaults = interpret("statseg { per-node-counters on } api-trace { on }").configuration
        #expect(defaults == StartupConfiguration() && defaults.commandTrace.capacity == 1024)
        for word in ["off", "disable"] {
            let read = interpret("api-trace { nitems 7 \(word) }").configuration
            #expect(read.commandTrace.capacity == 0)
        }
    }

    @Test func readsWhereMetricsAreServed() {
        let (read, findings) = interpret("metrics { listen [::1]:9482 socket /run/m.sock }")
        #expect(findings.isEmpty)
        #expect(read.metrics.listener?.host == "::1" && read.metrics.listener?.port == 9482)
        #expect(read.metricsSocketPath == "/run/m.sock")
        #expect(interpret("metrics { socket off }").configuration.metricsSocketPath == nil)
        let usual = interpret("unix { runtime-dir /run/x }").configuration
        #expect(usual.metricsSocketPath == "/run/x/metrics.sock")
        #expect(MetricsSettings.Listener("localhost:1")?.host == "127.0.0.1")
        for wrong in [
            "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.1:80", "127.0.0.256:80", ":80",
            "::1:80",
        ] {
            #expect(MetricsSettings.Listener(wrong) == nil, "\(wrong)")
        }
    }

    @Test func saysWhyASegmentHasNoSizeAndNoSocket() {
        let (read, findings) = interpret(
            """
            statseg { size 1G page-size 2M socket-name /run/vpp/stats.sock }
            api-trace { save-api-table t }
            """
        )
        #expect(findings.map(\.id) == Array(repeating: .startupNoMeaning, count: 4), "\(findings)")
        #expect(findings[0].remedy.contains("as large as its lanes"))
        #expect(findings[2].remedy.contains("runtime-dir"))
        #expect(findings[3].location?.description == "s.conf:2:13")
        #expect(read == StartupConfiguration())
    }

    @Test func hasDefaultsForAnEmptyFile() {
        let (read, findings) = interpret("")
        #expect(findings.isEmpty && read == StartupConfiguration())
        #expect(read.runtimeFolder == "/run/causeway")
        #expect(read.controlSocketPath == "/run/causeway/api.sock")
    }

    @Test func takesTheCommandLineAsAFile() {
        let (read, findings) = StartupConfiguration.read(
            arguments: ["unix", "{", "interactive", "}", "topology", "t.yaml"])
        #expect(findings.isEmpty && read.interactive && read.topologyPath == "t.yaml")
        let wrong = StartupConfiguration.read(arguments: ["unix { nodeamon }"]).findings
        #expect(
            wrong.map(\.description) == [
                "command line:1:8: error[startup.unknown-key]: `unix` has no \"nodeamon\"; did you mean \"nodaemon\"?"
            ]
        )
    }

    @Test func resolvesTheTopologyBesideTheStartupFile() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("startup.conf", "topology sub/t.yaml\n")
        #expect(
            StartupConfiguration.read(path: path).configuration.topologyPath
                == "\(folder.path)/sub/t.yaml"
        )
        let absolute = try folder.write("other.conf", "topology /etc/t.yaml\n")
        #expect(
            StartupConfiguration.read(path: absolute).configuration.topologyPath == "/etc/t.yaml"
        )
    }

    @Test(arguments: [
        ("unix { nodeamon }", FindingID.startupUnknownKey, "1:8"),
        ("unixx { nodaemon }", .startupUnknownSection, "1:1"),
        ("unix { nonsense value nodaemon }", .startupUnknownKey, "1:8"),
        ("unix", .startupMissingValue, "1:1"),
        ("topology", .startupMissingValue, "1:1"),
        ("topology { x }", .startupMissingValue, "1:1"),
        ("unix { log }", .startupMissingValue, "1:8"),
        ("unix { nodaemon { } }", .startupSyntax, "1:8"),
        ("unix { poll-sleep-usec soon }", .startupImpossibleValue, "1:8"),
        ("unix { cli-listen run/sock }", .startupImpossibleValue, "1:8"),
        ("instance 1st", .startupImpossibleValue, "1:1"),
        ("logging { default-log-level loud }", .startupImpossibleValue, "1:11"),
        ("statseg { per-node-counters yes }", .startupImpossibleValue, "1:11"),
        ("metrics { listen 0.0.0.0:9482 }", .startupImpossibleValue, "1:11"),
        ("metrics { socket here }", .startupImpossibleValue, "1:11"),
        ("statseg { update-interval 0 }", .startupImpossibleValue, "1:11"),
        ("statseg { update-interval nan }", .startupImpossibleValue, "1:11"),
        ("statseg { update-interval 4000 }", .startupImpossibleValue, "1:11"),
        ("statseg { size 12Q }", .startupImpossibleValue, "1:11"),
        ("statseg { update-intervall 1 }", .startupUnknownKey, "1:11"),
        ("api-trace { nitems 0 }", .startupImpossibleValue, "1:13"),
        ("api-trace { nitem 10 }", .startupUnknownKey, "1:13"),
        ("api-trace", .startupMissingValue, "1:1"),
    ])
    func refuses(text: String, id: FindingID, place: String) {
        let findings = interpret(text).findings
        #expect(findings.map(\.id) == [id], "\(findings)")
        #expect(findings.first?.location?.description == "s.conf:\(place)")
        #expect(findings.first?.severity == .error && findings.first?.remedy.isEmpty == false)
    }

    @Test func passesOverVPPsOtherWordsWithAWarning() {
        let (read, findings) = interpret(
            """
            l2fib { table-size 1024 } tcp { tso on }
            dpdk { dev 0000:03:00.0 { name eth0 tso on } no-multi-seg uio-driver vfio-pci }
            unix { cli-listen localhost:5002 nocolor nodaemon cli-line-mode }
            logging { class linux-cp { level debug } default-log-level debug }
            """
        )
        #expect(Set(findings.map(\.id)) == [.startupNoMeaning], "\(findings)")
        #expect(findings.count == 7 && !findings.hasErrors, "\(findings)")
        #expect(read.nodaemon && read.logging.level == .debug)
        #expect(read.controlSocketPath == "/run/causeway/api.sock")
    }

    @Test func looksForANamedSocketInTheRuntimeFolder() {
        let read = interpret("unix { runtime-dir /run/x cli-listen cli.sock }").configuration
        #expect(read.controlSocketPath == "/run/x/cli.sock")
    }

    @Test func goesOnAfterABadHeapSize() {
        for value in ["big", "0", "12M", "99999999999999999999G"] {
            let (read, findings) = interpret("heapsize \(value) main-core 3 instance east")
            #expect(findings.map(\.id) == [.startupImpossibleValue], "\(value): \(findings)")
            #expect(findings.first?.severity == .warning)
            #expect(findings.first?.location?.description == "s.conf:1:1")
            #expect(read.placement.defaults.heapBytes == nil)
            #expect(read.placement.mainCore?.value == 3 && read.instance == "east")
        }
        let read = interpret("heapsize 512m").configuration
        #expect(read.placement.defaults.heapBytes?.value == 512 << 20)
    }

    @Test func readsSectionsInPieces() {
        let (read, findings) = interpret("unix { nodaemon } unix { exec /x }")
        #expect(findings.isEmpty && read.nodaemon && read.execPath == "/x")
    }

    @Test func readsWhatLanesAndPluginsAreTold() {
        let (read, findings) = interpret(
            """
            seed 42
            cpu { scheduler-policy fifo scheduler-priority 50 thread-prefix rt variant v4 }
            plugins {
              path /a:/b add-path /c
              plugin default { disable }
              plugin acl.so { enable skip-version-check }
            }
            unix { full-coredump coredump-size unlimited cli-prompt x> cli-history-limit 7 }
            logging {
              size 20 unthrottle-time 7 default-syslog-log-level warn
              class worker { level debug rate-limit 9 }
            }
            """
        )
        #expect(findings.isEmpty, "\(findings)")
        #expect(read.lanes.policy == .fifo && read.lanes.priority == 50)
        #expect(read.lanes.threadPrefix == "rt" && read.lanes.seed == 42 && read.variant == "v4")
        #expect(read.plugins.paths == ["/a", "/b"] && read.plugins.addedPaths == ["/c"])
        #expect(read.plugins.isDisabledByDefault)
        #expect(read.plugins.rules["acl.so"]?.isEnabled == true)
        #expect(read.plugins.rules["acl.so"]?.skipsVersionCheck == true)
        #expect(read.coreDumps.isFull && read.coreDumps.bytes == .max)
        #expect(read.console.prompt == "x>" && read.console.historyLines == 7)
        #expect(read.logging.lines == 20 && read.logging.unthrottleSeconds == 7)
        #expect(read.logging.syslogLevel == .warning)
        let worker = read.logging.classes["worker"]
        #expect(worker?.level == .debug && worker?.rateLimit == 9 && worker?.syslogLevel == nil)
    }

    @Test func warnsOfAKeyWrittenTwice() {
        let (read, findings) = interpret("topology /a topology /b")
        #expect(findings.map(\.id) == [.startupRepeated] && read.topologyPath == "/b")
    }
}
