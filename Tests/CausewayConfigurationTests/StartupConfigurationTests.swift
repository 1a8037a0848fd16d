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
        expected.nobanner = true
        expected.logPath = "/var/log/causeway.log"
        expected.execPath = "/etc/causeway/first commands"
        expected.runtimeDirectory = "/run/cw"
        expected.pidFile = "/run/cw/pid"
        expected.controlSocket = "/run/cw/cli.sock"
        expected.pollSleepMicroseconds = 100
        expected.group = "vpp"
        expected.logLevel = .info
        expected.topologyPath = "/etc/causeway/two.yaml"
        expected.instance = "east"
        expected.nodeExecutablePath = "/usr/lib/causeway-node"
        #expect(read == expected)
        #expect(read.runtimeFolder == "/run/cw" && read.controlSocketPath == "/run/cw/cli.sock")
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
        ("unix { cli-listen localhost:5002 }", .startupImpossibleValue, "1:8"),
        ("instance 1st", .startupImpossibleValue, "1:1"),
        ("logging { default-log-level loud }", .startupImpossibleValue, "1:11"),
    ])
    func refuses(text: String, id: FindingID, place: String) {
        let findings = interpret(text).findings
        #expect(findings.map(\.id) == [id], "\(findings)")
        #expect(findings.first?.location?.description == "s.conf:\(place)")
        #expect(findings.first?.severity == .error && findings.first?.remedy.isEmpty == false)
    }

    @Test func passesOverVPPsOtherSectionsWithAWarning() {
        let (read, findings) = interpret(
            """
            cpu { main-core 1 corelist-workers 2-3 }
            dpdk { dev 0000:03:00.0 { name eth0 num-rx-queues 2 } no-multi-seg }
            unix { cli-prompt x> nocolor nodaemon }
            heapsize 1G
            logging { class linux-cp { level debug } default-log-level debug }
            """
        )
        #expect(Set(findings.map(\.id)) == [.startupNoMeaning])
        #expect(findings.count == 6 && !findings.hasErrors)
        #expect(read.nodaemon && read.logLevel == .debug)
    }

    @Test func warnsOfAKeyWrittenTwice() {
        let (read, findings) = interpret("topology /a topology /b")
        #expect(findings.map(\.id) == [.startupRepeated] && read.topologyPath == "/b")
    }
}
