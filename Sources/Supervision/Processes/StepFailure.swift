internal import ControlProtocol
internal import Coordination
internal import LinuxSystem
internal import SystemPackage

/// Which life of which process.
struct ProcessName: Hashable, Sendable, CustomStringConvertible {
    var role: ProcessIdentity.Role
    var node: Int
    /// Counts the lives of this role on this node, from 1.
    var incarnation: UInt32

    var description: String { "node \(node) \(role)" }

    /// The name of its files in the node's runtime directory.
    var fileName: String {
        switch role {
        case .keeper: "keeper"
        case .worker: "worker.\(incarnation)"
        }
    }
}

/// Why a process did not do what was asked of it.
struct StepFailure: Error, Sendable, CustomStringConvertible {
    enum Cause: Hashable, Sendable {
        /// It could not be started.
        case start(what: String, Errno)
        /// Nothing came within the time.
        case late(step: String, within: Duration)
        /// It ended before.
        case ended(step: String, ExitStatus)
        /// The connection broke.
        case channel(ChannelError)
        /// It is of another build, or not who it should be.
        case stranger(String)
        /// It said no, with its reason.
        case refused(String)
    }

    var process: ProcessName
    var cause: Cause
    var lastState: ProcessState
    /// What the process said with its last state.
    var detail: String

    var description: String {
        let last = "last state \(lastState)" + (detail.isEmpty ? "" : " (\(detail))")
        switch cause {
        case .start(let what, let errno): return "\(process): \(what): \(errno)"
        case .late(let step, let within):
            return "\(process): no \"\(step)\" within \(seconds(within)) s; \(last)"
        case .ended(let step, let status):
            return "\(process): ended with \(status) before \"\(step)\"; \(last)"
        case .channel(let error): return "\(process): \(error); \(last)"
        case .stranger(let text): return "\(process): \(text)"
        case .refused(let text): return "\(process): \(text)"
        }
    }

    private func seconds(_ duration: Duration) -> String {
        let (whole, atto) = duration.components
        let milliseconds = atto / 1_000_000_000_000_000
        guard milliseconds > 0 else { return "\(whole)" }
        let digits = "\(1000 + milliseconds)".dropFirst()
        return "\(whole).\(digits)"
    }
}

/// How long each step may take before it counts as failed.
public struct StepTimes: Hashable, Sendable {
    /// Answering the first message.
    public var hello: Duration
    /// From its configuration to `attached` and to `ready`, each.
    public var environment: Duration
    /// From `forward` to `forwarding`.
    public var forward: Duration
    /// Acknowledging a journal entry after its last part, and taking the next part.
    public var change: Duration
    /// Acknowledging a whole snapshot after its last part.
    public var snapshot: Duration
    /// Answering any other request, such as a port setting.
    public var request: Duration
    /// From `drain` to its end.
    public var drain: Duration
    /// From SIGTERM to its end, and from SIGKILL.
    public var end: Duration

    /// Times for a machine; `slow` multiplies all of them by six, for emulated guests.
    public init(slow: Bool = false) {
        let factor = slow ? 6 : 1
        hello = .seconds(10) * factor
        environment = .seconds(10) * factor
        forward = .seconds(5) * factor
        change = .seconds(5) * factor
        snapshot = .seconds(20) * factor
        request = .seconds(5) * factor
        drain = .seconds(5) * factor
        end = .seconds(5) * factor
    }
}
