import LinuxSystem
import Testing

@Suite struct CRC32CTests {
    /// RFC 3720, B.4, and the check value of the algorithm.
    private static let published: [(bytes: [UInt8], sum: UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        ([], 0),
    ]

    @Test(arguments: published.indices) func hasThePublishedSums(index: Int) {
        #expect(CRC32C.checksum(of: Self.published[index].bytes) == Self.published[index].sum)
    }

    @Test func goesOnFromWhereItWas() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 31 ^ $0 >> 3) }
        let whole = CRC32C.checksum(of: bytes)
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            let first = CRC32C.checksum(of: bytes[..<cut])
            #expect(CRC32C.checksum(of: bytes[cut...], after: first) == whole)
        }
    }
}
