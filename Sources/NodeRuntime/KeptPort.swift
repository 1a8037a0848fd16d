internal import CLinux
internal import ControlProtocol
internal import LinuxSystem
internal import PacketBuffers
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A port as its keeper has it: a DPDK port, or the descriptors of a TAP.
final class KeptPort {
    let configuration: PortConfiguration
    /// The TAP's queues; empty for a DPDK port.
    let descriptors: [Int32]
    private let port: EthernetPort?
    private var mac: MACAddress
    private var mtu: UInt16
    private var isAdminUp = false
    private var wasLinkUp = false
    /// What its queues hold of the node's buffers.
    private var buffers: PortBuffers

    private init(
        configuration: PortConfiguration,
        port: EthernetPort?,
        descriptors: [Int32],
        mac: MACAddress,
        buffers: PortBuffers = PortBuffers()
    ) {
        self.configuration = configuration
        self.port = port
        self.descriptors = descriptors
        self.mac = mac
        self.buffers = buffers
        mtu = configuration.mtu
    }

    /// Sets the port up and starts it.
    static func start(
        _ configuration: PortConfiguration,
        node: Int,
        socket: Int,
        pool: MbufPool
    ) throws(DPDKError) -> KeptPort {
        switch configuration.kind {
        case .dpdk:
            let port = try EthernetPort.find(device: configuration.device)
            let free = pool.available
            let latitude = try port.configure(
                EthernetPort.Settings(
                    rxQueues: Int(configuration.rxQueues),
                    txQueues: Int(configuration.txQueues),
                    rxDescriptors: Int(configuration.rxDescriptors),
                    txDescriptors: Int(configuration.txDescriptors),
                    mtu: Int(configuration.mtu),
                    socket: socket
                ),
                pool: pool
            )
            if configuration.mac.bits != 0 { try port.setMAC(configuration.mac.bits) }
            try port.start()
            let own = MACAddress(bits: port.mac)
            return KeptPort(
                configuration: configuration,
                port: port,
                descriptors: [],
                mac: own.bits == 0 ? madeUpMAC(configuration, node: node) : own,
                buffers: PortBuffers(
                    receive: UInt32(clamping: free - pool.available),
                    slack: UInt32(clamping: latitude.slack),
                    transmitMost: UInt32(clamping: latitude.transmitMost)
                )
            )
        case .tap:
            let descriptors = try openTap(configuration)
            let mac =
                configuration.mac.bits == 0
                ? madeUpMAC(configuration, node: node) : configuration.mac
            return KeptPort(
                configuration: configuration,
                port: nil,
                descriptors: descriptors,
                mac: mac
            )
        }
    }

    /// A locally administered address that a port keeps over restarts: 02:fe, a hash of its name,
    /// its index.
    private static func madeUpMAC(_ configuration: PortConfiguration, node: Int) -> MACAddress {
        var hash: UInt32 = 2_166_136_261
        for byte in configuration.name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        let low =
            UInt64(hash & 0xFFFF) << 16 | UInt64(node & 255) << 8
            | UInt64(configuration.interface & 255)
        return MACAddress(bits: 0x02FE_0000_0000 | low)
    }

    private static func openTap(_ configuration: PortConfiguration) throws(DPDKError) -> [Int32] {
        var descriptors: [Int32] = []
        do throws(Errno) {
            let queues = max(configuration.rxQueues, configuration.txQueues)
            for _ in 0..<queues {
                let descriptor = try systemCall {
                    open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
                }
                descriptors.append(descriptor)
                try systemCall { CLinux_tap_attach(descriptor, configuration.device) }
            }
            let control = try systemCall { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
            defer { close(control) }
            try systemCall {
                CLinux_interface_set_mtu(control, configuration.device, Int32(configuration.mtu))
            }
            try systemCall { CLinux_interface_set_up(control, configuration.device, 1) }
            return descriptors
        } catch {
            for descriptor in descriptors { close(descriptor) }
            let reason =
                error == .resourceBusy
                ? "\(error): an interface of that name is in use by another program" : "\(error)"
            throw .port(
                device: configuration.device,
                step: "open the TAP interface",
                reason: reason
            )
        }
    }

    /// Lets a PCI device reach memory again, if it may not.
    ///
    /// `uio_pci_generic` takes that away whenever a process that had the device mapped has ended, though
    /// others still have it: bit 2 of the command register (PCI Local Bus 3.0, 6.2.2).
    ///
    /// - Returns: whether it had been taken away.
    func restoreBusMastering() -> Bool {
        guard port != nil else { return false }
        let path = "/sys/bus/pci/devices/\(configuration.device)/config"
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var command: UInt16 = 0
        guard pread(descriptor, &command, 2, 4) == 2, command & 4 == 0 else { return false }
        command |= 4
        return pwrite(descriptor, &command, 2, 4) == 2
    }

    func stop() throws(DPDKError) { try port?.stop() }

    /// Starts a port that was stopped, whose receive queues take buffers of the pool again.
    func start(with pool: MbufPool) throws(DPDKError) {
        let free = pool.available
        try port?.start()
        buffers.receive = UInt32(clamping: free - pool.available)
    }

    /// Packets that have been received and that no lane has taken, as far as the driver says; those in
    /// a TAP wait in the kernel, and are not lost with a worker.
    var waiting: Int { port?.waiting(queues: Int(configuration.rxQueues)) ?? 0 }

    /// Stops the port for good; the TAP's interface goes when the worker's descriptors are closed
    /// too.
    func release() {
        if let port {
            _ = try? port.stop()
            port.close()
        }
        for descriptor in descriptors { close(descriptor) }
    }

    func apply(_ setting: PortSetting) throws(DPDKError) {
        switch setting {
        case .admin(let isUp):
            isAdminUp = isUp
            try port?.setLink(isUp: isUp)
        case .mtu(let bytes):
            try port?.setMTU(bytes)
            mtu = bytes
        case .mac(let address):
            try port?.setMAC(address.bits)
            mac = address
        case .promiscuous(let isOn):
            // A TAP gets every frame anyhow.
            try port?.setPromiscuous(isOn)
        }
    }

    /// Whether the link is in another state than at the last call.
    func noteLink(_ isUp: Bool) -> Bool {
        defer { wasLinkUp = isUp }
        return isUp != wasLinkUp
    }

    var status: PortStatus {
        guard let port else {
            return PortStatus(
                interface: configuration.interface,
                driver: "tap",
                mac: mac,
                isLinkUp: true,
                speedMegabits: 0,
                isFullDuplex: true,
                mtu: mtu,
                rxQueues: configuration.rxQueues,
                txQueues: configuration.txQueues,
                numaNode: -1
            )
        }
        let status = port.status
        return PortStatus(
            interface: configuration.interface,
            driver: status.driver,
            mac: mac,
            isLinkUp: status.isLinkUp,
            speedMegabits: status.speedMegabits,
            isFullDuplex: status.isFullDuplex,
            mtu: status.mtu,
            rxQueues: configuration.rxQueues,
            txQueues: configuration.txQueues,
            numaNode: status.numaNode,
            rxPackets: status.rxPackets,
            txPackets: status.txPackets,
            rxMissed: status.rxMissed,
            rxErrors: status.rxErrors,
            rxNoBuffer: status.rxNoBuffer,
            buffers: buffers
        )
    }
}
