internal import CDPDK

/// A DPDK port, as the process that owns it sets it up.
public struct EthernetPort: Sendable {
    /// DPDK's number of the port in this process's domain.
    public let number: UInt16
    /// The device's name, for messages.
    public let device: String

    /// Finds the port of a device.
    ///
    /// - Parameter device: a PCI address or the name of a virtual device.
    /// - Returns: the port, in whatever state it is.
    /// - Throws: `noPort` if EAL did not probe such a device.
    public static func find(device: String) throws(DPDKError) -> EthernetPort {
        var number: UInt16 = 0
        guard cw_port_by_name(device, &number) == 0 else { throw .noPort(device: device) }
        return EthernetPort(number: number, device: device)
    }

    /// What a port is set up with.
    public struct Settings: Sendable {
        /// Receive queues; with more than one, packets are spread by the device's flow hash (RSS).
        public var rxQueues: Int
        /// Transmit queues, one for each lane that sends.
        public var txQueues: Int
        /// Descriptors of a receive queue; the driver's limits are applied.
        public var rxDescriptors: Int
        /// Descriptors of a transmit queue; the driver's limits are applied.
        public var txDescriptors: Int
        /// The MTU in bytes, Ethernet header not counted.
        public var mtu: Int
        /// The NUMA node for descriptors; -1: any.
        public var socket: Int

        /// Makes the settings of a port; every queue is set up alike.
        public init(
            rxQueues: Int,
            txQueues: Int,
            rxDescriptors: Int,
            txDescriptors: Int,
            mtu: Int,
            socket: Int
        ) {
            self.rxQueues = rxQueues
            self.txQueues = txQueues
            self.rxDescriptors = rxDescriptors
            self.txDescriptors = txDescriptors
            self.mtu = mtu
            self.socket = socket
        }
    }

    /// How far the buffers that a port's queues hold can be off what they took at the start.
    public struct Latitude: Hashable, Sendable {
        /// How many of its receive queues' buffers the driver may leave out until it replaces them.
        public var slack: Int
        /// The most that its transmit queues hold.
        public var transmitMost: Int
    }

    /// Drivers that copy what they send, and give the buffer back at once.
    private static let copyingDrivers: Set<String> = [
        "net_null", "net_tap", "net_pcap", "net_af_packet",
    ]

    /// Configures the port and its queues; it is not started.
    ///
    /// - Parameters:
    ///   - settings: what it is set up with.
    ///   - pool: where its receive queues take their buffers.
    /// - Returns: what is not known of the buffers that the queues will hold.
    /// - Throws: `queues` if the device has too few, or `port` with the step that failed.
    public func configure(_ settings: Settings, pool: MbufPool) throws(DPDKError) -> Latitude {
        var information = rte_eth_dev_info()
        try check("read its properties", rte_eth_dev_info_get(number, &information))
        guard settings.rxQueues <= Int(information.max_rx_queues) else {
            throw .queues(
                device: device,
                wanted: settings.rxQueues,
                available: Int(information.max_rx_queues),
                kind: "rx"
            )
        }
        guard settings.txQueues <= Int(information.max_tx_queues) else {
            throw .queues(
                device: device,
                wanted: settings.txQueues,
                available: Int(information.max_tx_queues),
                kind: "tx"
            )
        }
        var configuration = rte_eth_conf()
        configuration.rxmode.mtu = UInt32(clamping: settings.mtu)
        if settings.rxQueues > 1 {
            configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS
            configuration.rx_adv_conf.rss_conf.rss_hf = information.flow_type_rss_offloads
        }
        try check(
            "configure",
            rte_eth_dev_configure(
                number,
                UInt16(settings.rxQueues),
                UInt16(settings.txQueues),
                &configuration
            )
        )
        var rx = UInt16(clamping: settings.rxDescriptors)
        var tx = UInt16(clamping: settings.txDescriptors)
        try check("adjust descriptors", rte_eth_dev_adjust_nb_rx_tx_desc(number, &rx, &tx))
        for queue in 0..<UInt16(settings.rxQueues) {
            try check(
                "set up rx queue \(queue)",
                cw_rx_queue_setup(
                    number,
                    queue,
                    rx,
                    CInt(settings.socket),
                    &information.default_rxconf,
                    pool.raw
                )
            )
        }
        for queue in 0..<UInt16(settings.txQueues) {
            try check(
                "set up tx queue \(queue)",
                rte_eth_tx_queue_setup(
                    number,
                    queue,
                    tx,
                    UInt32(bitPattern: Int32(settings.socket)),
                    &information.default_txconf
                )
            )
        }
        return Self.latitude(information, settings, txDescriptors: Int(tx))
    }

    private static func latitude(
        _ information: rte_eth_dev_info,
        _ settings: Settings,
        txDescriptors: Int
    ) -> Latitude {
        let driver = information.driver_name.map { String(cString: $0) } ?? ""
        guard !copyingDrivers.contains(driver) else {
            return Latitude(slack: 0, transmitMost: 0)
        }
        // vmxnet3 replaces each buffer before it hands it out; others when so many are out, and some
        // have a batch of that size on its way to the caller.
        let batch = driver == "net_vmxnet3" ? 0 : Int(information.default_rxconf.rx_free_thresh)
        return Latitude(
            slack: settings.rxQueues * 2 * batch,
            transmitMost: settings.txQueues * txDescriptors
        )
    }

