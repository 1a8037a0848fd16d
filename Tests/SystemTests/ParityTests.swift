import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// Every "how to see it" of the parity page, on a dataplane that forwards.
    @Suite(.needsDataplane) struct ParityTests {
        @Test func everyLineOfThePageCanBeSeen() async throws {
            let file = try #require(SourceTree().files(under: [ParityPage.path]).first)
            let page = ParityPage(file)
            try await Testbed.run { testbed in
                let (near, far) = (testbed.left[0], testbed.right[0])
                // One packet is held for a neighbour that is not known yet; the next takes its place.
                _ = try await near.ping(far.address, count: 1)
                #expect(try await near.ping(far.address, count: 20) == .complete(20))
                try files(in: testbed.dataplane.folder)
                // What an operator has saved outlives the dataplane.
                let saved = "\(testbed.dataplane.runtimeDirectory)/parity.json"
                defer { try? FileManager.default.removeItem(atPath: saved) }
                for row in page.rows {
                    for proof in row.proofs {
                        let output = try await run(proof, testbed)
                        let pattern = try Regex(proof.pattern).anchorsMatchLineEndings()
                        let isShown =
                            proof.pattern == "nothing" ? output.isEmpty : output.contains(pattern)
                        #expect(
                            isShown,
                            """
                            \(ParityPage.path):\(row.line), row \(row.name): \(proof.command)
                            does not show \(proof.pattern) but
                            \(output)
                            """
                        )
                    }
                }
            }
        }

        /// Startup files for the commands of the page.
        private func files(in folder: URL) throws {
            let texts = [
                "unknown-key.conf": "unix {\n  nodaemn\n}\n",
                "unknown-section.conf": "unix { nodaemon }\nplugns { }\n",
                "last-word.conf": "unix { nodaemon }\nheapsize",
                "heap.conf": "heapsize 12Q\nunix { nodaemon }\n",
                "comments.conf": "# all of it\nunix { nodaemon # flag\n log \"/tmp/a#b\" }\n",
            ]
            for (name, text) in texts {
                let url = folder.appendingPathComponent(name)
                try text.write(to: url, atomically: true, encoding: .utf8)
            }
        }

        /// Runs a command, in the shell with these variables: `CTL` (causewayctl for this
        /// dataplane), `CAUSEWAY`, `RUNTIME` (the runtime directory), `INSTANCE`, `SUPERVISOR` (its
        /// process number), `HOST` (what to write before a command to run it in the first
        /// host's namespace), `FAR` (an address on the other node).
        ///
        /// - Returns: standard output and standard error.
        private func run(_ proof: ParityPage.Proof, _ testbed: Testbed) async throws -> String {
            let dataplane = testbed.dataplane
            guard proof.isShell else {
                let result = try await dataplane.ctl(proof.command)
                return result.output + result.errors
            }
            let socket = "\(dataplane.runtimeDirectory)/api.sock"
            let variables = [
                "CTL='\(Machine.program("causewayctl")) -s \(socket)'",
                "CAUSEWAY='\(Machine.program("causeway"))'",
                "RUNTIME='\(dataplane.runtimeDirectory)'", "INSTANCE='\(dataplane.instance)'",
                "SUPERVISOR=\(dataplane.supervisor.pid)",
                "HOST='ip netns exec \(testbed.left[0].namespace.name)'",
                "FAR='\(testbed.right[0].address)'", "cd '\(dataplane.folder.path)'",
            ]
            let line = variables.joined(separator: "; ") + "; " + proof.command
            let result = try await TestSupport.run(["bash", "-c", line], withinSeconds: 60)
            return result.output + result.errors
        }
    }
}
