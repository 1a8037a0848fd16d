import LinuxSystem
import Testing

@testable import NodeRuntime

@Suite struct NodePrivilegesTests {
    @Test func aWorkerWithoutPCIDevicesKeepsNothing() {
        for arguments in [[], ["--no-pci", "--file-prefix", "x", "--vdev", "net_tap0"]] {
            #expect(NodePrivileges(arguments: arguments).worker == [])
        }
    }

    @Test func aPCIDeviceKeepsWhatDPDKNamesAndNoMore() {
        let kept = NodePrivileges(arguments: ["-l", "1", "-a", "0000:03:00.0,key=1"]).worker
        #expect(kept.description == "0000000000227006")
        #expect(kept.isSuperset(of: [.rawInputOutput, .systemAdministration]))
    }
}
