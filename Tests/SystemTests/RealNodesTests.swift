import Foundation
import TestSupport
import Testing

extension SystemTests {
    /// In a guest with two real NUMA nodes, everything of a node is on that node.
    @Suite struct RealNodesTests {
        /// Why the guest cannot be started; nil if it can.
        static func lacksForGuest() -> String? {
            let programs = ["qemu-system-x86_64", "busybox", "cpio"]
            for name in programs
            where !["/usr/bin/", "/bin/"].contains(where: {
                FileManager.default.isExecutableFile(atPath: $0 + name)
            }) {
                return "the program \(name) is missing: deploy/setup --for run,test"
            }
            guard FileManager.default.isExecutableFile(atPath: Machine.program("causeway")) else {
                return "\(Machine.program("causeway")) is not built: swift build -c release"
            }
            let home = ProcessInfo.processInfo.environment["HOME"] ?? "/"
            let cache =
                ProcessInfo.processInfo.environment["NUMAVM_CACHE"] ?? "\(home)/.cache/numavm"
            guard FileManager.default.fileExists(atPath: "\(cache)/current") else {
                return "the guest has no kernel yet: deploy/numavm --setup"
            }
            return nil
        }

        @Test(
            .enabled(
                if: lacksForGuest() == nil || Machine.isContinuousIntegration,
                "\(lacksForGuest() ?? "")"
            )
        )
        func packetsCrossAndEverythingOfANodeIsOnThatNode() async throws {
            let root = SourceTree().root
            let result = try await run(
                [
                    root.appendingPathComponent("deploy/numavm").path, "--sockets", "2",
                    "--cores-per-socket", "2",
                    "--mem-per-node", "1536M", "--hugepages-per-node", "320", "--nic-nodes",
                    "0,0,1,1",
                    "--nic-model", "vmxnet3", "--nic-bind", "kernel", "--iommu", "--modprobe",
                    "vfio-pci,vfio_iommu_type1",
                    "--timeout", "400", "--",
                    root.appendingPathComponent("Tests/SystemTests/programs/two-numa-nodes.sh")
                        .path,
                    Machine.programFolder.path,
                ],
                withinSeconds: 450
            )
            #expect(result.status == 0, "\(result.output)\n\(result.errors)")
            #expect(!result.output.contains("FAIL"))
            #expect(
                result.output.split(separator: "\n").filter { $0.hasPrefix("ok: ") }.count == 26
            )
        }
    }
}
