internal import CDPDK

/// What DPDK refused.
public enum DPDKError: Error, Hashable, Sendable, CustomStringConvertible {
    /// EAL did not start, or an lcore could not be given work.
    case environment(reason: String)
    /// The packet pool could not be made.
    case pool(name: String, buffers: Int, reason: String)
    /// A worker did not find its keeper's pool.
    case poolMissing(name: String)
    /// A handoff ring could not be made where it belongs.
    case ring(name: String, reason: String)
    /// No ethdev port has that device's name.
    case noPort(device: String)
    /// A step on a port failed, with the driver's reason.
    case port(device: String, step: String, reason: String)
    /// The device has fewer queues than wanted; `kind` is `rx` or `tx`.
    case queues(device: String, wanted: Int, available: Int, kind: String)

    /// What DPDK refused, and what the operator can change.
    public var description: String {
        switch self {
        case .environment(let reason):
            "DPDK's environment does not start (\(reason)); see its own lines above, and check hugepages "
                + "and devices with `causeway topology plan`"
        case .pool(let name, let buffers, let reason):
            "pool \(name) of \(buffers) buffers: \(reason); lower `buffers` or raise `eal-memory`"
        case .poolMissing(let name):
            "pool \(name) is not in this DPDK domain; is the keeper running?"
        case .ring(let name, let reason): "ring \(name): \(reason)"
        case .noPort(let device):
            "no DPDK port for device \(device); is it bound to a DPDK driver (vfio-pci, uio_pci_generic)?"
        case .port(let device, let step, let reason): "port \(device): \(step): \(reason)"
        case .queues(let device, let wanted, let available, let kind):
            "port \(device): \(wanted) \(kind) queues wanted, the device has \(available); use fewer lanes "
                + "on its node or set `\(kind)-queues`"
        }
    }
}

/// DPDK's environment abstraction layer.
public enum EAL {
    /// Starts it; once in a process.
    ///
    /// - Parameter arguments: as on the command line, without a program name.
    /// - Throws: `environment`, with DPDK's reason; it cannot be tried again in this process.
    public static func start(_ arguments: [String]) throws(DPDKError) {
        cw_log_level(UInt32(RTE_LOG_WARNING))
        var pointers = (["causeway-node"] + arguments).map { strdup($0) }
        pointers.append(nil)
        // EAL keeps pointers into its arguments, so they are never freed.
        let result = pointers.withUnsafeMutableBufferPointer {
            rte_eal_init(CInt($0.count - 1), $0.baseAddress)
        }
        guard result >= 0 else { throw .environment(reason: lastError) }
    }

    /// The text of DPDK's last error in this thread.
    public static var lastErrorText: String { lastError }

    /// The same, for this module.
    static var lastError: String { String(cString: rte_strerror(cw_errno())) }

    /// The text of a negative return value.
    static func reason(_ result: CInt) -> String { String(cString: rte_strerror(-result)) }

    /// Ticks of the time-stamp counter a second.
    public static var hertz: UInt64 { cw_tsc_hz() }

    /// DPDK's version text.
    public static var version: String { String(cString: cw_version()) }

    /// The level of the x86-64 ABI that the packet side was compiled for, such as `v3`.
    public static var processor: String { String(cString: cw_processor()) }

    /// Runs `body` on an lcore of this process.
    ///
    /// - Parameters:
    ///   - lcore: the lcore's id in EAL's arguments.
    ///   - argument: given to `body`; must live as long as it runs.
    ///   - body: what the lcore's thread calls, once.
    /// - Throws: `environment` if there is no such lcore or it is busy.
    public static func launch(
        lcore: Int,
        argument: UnsafeMutableRawPointer,
        body: @convention(c) (UnsafeMutableRawPointer?) -> CInt
    ) throws(DPDKError) {
        let result = cw_launch(body, argument, UInt32(lcore))
        guard result == 0 else {
            throw .environment(reason: "lcore \(lcore): \(reason(result))")
        }
    }

    /// Waits until what runs on an lcore has returned.
    public static func wait(lcore: Int) { _ = cw_wait(UInt32(lcore)) }

    /// Makes a handoff ring in zeroed memory of `HandoffLayout.ringBytes`.
    ///
    /// - Parameters:
    ///   - memory: where the ring's header goes; 64-byte aligned.
    ///   - name: shown by DPDK's tools; cut at 28 bytes.
    ///   - cells: a power of two; one less can be in the ring.
    /// - Throws: `ring` for a number of cells that DPDK does not take.
    public static func makeHandoffRing(
        at memory: UnsafeMutableRawPointer,
        name: String,
        cells: Int
    ) throws(DPDKError) {
        let result = cw_ring_init(memory, String(name.utf8.prefix(28)) ?? "handoff", UInt32(cells))
        guard result == 0 else { throw .ring(name: name, reason: reason(result)) }
    }

    /// The cells that an initialised handoff ring says it has.
    public static func handoffRingCells(at memory: UnsafeMutableRawPointer) -> Int {
        Int(cw_ring_size(memory))
    }
}
