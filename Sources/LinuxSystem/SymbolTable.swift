#if canImport(Glibc)
    internal import Glibc
#endif

/// The functions of an ELF64 file by address, from its symbol table (System V ABI, "Symbol Table").
///
/// It has local functions too, which the dynamic symbols that a running process can look up have
/// not. Nothing in the file is trusted: what points outside of it is left out.
public struct SymbolTable {
    private struct Function {
        var address: UInt64
        var size: UInt64
        /// Where the name starts in the file.
        var name: Int
    }

    private let file: [UInt8]
    private var functions: [Function] = []
    /// The largest file that is read.
    private static let maximumBytes = 1 << 30

    /// Reads a file; nil: it is no ELF64 file, or has no symbol table because it was stripped.
    public init?(path: String) {
        guard let bytes = Self.read(path) else { return nil }
        file = bytes
        guard bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
        let sections = Int(clamping: load(UInt64.self, 0x28))
        let size = Int(load(UInt16.self, 0x3A))
        for index in 0..<Int(load(UInt16.self, 0x3C)) {
            let header = sections &+ index &* size
            // SHT_SYMTAB; its names are in the section that it links to.
            guard load(UInt32.self, header &+ 4) == 2 else { continue }
            let names = sections &+ Int(load(UInt32.self, header &+ 0x28)) &* size
            read(
                from: Int(clamping: load(UInt64.self, header &+ 0x18)),
                byteCount: Int(clamping: load(UInt64.self, header &+ 0x20)),
                names: Int(clamping: load(UInt64.self, names &+ 0x18))
            )
        }
        guard !functions.isEmpty else { return nil }
        functions.sort { $0.address < $1.address }
    }

    /// The function that an address is in.
    ///
    /// - Parameter address: relative to where the file is loaded.
    /// - Returns: its name as the linker has it, and how far into it the address is; nil: none.
    public func function(at address: UInt64) -> (name: String, offset: UInt64)? {
        var (low, high) = (0, functions.count)
        while low < high {
            let middle = (low + high) / 2
            if functions[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address - functions[low - 1].address < max(1, functions[low - 1].size)
        else { return nil }
        let function = functions[low - 1]
        let name = file[function.name...].prefix { $0 != 0 }
        return (String(decoding: name, as: UTF8.self), address - function.address)
    }

    private mutating func read(from start: Int, byteCount: Int, names: Int) {
        guard start >= 0, byteCount >= 0, names >= 0, start <= file.count,
            byteCount <= file.count - start
        else { return }
        for entry in stride(from: start, to: start + byteCount - 23, by: 24) {
            let name = names.addingReportingOverflow(Int(load(UInt32.self, entry)))
            // STT_FUNC with an address.
            guard load(UInt8.self, entry + 4) & 15 == 2, load(UInt64.self, entry + 8) != 0,
                !name.overflow, name.partialValue < file.count
            else { continue }
            functions.append(
                Function(
                    address: load(UInt64.self, entry + 8),
                    size: load(UInt64.self, entry + 16),
                    name: name.partialValue
                )
            )
        }
    }

    /// A little-endian number of the file; 0 outside of it.
    private func load<Number: FixedWidthInteger>(_: Number.Type, _ offset: Int) -> Number {
        guard offset >= 0, offset <= file.count - MemoryLayout<Number>.size else { return 0 }
        return file.withUnsafeBytes {
            Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self))
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard (64...maximumBytes).contains(size) else { return nil }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got =
                    buffer.baseAddress.map { pread(descriptor, $0 + count, size - count, count) }
                    ?? 0
                guard got > 0 else { return }
                count += got
            }
        }
    }
}