    /// Packets that the port has received and nobody has taken, as far as the driver says.
    ///
    /// - Parameter queues: how many receive queues it has.
    /// - Returns: packets; 0 where the driver does not say.
    public func waiting(queues: Int) -> Int {
        (0..<queues).reduce(0) { $0 + max(0, Int(cw_rx_waiting(number, UInt16($1)))) }
    }

    /// Starts queues and link.
    public func start() throws(DPDKError) { try check("start", rte_eth_dev_start(number)) }

    /// Stops queues and link; the driver gives the buffers of its rings back.
    public func stop() throws(DPDKError) { try check("stop", rte_eth_dev_stop(number)) }

    /// Releases the device.
    public func close() { _ = rte_eth_dev_close(number) }

    /// Takes or leaves frames to foreign MAC addresses.
    public func setPromiscuous(_ isOn: Bool) throws(DPDKError) {
        let result =
            isOn
            ? rte_eth_promiscuous_enable(number) : rte_eth_promiscuous_disable(number)
        // A virtual device without the call takes everything anyhow.
        if result == -ENOTSUP { return }
        try check("promiscuous mode", result)
    }

    /// Sets the MTU in bytes.
    public func setMTU(_ bytes: UInt16) throws(DPDKError) {
        try check("MTU \(bytes)", rte_eth_dev_set_mtu(number, bytes))
    }

    /// Takes the link up or down, where the driver can.
    public func setLink(isUp: Bool) throws(DPDKError) {
        let result = isUp ? rte_eth_dev_set_link_up(number) : rte_eth_dev_set_link_down(number)
        // Drivers without the call keep their link; packets are stopped by the interface's state.
        if result == -ENOTSUP { return }
        try check(isUp ? "link up" : "link down", result)
    }

    /// The MAC address, with the first byte on the wire in bits 47...40; 0: the device has none.
    public var mac: UInt64 {
        var address = rte_ether_addr()
        guard rte_eth_macaddr_get(number, &address) == 0 else { return 0 }
        let bytes = address.addr_bytes
        return [bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5]
            .reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Sets the MAC address, with the first byte on the wire in bits 47...40 of `bits`.
    public func setMAC(_ bits: UInt64) throws(DPDKError) {
        func byte(_ index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: bits >> ((5 - index) * 8)) }
        var address = rte_ether_addr()
        address.addr_bytes = (byte(0), byte(1), byte(2), byte(3), byte(4), byte(5))
        try check("MAC address", rte_eth_dev_default_mac_addr_set(number, &address))
    }

    /// What the device says of itself.
    public struct Status: Sendable {
        /// The driver's name, such as `net_vmxnet3`; `unknown` if DPDK does not say.
        public var driver: String
        /// Whether the port has carrier.
        public var isLinkUp: Bool
        /// The link's speed in Mb/s; 0: none, or unknown.
        public var speedMegabits: UInt32
        /// Whether the link sends and receives at a time.
        public var isFullDuplex: Bool
        /// The MTU in bytes; 0: the driver does not say.
        public var mtu: UInt16
        /// The device's NUMA node in the operating system; -1: unknown.
        public var numaNode: Int16
        /// Packets that the hardware received since the port was opened, as for the other counters.
        public var rxPackets: UInt64
        /// Packets that the hardware sent.
        public var txPackets: UInt64
        /// Packets that the hardware dropped because no receive descriptor was free.
        public var rxMissed: UInt64
        /// Packets that the hardware received broken.
        public var rxErrors: UInt64
        /// Receive buffers that the driver wanted and the pool did not have.
        public var rxNoBuffer: UInt64
    }

    /// Reads state and hardware counters.
    public var status: Status {
        var information = rte_eth_dev_info()
        _ = rte_eth_dev_info_get(number, &information)
        var link = rte_eth_link()
        _ = rte_eth_link_get_nowait(number, &link)
        var counters = rte_eth_stats()
        _ = rte_eth_stats_get(number, &counters)
        var mtu: UInt16 = 0
        _ = rte_eth_dev_get_mtu(number, &mtu)
        return Status(
            driver: information.driver_name.map { String(cString: $0) } ?? "unknown",
            isLinkUp: link.link_status != 0,
            // DPDK says UINT32_MAX where it does not know.
            speedMegabits: link.link_speed == .max ? 0 : link.link_speed,
            isFullDuplex: link.link_duplex != 0,
            mtu: mtu,
            numaNode: Int16(clamping: rte_eth_dev_socket_id(number)),
            rxPackets: counters.ipackets,
            txPackets: counters.opackets,
            rxMissed: counters.imissed,
            rxErrors: counters.ierrors,
            rxNoBuffer: counters.rx_nombuf
        )
    }

    private func check(_ step: String, _ result: CInt) throws(DPDKError) {
        guard result >= 0 else {
            throw .port(device: device, step: step, reason: EAL.reason(result))
        }
    }
}
