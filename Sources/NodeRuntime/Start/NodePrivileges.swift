public import LinuxSystem

/// What workers keep of root's capabilities; all else they give up before they have a second thread.
///
/// With TAPs and virtual devices they need none: hugepages, rings and queues are files of their user. PCI devices keep
/// what DPDK's guide for Linux names for them.
public struct NodePrivileges: Sendable {
    private let arguments: [String]

    /// Looks for the devices that DPDK is to use.
    ///
    /// - Parameter arguments: for DPDK's environment.
    public init(arguments: [String]) { self.arguments = arguments }

    /// What a worker keeps.
    public var worker: Capabilities {
        arguments.contains("-a") ? Self.ofDevices : []
    }

    /// Files of others (1, 2), interfaces and raw sockets (12, 13), locked memory (14), I/O ports (17), physical
    /// addresses (21).
    static let ofDevices = Capabilities(
        rawValue: [1, 2, 12, 13, 14, 17, 21].reduce(0) { $0 | 1 << UInt64($1) }
    )
}
