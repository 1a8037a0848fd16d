import LinuxSystem
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct ChildProcessTests {
    /// The kernel lets a parent go on a moment before `/proc/PID/exe` is the new program.
    @Test func aStampNamesTheProgramOfTheChildAndNotTheParents() throws {
        for _ in 0..<300 {
            let child = try ChildProcess.spawn(
                executable: "/bin/sleep",
                arguments: ["60"],
                environment: [:]
            )
            defer {
                kill(child.process.pid, SIGKILL)
                while child.reap() == nil { usleep(100) }
            }
            #expect(child.stamp.executable.hasSuffix("/sleep"))
            #expect(child.stamp.isAlive)
        }
    }

    @Test func aProgramThatIsNotThereIsAnErrorAndNoChild() {
        #expect(throws: (any Error).self) {
            try ChildProcess.spawn(executable: "/nonexistent", arguments: [], environment: [:])
        }
    }
}
