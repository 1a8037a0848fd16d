import Testing

@testable import CausewayConfiguration

@Suite struct TextTests {
    @Test(arguments: [
        ("4096", 4096), ("192M", 192 << 20), ("2G", 2 << 30), ("1k", 1024), ("3MiB", 3 << 20),
        ("1T", 1 << 40), ("5MB", 5 << 20), ("0", 0),
    ])
    func readsSizes(text: String, bytes: Int) { #expect(ByteCount.parse(text) == bytes) }

    @Test(arguments: [
        "", "M", "1.5G", "-1", "1Q", "9999999999999G", "9223372036854775808", "1 G", "1MM",
    ])
    func refusesOtherSizes(text: String) { #expect(ByteCount.parse(text) == nil) }

    @Test func writesSizesThatItReads() {
        for bytes in [1, 4096, 3 << 20, 1 << 30, (1 << 30) + 1, 5 << 40] {
            #expect(ByteCount.parse(ByteCount.format(bytes)) == bytes)
        }
        #expect(ByteCount.approximate(188 << 30 + 0) == "188G")
        #expect(ByteCount.approximate((3 << 30) / 2) == "1.5G")
    }

    @Test func measuresTheDistanceOfWords() {
        #expect(Spelling.distance("heap", "heap") == 0)
        #expect(Spelling.distance("haep", "heap") == 1)
        #expect(Spelling.distance("hea", "heap") == 1)
        #expect(Spelling.distance("", "heap") == 4)
        #expect(Spelling.suggestion(for: "bufers", among: ["buffers", "ports"]) == "buffers")
        #expect(Spelling.suggestion(for: "x", among: ["lanes", "ports"]) == nil)
    }
}
