internal import ControlProtocol
internal import LinuxSystem

/// Which program a process runs.
public struct ProgramStatus: Hashable, Sendable, Encodable {
    /// Its path when the process was started.
    public var path: String
    /// The version text of its build.
    public var version: String
    /// What the linker made of its content, hexadecimal; empty: nothing.
    public var buildID: String

    /// Names a program.
    public init(path: String, version: String, buildID: String) {
        self.path = path
        self.version = version
        self.buildID = buildID
    }

    /// The build in a few characters.
    public var build: String { BuildVersions(version: version, buildID: buildID).name }
}

extension NodeProcess {
    /// The program that this process runs; nil: it has not said yet of which build it is.
    var program: ProgramStatus? {
        guard let versions = identity?.versions else { return nil }
        return ProgramStatus(
            path: child.stamp.executable,
            version: versions.version,
            buildID: versions.buildID
        )
    }
}
