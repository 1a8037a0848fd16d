internal import Foundation

extension LiveDataplane {
    /// Runs a command line of causewayctl; also one that is refused.
    public func ctl(_ line: String, withinSeconds seconds: Double = 60) async throws
        -> CommandResult
    {
        let words = line.split(separator: " ").map(String.init)
        return try await TestSupport.run(
            [Machine.program("causewayctl"), "-s", "\(runtimeDirectory)/api.sock"] + words,
            withinSeconds: seconds
        )
    }

    /// Runs command lines that must succeed, in order.
    ///
    /// - Throws: `LiveDataplaneError.commandRefused` for the first that does not.
    public func configure(_ lines: String..., withinSeconds seconds: Double = 60) async throws {
        for line in lines {
            let result = try await ctl(line, withinSeconds: seconds)
            guard result.status == 0 else { throw LiveDataplaneError.commandRefused(result) }
        }
    }

    /// Runs `show WHAT` and reads its JSON.
    public func show(_ what: String) async throws -> JSONValue { try await json("show \(what)") }

    /// Runs a command line that must succeed, and reads its JSON.
    public func json(_ line: String) async throws -> JSONValue {
        let result = try await ctl("--json \(line)")
        guard result.status == 0 else { throw LiveDataplaneError.commandRefused(result) }
        return try JSONValue(parsing: result.output)
    }

    /// Writes a file of commands and has it executed.
    public func execute(_ text: String, withinSeconds seconds: Double = 60) async throws {
        let file = folder.appendingPathComponent("commands-\(UUID().uuidString)")
        try text.write(to: file, atomically: true, encoding: .utf8)
        try await configure("exec \(file.path)", withinSeconds: seconds)
    }
}

/// Looks again and again whether something has come true.
///
/// - Returns: false if it has not within that time.
public func eventually(
    withinSeconds seconds: Double,
    everyMilliseconds interval: Int = 50,
    _ condition: () async -> Bool
) async -> Bool {
    let limit = ContinuousClock.now + .seconds(seconds)
    while true {
        if await condition() { return true }
        if ContinuousClock.now > limit { return false }
        try? await Task.sleep(for: .milliseconds(interval))
    }
}
