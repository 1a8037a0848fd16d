import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// What a startup file says reaches the processes.
    @Suite(.needsDataplane) struct StartupTests {
        /// A worker without ports on one CPU; the other keeps house.
        private var cpus: String {
            "cpu { main-core \(Machine.cpus[0]) corelist-workers \(Machine.cpus[1])"
        }

        @Test func everySettingReachesItsProcess() async throws {
            let startup = """
                \(cpus) scheduler-policy batch thread-prefix rt }
                unix { gid 1 coredump-size 0 }
                heapsize 96M
                buffers { buffers-per-numa 9000 default data-size 2304 }
                dpdk { vdev net_null3 max-simd-bitwidth 256 }
                logging { size 5 }
                """
            try await LiveDataplane.run(topology: "schema: 1\n", startup: startup) { dataplane in
                let memory = try await dataplane.show("memory")
                #expect("\(memory)".contains("\(96 << 20)"), "\(memory)")
                let pool = try await dataplane.show("buffers")["pools"].elements.first ?? .null
                #expect(pool["total"].int == 9000 && pool["dataBytes"].int == 2304, "\(pool)")
                let node = try await dataplane.show("nodes")["nodes"].elements.first ?? .null
                let pid = try #require(node["workerPID"].int)
                let lane = try #require(Self.thread(named: "rt-n0-l0", of: pid))
                #expect(lane.policy == 3, "SCHED_BATCH")
                #expect(lane.cpus == "\(Machine.cpus[1])")
                let arguments = try String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
                #expect(arguments.contains("--force-max-simd-bitwidth=256"))
                let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
                #expect(limits.contains(/Max core file size +0 +0/))
                let socket = try FileManager.default.attributesOfItem(
                    atPath: "\(dataplane.runtimeDirectory)/api.sock"
                )
                #expect(socket[.groupOwnerAccountID] as? Int == 1)
                let log = try await dataplane.show("log")["log"].elements
                #expect(log.count <= 5)
                let cpu = try await dataplane.show("cpu")["nodes"].elements.first ?? .null
                #expect(["v3", "v4"].contains(cpu["variant"].string), "\(cpu)")
            }
        }

        /// The scheduling policy and the CPUs of a thread.
        private static func thread(
            named name: String,
            of pid: Int
        ) -> (policy: Int, cpus: String)? {
            let folder = "/proc/\(pid)/task"
            for task in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                func read(_ file: String) -> String {
                    (try? String(contentsOfFile: "\(folder)/\(task)/\(file)", encoding: .utf8))
                        ?? ""
                }
                guard read("comm").hasPrefix(name) else { continue }
                // Fields after the name in parentheses; the policy is field 41 of proc(5).
                let stat = read("stat").split(separator: ")").last?.split(separator: " ") ?? []
                let cpus = read("status").split(separator: "\n").first {
                    $0.hasPrefix("Cpus_allowed_list:")
                }
                return (
                    stat.count > 38 ? Int(stat[38]) ?? -1 : -1,
                    cpus?.split(separator: "\t").last.map(String.init) ?? ""
                )
            }
            return nil
        }

        @Test func aVPPRoutersFileStartsWithWarnings() async throws {
            let startup = """
                unix { nodaemon full-coredump gid root cli-line-mode }
                api-trace { on nitems 5000 }
                api-segment { gid root }
                socksvr { default }
                memory { main-heap-size 256M main-heap-page-size default-hugepage }
                \(cpus) }
                buffers { buffers-per-numa 8192 default data-size 2048 page-size default-hugepage }
                statseg { size 1G socket-name /run/vpp/stats.sock per-node-counters off }
                dpdk { dev default { num-rx-queues 1 } no-multi-seg no-pci uio-driver vfio-pci }
                plugins { plugin default { disable } }
                logging { default-log-level notice default-syslog-log-level notice }
                linux-cp { default netns dataplane lcp-sync lcp-auto-subint }
                """
            try await LiveDataplane.run(topology: "schema: 1\n", startup: startup) { dataplane in
                for word in [
                    "statseg size", "socket-name", "uio-driver", "linux-cp", "no-multi-seg",
                ] {
                    #expect(dataplane.log.contains("\(word) does nothing here"), "\(word)")
                }
                #expect(dataplane.log.contains("startup.no-meaning"))
                // These two mean what they mean in VPP.
                #expect(!dataplane.log.contains("api-trace"))
                #expect(!dataplane.log.contains("per-node-counters"))
            }
        }

        @Test func statisticsAndTheRecordOfCommandsAreAsTheFileSays() async throws {
            let startup = """
                \(cpus) }
                statseg { per-node-counters off update-interval 3600 }
                api-trace { on nitems 2 }
                """
            try await LiveDataplane.run(topology: "schema: 1\n", startup: startup) { dataplane in
                func stats(_ words: String) async throws -> String {
                    let words = words.split(separator: " ").map(String.init)
                    return try await run(
                        [
                            Machine.program("causewayctl"), "--runtime-dir",
                            dataplane.runtimeDirectory, "stats",
                        ] + words
                    ).output
                }
                #expect(try await stats("ls ^/nodes/").isEmpty)
                #expect(try await stats("ls ^/err/").contains("/err/ip4-input/"))
                #expect(try await dataplane.ctl("show runtime").output.contains("clock-verify"))
                // Gauges are written at the start and with each change, and else once an hour.
                let before = try await stats("get ^/sys/heartbeat$")
                #expect(before.contains("/sys/heartbeat"))
                try await Task.sleep(for: .milliseconds(500))
                #expect(try await stats("get ^/sys/heartbeat$") == before)
                for topic in ["clock", "threads", "nodes"] { _ = try await dataplane.show(topic) }
                let node = try await dataplane.show("nodes")["nodes"].elements.first ?? .null
                #expect(kill(Int32(try #require(node["workerPID"].int)), SIGSEGV) == 0)
                let folder = "\(dataplane.runtimeDirectory)/node\(node["numaNode"].int ?? 0)"
                var kept: String?
                _ = await eventually(withinSeconds: 20) {
                    let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
                    let name = names?.first { $0.hasSuffix(".commands.txt") }
                    kept = name.flatMap {
                        try? String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
                    }
                    return kept != nil
                }
                let lines = (kept ?? "").split(separator: "\n")
                #expect(lines.count == 2 && lines.allSatisfy { $0.contains("show nodes") })
                _ = await eventually(withinSeconds: 20) {
                    let now = try? await dataplane.show("nodes")["nodes"].elements.first
                    return now?["incarnation"].int == 2
                        && now?["workerState"].string == "forwarding"
                }
                // Reports are for the operator and outlive the dataplane.
                for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                where name.hasPrefix("crash.") {
                    try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                }
            }
        }

        @Test func takesTheCommandLine() async throws {
            let instance = LiveDataplane.freshName()
            let pidFile = "/run/\(instance).pid"
            let supervisor = try RunningCommand(
                [Machine.program("causeway")]
                    + "unix { pidfile \(pidFile) poll-sleep-usec 100 } \(cpus) }".split(
                        separator: " "
                    ).map(String.init) + ["instance", instance, "journal", "off"]
            )
            // What the client looks for unless told otherwise, but for the instance's name.
            let socket = "/run/\(instance)/api.sock"
            let isUp = await eventually(withinSeconds: 60) {
                let words = [Machine.program("causewayctl"), "-s", socket, "show", "nodes"]
                let answer = try? await run(words)
                return answer?.status == 0 && answer?.output.contains("forwarding") == true
            }
            #expect(isUp, "\(supervisor.errors)")
            #expect(try String(contentsOfFile: pidFile, encoding: .utf8) == "\(supervisor.pid)\n")
            supervisor.signal(SIGTERM)
            let ending = try await supervisor.end(withinSeconds: 30)
            #expect(ending.status == 0, "\(ending)")
            #expect(!FileManager.default.fileExists(atPath: pidFile))
        }

        @Test func answersOnTheConsole() async throws {
            let instance = LiveDataplane.freshName()
            let words =
                "unix { interactive nobanner cli-prompt there> cli-history-limit 1 poll-sleep-usec 100 } "
                + "\(cpus) } instance \(instance) journal off"
            let result = try await run([
                "sh", "-c",
                "printf 'show version\\nshow nonsense\\nhistory\\nquit\\n' | "
                    + "\(Machine.program("causeway")) '\(words)'",
            ])
            #expect(result.status == 0, "\(result)")
            #expect(result.output.hasPrefix("there> causeway v"), "\(result.output)")
            #expect(result.output.contains("nonsense"))
            #expect(result.output.hasSuffix("there> show nonsense\nthere> "), "\(result.output)")
        }

        @Test func namesAMissingExtension() async throws {
            let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            let fake = FileManager.default.temporaryDirectory.appendingPathComponent(
                "cpuinfo-\(UUID().uuidString)"
            )
            try text.replacing(#/ avx2\b/#, with: "").write(
                to: fake,
                atomically: true,
                encoding: .utf8
            )
            defer { try? FileManager.default.removeItem(at: fake) }
            let program = Machine.program("causeway")
            // In a mount namespace of its own, the kernel says that the CPUs have no AVX2.
            let result = try await run([
                "unshare", "--mount", "sh", "-c",
                "mount --bind \(fake.path) /proc/cpuinfo && exec \(program) '\(cpus) }'",
            ])
            #expect(result.status == 1, "\(result)")
            let message = "ERROR: This binary requires CPU with AVX2 extensions."
            #expect(result.errors.contains(message), "\(result)")
            #expect(result.errors.contains("NUMA node 0"))
        }

        @Test(arguments: [
            ("unix { nodeamon }", "did you mean \"nodaemon\"?"),
            ("unix { log }", "log has no value"),
            ("cpu { main-core }", "main-core has no value"),
            ("dpkd { }", "did you mean \"dpdk\"?"),
            ("heapsize", "heapsize has no value"),
        ])
        func aWrongWordEndsTheStart(words: String, message: String) async throws {
            let result = try await run([Machine.program("causeway"), words])
            #expect(result.status == 1, "\(result)")
            #expect(result.errors.contains("command line:1:"), "\(result)")
            #expect(result.errors.contains(message), "\(result)")
        }
    }
}
