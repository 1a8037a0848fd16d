internal import CLinux
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// What a process may do beyond what its user may: see capabilities(7).
public struct Capabilities: OptionSet, Hashable, Sendable, CustomStringConvertible {
    /// Bit n is capability number n.
    public let rawValue: UInt64

    /// A set of capabilities by their numbers.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Interfaces and TAPs.
    public static let networkAdministration = Capabilities(rawValue: 1 << 12)
    /// I/O ports, and memory of devices.
    public static let rawInputOutput = Capabilities(rawValue: 1 << 17)
    /// Among much else, physical addresses of pages.
    public static let systemAdministration = Capabilities(rawValue: 1 << 21)

    /// The mask as /proc/PID/status writes it.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The privileges of this process.
public enum Privileges {
    /// What of the calling thread may be used now (effective), and may come at all (bounding).
    public static var ofCallingThread: (effective: Capabilities, bounding: Capabilities) {
        func field(_ name: String) -> Capabilities {
            let text = SmallFile.read("/proc/thread-self/status") ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            let digits = line?.split(separator: "\t").last ?? ""
            return Capabilities(rawValue: UInt64(digits, radix: 16) ?? 0)
        }
        return (field("CapEff"), field("CapBnd"))
    }

    /// Gives up all capabilities but some, for good: for the calling thread, and those that it starts later.
    ///
    /// To be called while the process has one thread. No program that is run later gets more
    /// (no_new_privs), nor may anything be in the bounding set that this process may take out of it.
    ///
    /// - Parameter kept: what stays, if it is there; nothing is added.
    /// - Throws: the `Errno` of the kernel's refusal.
    public static func keep(_ kept: Capabilities) throws(Errno) {
        try systemCall { CLinux_set_no_new_privileges() }
        for number in 0..<64 where !kept.contains(Capabilities(rawValue: 1 << UInt64(number))) {
            // The kernel knows no further ones from the first on that it does not know.
            guard CLinux_bounding_set_has(Int32(number)) >= 0 else { break }
            do throws(Errno) {
                try systemCall { CLinux_bounding_set_drop(Int32(number)) }
            } catch {
                // Who may not change the set cannot gain by it either.
                guard error == .notPermitted else { throw error }
            }
        }
        let left = ofCallingThread.effective.intersection(kept)
        try systemCall { CLinux_set_capabilities(left.rawValue) }
    }

    /// Lets threads of this process have any real-time priority without a capability.
    ///
    /// Where this process may not raise the limit, the kernel refuses the policy when it is set.
    public static func allowRealTimePriorities() {
        var limit = rlimit(rlim_cur: 99, rlim_max: 99)
        setrlimit(__rlimit_resource_t(__RLIMIT_RTPRIO.rawValue), &limit)
    }
}
