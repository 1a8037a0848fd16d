import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// The Debian package: made, installed in roots of its own, run under systemd, upgraded and purged.
    @Suite struct PackageTests {
        private static let isLong = ProcessInfo.processInfo.environment["CAUSEWAY_LONG"] != nil

        /// Why packages cannot be tested here; nil: they can.
        private static func lacksForPackages() -> String? {
            if geteuid() != 0 { return "root is needed for a root of one's own" }
            let programs = ["chrpath", "dpkg-deb", "dpkg-shlibdeps", "lintian", "man", "strip"]
            for name in programs where !isThere("/usr/bin/\(name)") {
                return "the program \(name) is missing: deploy/setup --for build,test"
            }
            guard isThere(Machine.program("causeway")) else {
                return "\(Machine.program("causeway")) is not built: swift build -c release"
            }
            return nil
        }

        /// Why a package cannot be run under systemd here; nil: it can.
        private static func lacksForSystemd() -> String? {
            guard isLong else { return "takes minutes; CAUSEWAY_LONG=1 asks for it" }
            for path in ["/lib/systemd/systemd", "/usr/sbin/debootstrap"] where !isThere(path) {
                return "\(path) is missing: deploy/setup --for test"
            }
            return lacksForPackages() ?? Machine.lacksForDataplane()
        }

        private static func isThere(_ path: String) -> Bool {
            FileManager.default.isExecutableFile(atPath: path)
        }

        private static func script(_ name: String) -> String {
            SourceTree().root.appendingPathComponent(name).path
        }

        /// Makes two packages of the programs under test, and removes them afterwards.
        private func withPackages(_ body: (_ old: String, _ new: String) async throws -> Void)
            async throws
        {
            let folder = FileManager.default.temporaryDirectory
                .appendingPathComponent("causeway-packages-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            var files: [String] = []
            for version in ["0.0.9-1", "0.0.9-2"] {
                let words = ["--version", version, "--binaries", Machine.programFolder.path]
                let output = ["--quick", "--output", folder.path]
                try await succeed(
                    [Self.script("deploy/package")] + words + output,
                    withinSeconds: 120
                )
                files.append("\(folder.path)/causeway_\(version)_amd64.deb")
            }
            try await body(files[0], files[1])
        }

        private func expectAllGood(
            _ program: String,
            _ arguments: [String],
            atLeast count: Int,
            withinSeconds seconds: Double
        ) async throws {
            let result = try await run(
                [Self.script("Tests/SystemTests/programs/\(program)")] + arguments,
                withinSeconds: seconds
            )
            #expect(result.status == 0, "\(result)")
            #expect(!result.output.contains("FAIL"), "\(result)")
            let good = result.output.split(separator: "\n").filter { $0.hasPrefix("ok: ") }
            #expect(good.count >= count, "\(result)")
        }

        @Test(
            .enabled(
                if: lacksForPackages() == nil || Machine.isContinuousIntegration,
                "\(lacksForPackages() ?? "")"
            )
        )
        func theDebianPackageInstallsRunsUpgradesAndPurges() async throws {
            try await withPackages { old, new in
                let words = ["--fail-on", "error,warning", "--allow-root", "--suppress-tags"]
                // What tests make is not compressed.
                let tags = ["data", "control"].map { "uses-no-compression-for-\($0)-tarball" }
                try await succeed(
                    ["lintian"] + words + [tags.joined(separator: ","), new],
                    withinSeconds: 180
                )
                try await expectAllGood(
                    "package-installed.sh",
                    [old, new],
                    atLeast: 28,
                    withinSeconds: 180
                )
            }
        }

        @Test(
            .enabled(if: lacksForSystemd() == nil, "\(lacksForSystemd() ?? "")"),
            arguments: ["machine", "debian"]
        )
        func underSystemdPacketsOutliveTheSupervisorAndUpgrades(root: String) async throws {
            try await withPackages { old, new in
                try await expectAllGood(
                    "package-systemd.sh",
                    [root, old, new],
                    atLeast: 32,
                    withinSeconds: 900
                )
            }
        }

        /// The options that a help lists.
        private func options(_ words: [String]) async throws -> Set<Substring> {
            let help = try await succeed(words + ["--help"])
            let found = help.matches(of: /--[a-z][a-z-]*/).map(\.output)
            #expect(found.count > 1, "\(words)")
            return Set(found)
        }

        private func page(_ name: String) throws -> String {
            let path = Self.script("deploy/debian/man/\(name)")
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return text.replacingOccurrences(of: "\\-", with: "-")
        }

        @Test(
            .enabled(
                if: lacksForPackages() == nil || Machine.isContinuousIntegration,
                "\(lacksForPackages() ?? "")"
            )
        )
        func manualPagesHaveEveryOption() async throws {
            let topology = ["discover", "check", "explain", "plan", "diff", "synth"]
            let commands =
                [["run"], ["topology"]] + topology.map { ["topology", $0] }
            let manual = try page("causeway.8")
            for command in commands {
                for option in try await options([Machine.program("causeway")] + command) {
                    #expect(manual.contains(option), "\(command) \(option)")
                }
            }
            let client = try page("causewayctl.1")
            for option in try await options([Machine.program("causewayctl")]) {
                #expect(client.contains(option), "\(option)")
            }
        }
    }
}
