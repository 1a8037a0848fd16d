internal import SystemPackage

/// Files that commands name, read whole.
enum WholeFile {
    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file's.
    ///   - maximumBytes: a longer one is refused.
    ///   - position: of its name in the line.
    /// - Returns: its bytes.
    /// - Throws: `CommandFailure` with the cause.
    static func read(
        _ path: String,
        maximumBytes: Int,
        position: Int? = nil
    ) throws(CommandFailure) -> [UInt8] {
        do {
            // A pipe that nobody writes to must not keep the supervisor.
            let file = try FileDescriptor.open(path, .readOnly, options: .nonBlocking)
            return try file.closeAfter {
                let size = Int(clamping: try file.seek(offset: 0, from: .end))
                guard size <= maximumBytes else { throw Errno.fileTooLarge }
                var bytes = [UInt8](repeating: 0, count: size)
                let count = try bytes.withUnsafeMutableBytes { buffer in
                    var filled = 0
                    while filled < size {
                        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                        let read = try file.read(fromAbsoluteOffset: Int64(filled), into: rest)
                        if read == 0 { break }
                        filled += read
                    }
                    return filled
                }
                bytes.removeLast(size - count)
                return bytes
            }
        } catch {
            throw .refused("cannot read \(path): \(error)", position: position)
        }
    }
}
