import Glibc
import LinuxSystem
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(4)))
struct ChildProcessTests {
    private func run(_ script: String, descriptor: CInt? = nil) throws -> ChildProcess {
        try ChildProcess.spawn(
            executable: "/bin/sh",
            arguments: ["-c", script],
            environment: ["PATH": "/usr/bin:/bin", "WORD": "from the parent"],
            descriptor: descriptor
        )
    }

    @Test func reportsExitStatusAndSignal() throws {
        let exiting = try run("exit 7")
        #expect(exiting.process.waitForEnd(milliseconds: 20_000))
        #expect(exiting.reap() == .exited(code: 7))
        let sleeping = try run("sleep 100")
        #expect(!sleeping.process.waitForEnd(milliseconds: 0))
        #expect(sleeping.reap() == nil)
        try sleeping.process.send(signal: SIGKILL)
        #expect(sleeping.process.waitForEnd(milliseconds: 20_000))
        #expect(sleeping.reap() == .signalled(SIGKILL))
        #expect(sleeping.reap() == .unknown)
        // A process that is gone takes no signal, and that is no error.
        try sleeping.process.send(signal: SIGTERM)
    }

    @Test func aProgramThatIsNotThereIsAnError() {
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try ChildProcess.spawn(
                executable: "/nonexistent/program",
                arguments: [],
                environment: [:]
            )
        }
    }

    @Test func theChildHasDescriptorThreeAndNoOther() throws {
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
        // A descriptor without close-on-exec, as a library might leave it.
        let stray = open("/dev/null", O_RDONLY)
        let child = try run(
            "ls /proc/self/fd | tr '\\n' ' ' >&3; echo $WORD >&3",
            descriptor: ends[1]
        )
        for descriptor in [ends[1], stray] { close(descriptor) }
        #expect(child.process.waitForEnd(milliseconds: 20_000))
        #expect(child.reap() == .exited(code: 0))
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(ends[0], &buffer, buffer.count)
        close(ends[0])
        // ls itself opens the directory, as the next free one.
        let text = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        #expect(text == "0 1 2 3 4 from the parent\n")
    }

    @Test func aChildIsInASessionOfItsOwn() throws {
        let child = try run("sleep 100")
        #expect(getsid(child.process.pid) == child.process.pid)
        try child.process.send(signal: SIGKILL)
        #expect(child.process.waitForEnd(milliseconds: 20_000))
        _ = child.reap()
    }

    @Test func aStampTellsAProcessFromALaterOne() throws {
        let child = try run("sleep 100")
        var stamp = child.stamp
        #expect(stamp.isAlive)
        #expect(ProcessStamp(line: stamp.line) == stamp)
        stamp.startTicks += 1
        #expect(!stamp.isAlive)
        try child.process.send(signal: SIGKILL)
        #expect(child.process.waitForEnd(milliseconds: 20_000))
        // Ended, though not reaped yet.
        #expect(!child.stamp.isAlive)
        _ = child.reap()
        for text in ["", "12", "x 5 /bin/sh", "0 5 /bin/sh", "-4 5 /bin/sh", "12 x /bin/sh"] {
            #expect(ProcessStamp(line: text) == nil)
        }
    }

    @Test func aLockIsHeldUntilItsOwnerLetsGo() throws {
        let path = "/dev/shm/causeway-lock-\(getpid())"
        defer { SmallFile.remove(path) }
        var lock: FileLock? = try FileLock.take(path: path, content: "pid=1")
        #expect(lock != nil && FileLock.isHeld(path: path))
        #expect(throws: FileLockError.held(path: path, content: "pid=1")) {
            try FileLock.take(path: path, content: "pid=2")
        }
        lock = nil
        #expect(!FileLock.isHeld(path: path))
        let again = try FileLock.take(path: path, content: "3")
        #expect(SmallFile.read(path) == "3")
        again.remove()
        #expect(!SmallFile.exists(path))
    }
}
