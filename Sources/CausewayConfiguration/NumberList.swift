internal import LinuxSystem

/// Numbers in the kernel's list format, such as `0-3,8`, or `none`.
func list(_ numbers: [Int]) -> String {
    // Numbers beyond the set's range can only come from a wrong file; they have findings of their own.
    let known = numbers.filter { (0..<CPUSet.capacity).contains($0) }
    return known.isEmpty ? "none" : CPUSet(known).description
}
