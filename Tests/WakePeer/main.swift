import CLinux
import Coordination
import Glibc
import LinuxSystem

// A process that calls a lane of another process: `wake-peer FILE CALLS`, the lane's eventfd as
// descriptor 3. The file has a line for the lane's signals, its doorbell, what was published, and
// what the lane has seen. Each call waits until the lane has seen it, so that the lane sleeps
// between most of them.
let arguments = CommandLine.arguments
guard arguments.count == 3, let calls = UInt64(arguments[2]),
    let mapping = try? SharedMapping.open(path: arguments[1], writable: true)
else { exit(64) }
let words = mapping.base.assumingMemoryBound(to: UInt64.self)
let waker = LaneWaker(signals: LaneSignals(mapping.base), descriptor: 3)
let (bell, published, seen) = (words + 8, words + 16, words + 24)
for _ in 0..<calls {
    let next = published.pointee + 1
    CLinux_store_release64(published, next)
    CLinux_full_fence()
    if CLinux_load_relaxed64(bell) & 1 == 0 {
        _ = CLinux_fetch_or64(bell, 1)
        waker.wake()
    }
    while CLinux_load_acquire64(seen) < next { sched_yield() }
}
