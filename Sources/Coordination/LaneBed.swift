internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// Where a lane sleeps: on its eventfd and on the descriptors of devices that it serves.
///
/// One thread uses it. It is made before the lane runs, and allocates nothing later.
public struct LaneBed: @unchecked Sendable {
    /// What ended a sleep.
    public enum Ending: Sendable {
        /// There was no sleep: something had come by the time that the lane had said it sleeps.
        case called
        /// Another thread or process wrote the eventfd.
        case woken
        /// A device has something to read.
        case device
        /// The time was over.
        case time
    }

    /// The lane's line.
    public let signals: LaneSignals
    private let descriptors: UnsafeMutablePointer<pollfd>
    private let count: Int

    /// Makes a bed that lives as long as the process.
    ///
    /// - Parameters:
    ///   - signals: the lane's line, which a predecessor may still use.
    ///   - wakeup: the lane's eventfd, non-blocking; -1: none.
    ///   - devices: further descriptors that end a sleep when they can be read.
    public init(signals: LaneSignals, wakeup: Int32, devices: [Int32]) {
        self.signals = signals
        count = devices.count + 1
        descriptors = .allocate(capacity: count)
        for (index, descriptor) in ([wakeup] + devices).enumerated() {
            (descriptors + index).initialize(
                to: pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            )
        }
    }

    /// Says that the lane is awake, when it begins: a predecessor may have died in its sleep.
    public func rise() { signals.wakeUp() }

    /// Whether a device had something to read when the last sleep or look ended.
    ///
    /// - Parameter device: its place in the list given to `init`.
    /// - Returns: whether a read would find something.
    public func isReady(_ device: Int) -> Bool { descriptors[device + 1].revents != 0 }

    /// Looks at the devices without sleeping.
    ///
    /// - Returns: whether one has something to read.
    public func lookAtDevices() -> Bool {
        guard count > 1 else { return false }
        return CLinux_poll_microseconds(descriptors + 1, UInt32(count - 1), 0) > 0
    }

    /// Sleeps.
    ///
    /// - Parameters:
    ///   - microseconds: how long at most.
    ///   - isCalled: whether there is something to do; asked after the lane has said that it
    ///     sleeps, so that whoever comes later wakes it.
    /// - Returns: what ended it.
    @inline(__always)
    public func sleep(microseconds: UInt64, unless isCalled: () -> Bool) -> Ending {
        signals.fallAsleep()
        if isCalled() {
            signals.wakeUp()
            return .called
        }
        let ready = CLinux_poll_microseconds(descriptors, UInt32(count), microseconds)
        signals.wakeUp()
        guard ready > 0 else {
            for index in 0..<count { descriptors[index].revents = 0 }
            return .time
        }
        guard descriptors[0].revents != 0 else { return .device }
        var counter: UInt64 = 0
        _ = read(descriptors[0].fd, &counter, 8)
        return .woken
    }
}
