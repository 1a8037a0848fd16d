import Glibc
import LinuxSystem

/// A path in shared memory that nobody else uses; what is there goes with this value.
final class TemporaryFile {
    let path = "/dev/shm/causeway-events-\(getpid())-\(UInt64.random(in: 0 ..< .max))"

    deinit { SmallFile.removeTree(path) }
}
