internal import CLinux
public import ControlProtocol
internal import PacketBuffers

extension BuildVersions {
    /// This program.
    public static let ofThisNode: BuildVersions = {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = Int(CLinux_build_id(&bytes))
        let digits = bytes.prefix(count).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return BuildVersions(
            buildID: digits.joined(),
            processor: EAL.processor,
            dpdk: EAL.version
        )
    }()
}
