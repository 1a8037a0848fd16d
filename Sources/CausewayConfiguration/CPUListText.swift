internal import LinuxSystem

/// CPU and node numbers as text.
enum CPUListText {
    /// The kernel's list format, such as `0-3,8`.
    static func format(_ numbers: [Int]) -> String {
        CPUSet(numbers.filter { (0..<CPUSet.capacity).contains($0) }).description
    }
}
