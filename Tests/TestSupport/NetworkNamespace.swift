internal import Foundation

/// A network namespace with one interface in it: a host that sends traffic through the dataplane.
public struct NetworkNamespace: Sendable {
    /// The namespace's name.
    public let name: String

    /// Makes a namespace without IPv6, so that nothing is sent that a test did not ask for.
    public init(making name: String) async throws {
        self.name = name
        try await succeed(["ip", "netns", "add", name])
        try await succeed(["ip", "-n", name, "link", "set", "lo", "up"])
        for scope in ["all", "default"] {
            try await runSucceeding("sysctl", "-qw", "net.ipv6.conf.\(scope).disable_ipv6=1")
        }
    }

    /// Takes an interface out of the machine's namespace into this one and gives it an address.
    ///
    /// - Parameters:
    ///   - interface: its name.
    ///   - address: such as `10.0.0.2/24`.
    ///   - gateway: where the default route leads.
    /// - Throws: `CommandError`.
    public func adopt(interface: String, address: String, gateway: String) async throws {
        try await succeed(["ip", "link", "set", interface, "netns", name])
        try await succeed(["ip", "-n", name, "address", "add", address, "dev", interface])
        try await succeed(["ip", "-n", name, "link", "set", interface, "up"])
        try await succeed(["ip", "-n", name, "route", "add", "default", "via", gateway])
    }

    /// Runs a command in the namespace; also for an exit status other than 0.
    public func run(_ words: String..., withinSeconds seconds: Double = 60) async throws
        -> CommandResult
    {
        try await TestSupport.run(inside(words), withinSeconds: seconds)
    }

    /// Runs a command in the namespace that must succeed.
    ///
    /// - Returns: what it wrote to standard output.
    @discardableResult
    public func runSucceeding(
        _ words: String...,
        withinSeconds seconds: Double = 60
    ) async throws -> String {
        try await succeed(inside(words), withinSeconds: seconds)
    }

    /// Starts a command in the namespace.
    public func start(_ words: String...) throws -> RunningCommand {
        try RunningCommand(inside(words))
    }

    private func inside(_ words: [String]) -> [String] { ["ip", "netns", "exec", name] + words }

    /// Ends what runs in the namespace and removes it, if it is there.
    public static func remove(_ name: String) async {
        guard FileManager.default.fileExists(atPath: "/run/netns/\(name)") else { return }
        let pids = (try? await succeed(["ip", "netns", "pids", name])) ?? ""
        for pid in pids.split(separator: "\n").compactMap({ Int32($0) }) { kill(pid, SIGKILL) }
        _ = try? await succeed(["ip", "netns", "delete", name])
    }
}
