import Foundation
import LinuxSystem
import Testing

/// The reader of symbol tables: right on a small file, and harmless on broken ones.
@Suite struct SymbolTableTests {
    /// An ELF64 file with the functions `first` (0x1000, 16 bytes) and `second` (0x1010, 32 bytes).
    private static func file() -> [UInt8] {
        let names = Array("\0first\0second\0variable\0".utf8)
        var symbols = [UInt8](repeating: 0, count: 24)
        symbols += symbol(name: 1, kind: 2, address: 0x1000, size: 16)
        symbols += symbol(name: 14, kind: 1, address: 0x1004, size: 4)
        symbols += symbol(name: 7, kind: 2, address: 0x1010, size: 32)
        let symbolsAt = 64 + names.count
        let sectionsAt = symbolsAt + symbols.count
        var header: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1]
        header += [UInt8](repeating: 0, count: 0x28 - header.count)
        header += bytes(UInt64(sectionsAt)) + [UInt8](repeating: 0, count: 10)
        header += bytes(UInt16(64)) + bytes(UInt16(3)) + bytes(UInt16(0))
        let sections =
            [UInt8](repeating: 0, count: 64)
            + section(kind: 3, offset: 64, size: names.count, link: 0)
            + section(kind: 2, offset: symbolsAt, size: symbols.count, link: 1)
        return header + names + symbols + sections
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func symbol(name: UInt32, kind: UInt8, address: UInt64, size: UInt64) -> [UInt8]
    {
        bytes(name) + [kind, 0, 0, 0] + bytes(address) + bytes(size)
    }

    private static func section(kind: UInt32, offset: Int, size: Int, link: UInt32) -> [UInt8] {
        bytes(UInt32(0)) + bytes(kind) + [UInt8](repeating: 0, count: 16) + bytes(UInt64(offset))
            + bytes(UInt64(size)) + bytes(link) + [UInt8](repeating: 0, count: 20)
    }

    private static func table(_ file: [UInt8]) throws -> SymbolTable? {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try Data(file).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return SymbolTable(path: url.path)
    }

    @Test func findsFunctionsByAddress() throws {
        let table = try #require(try Self.table(Self.file()))
        #expect(table.function(at: 0xFFF) == nil)
        #expect(try #require(table.function(at: 0x1000)) == ("first", 0))
        #expect(try #require(table.function(at: 0x100F)) == ("first", 15))
        #expect(try #require(table.function(at: 0x1011)) == ("second", 1))
        #expect(table.function(at: 0x1030) == nil)
    }

    @Test func readsNoFurtherThanABrokenFileGoes() throws {
        let whole = Self.file()
        for count in 0..<whole.count { _ = try Self.table(Array(whole[..<count])) }
        for position in whole.indices {
            for value in [UInt8(0), 0x7F, 0xFF] {
                var broken = whole
                broken[position] = value
                let table = try Self.table(broken)
                for address: UInt64 in [0, 0x1000, 0x1020, .max] {
                    _ = table?.function(at: address)
                }
            }
        }
    }

    @Test func saysThatAFileHasNone() {
        #expect(SymbolTable(path: "/nonexistent") == nil)
        #expect(SymbolTable(path: "/proc/self/status") == nil)
    }
}
