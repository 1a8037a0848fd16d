import Testing

@testable import CommandShell

@Suite struct KeyDecoderTests {
    private func keys(_ text: String) -> [Key] {
        var decoder = KeyDecoder()
        let whole = decoder.feed(Array(text.utf8))
        // The same bytes one by one are the same keys.
        var single = KeyDecoder()
        let apart = Array(text.utf8).flatMap { single.feed([$0]) }
        #expect(whole == apart)
        return whole
    }

    @Test func namesKeysOfCommonTerminals() {
        #expect(keys("\u{1B}[A\u{1B}OA") == [.up, .up])
        #expect(keys("\u{1B}[1~\u{1B}[7~\u{1B}[H\u{1B}OH") == [.home, .home, .home, .home])
        #expect(keys("\u{1B}[4~\u{1B}[F\u{1B}[3~") == [.end, .end, .delete])
        #expect(keys("\u{1B}[1;5D\u{1B}[1;3C\u{1B}[D") == [.wordLeft, .wordRight, .left])
        #expect(keys("\u{1B}[5~\u{1B}[6~") == [.pageUp, .pageDown])
        #expect(keys("\r\n\t\u{7F}\u{08}") == [.enter, .enter, .tab, .backspace, .backspace])
        #expect(
            keys("\u{01}\u{1A}\u{1F}\u{00}") == [
                .control("a"), .control("z"), .control("_"), .control("@"),
            ]
        )
        #expect(keys("\u{1B}b\u{1B}\u{7F}") == [.alt("b"), .alt("\u{7F}")])
        #expect(keys("\u{1B}[99z\u{1B}[15~x") == [.unknown, .unknown, .character("x")])
    }

    @Test func readsUTF8() {
        #expect(keys("é€😀") == [.character("é"), .character("€"), .character("😀")])
        var decoder = KeyDecoder()
        let fed = [[0xFF, 0x41], [0xE2, 0x41], [0xE2, 0x82], [0xAC]].map { decoder.feed($0) }
        let wrong: [Key] = [.character("\u{FFFD}"), .character("A")]
        #expect(fed == [wrong, wrong, [], [.character("€")]])
    }

    @Test func waitsWhetherEscapeIsMore() {
        var decoder = KeyDecoder()
        let none = decoder.feed([0x1B])
        #expect(none == [] && decoder.isWaiting)
        let escape = decoder.flush()
        #expect(escape == [.escape] && !decoder.isWaiting)
        let more = decoder.feed(Array("\u{1B}[".utf8)) + decoder.flush()
        #expect(more == [.escape, .character("[")])
    }

    @Test func takesPastedTextAsOne() {
        #expect(keys("\u{1B}[200~a\n\tb?\u{1B}[201~c") == [.paste("a\n\tb?"), .character("c")])
        #expect(keys("\u{1B}[200~\u{1B}[A\u{1B}[201~") == [.paste("\u{1B}[A")])
    }

    @Test func survivesAnyBytes() {
        var random = SystemRandomNumberGenerator()
        var decoder = KeyDecoder()
        for _ in 0..<2000 {
            let count = Int.random(in: 1...40, using: &random)
            let bytes = (0..<count).map { _ in
                [UInt8(0x1B), 0x5B, 0x32, 0x7E, UInt8.random(in: 0...255, using: &random)]
                    .randomElement(using: &random) ?? 0
            }
            _ = decoder.feed(bytes)
        }
        _ = decoder.feed(Array("\u{1B}[201~".utf8))
        _ = decoder.flush()
        let last = decoder.feed([0x61])
        #expect(last == [.character("a")])
    }
}
