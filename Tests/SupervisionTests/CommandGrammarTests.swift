import Testing

@testable import Supervision

@Suite struct CommandGrammarTests {
    private let context = GrammarContext(interfaces: ["tap0", "tap1", "addr0"], numaNodes: [0, 1])

    private func failure(_ line: String) -> CommandFailure? {
        do {
            _ = try match(line)
            return nil
        } catch {
            return error
        }
    }

    private func match(_ line: String) throws(CommandFailure) -> [String] {
        let tokens = try CommandToken.split(line)
        let match = try CommandTable.grammar.match(
            tokens,
            length: line.utf8.count,
            context: context
        )
        return match.captures.map(\.key)
    }

    @Test func takesAbbreviationsThatAreUnambiguous() throws {
        #expect(try match("sh int addr") == ["show", "interface", "address"])
        #expect(try match("sh ver") == ["show", "version"])
        #expect(
            try match("set int st tap0 up") == ["set", "interface", "state", "interface", "up"]
        )
        #expect(
            try match("sh runtime node 1 sum") == ["show", "runtime", "node", "node", "summary"]
        )
    }

    @Test func prefersAnInterfaceNameToAnAbbreviation() throws {
        #expect(try match("show interface addr0") == ["show", "interface", "interface"])
        #expect(try match("show interface add") == ["show", "interface", "address"])
    }

    @Test func namesTheWordsThatAnAbbreviationCouldBe() {
        let failure = failure("show i")
        #expect(failure?.message == "\"i\" after \"show\" is ambiguous")
        #expect(failure?.expected == ["interface", "ip", "init-function"])
        #expect(failure?.position == 5)
    }

    @Test func suggestsWhatAMisspeltWordWasMeantToBe() {
        let failure = failure("show interfce")
        #expect(
            failure?.message
                == "unknown word \"interfce\" after \"show\"; did you mean \"interface\"?"
        )
        #expect(failure?.expected.starts(with: ["version", "threads", "lanes", "nodes"]) == true)
        #expect(failure?.position == 5)
        #expect(failure?.kind == .syntax)
    }

    @Test func saysWhatIsMissingAtTheEnd() {
        let failure = failure("set interface state tap0")
        #expect(failure?.message == "\"set interface state tap0\" is not complete")
        #expect(failure?.expected == ["up", "down"])
        #expect(failure?.position == 24)
    }

    @Test func listsTheInterfacesWhereAnUnknownOneIsNamed() {
        let failure = failure("set interface state tap9 up")
        #expect(
            failure?.message
                == "\"tap9\" after \"set interface state\" is not the name of an interface; "
                + "did you mean \"tap0\"?"
        )
        #expect(failure?.expected == ["tap0", "tap1", "addr0"])
    }

    @Test func saysWhichNumbersFit() {
        let failure = failure("set interface mtu 67 tap0")
        #expect(
            failure?.message == "\"67\" after \"set interface mtu\" is not a number in 68...9216"
        )
    }

    @Test func refusesWordsAfterTheEnd() {
        #expect(failure("show version now")?.message == "unexpected \"now\" after \"show version\"")
    }

    @Test func takesAnOptionOnce() {
        #expect(failure("show runtime verbose verbose") != nil)
        #expect(failure("show runtime verbose max") == nil)
        #expect(failure("show runtime max verbose") == nil)
    }

    @Test func splitsWordsAtBlanksAndBraces() throws {
        let tokens = try CommandToken.split("a{b \"c d\"}\t# rest { \"")
        #expect(tokens.map(\.text) == ["a", "{", "b", "c d", "}"])
        #expect(tokens.map(\.offset) == [0, 1, 2, 4, 9])
        #expect(throws: CommandFailure.self) { try CommandToken.split("show \"x") }
    }

    @Test func refusesALineOfTooManyWords() throws {
        let most = String(repeating: "a ", count: CommandToken.mostWords)
        #expect(try CommandToken.split(most).count == CommandToken.mostWords)
        let tooMany = #expect(throws: CommandFailure.self) { try CommandToken.split(most + "a") }
        #expect(tooMany?.position == most.utf8.count)
    }

    @Test func listsWhatMayComeNext() throws {
        let tokens = try CommandToken.split("set interface promiscuous on")
        let found = try CommandTable.grammar.expected(after: tokens, context: context)
        #expect(found.next.map(\.label) == ["INTERFACE"])
        #expect(found.next[0].candidates == ["tap0", "tap1", "addr0"])
        #expect(!found.isComplete)
        let complete = try CommandTable.grammar.expected(
            after: try CommandToken.split("show errors"),
            context: context
        )
        #expect(complete.isComplete)
        #expect(complete.next.map(\.label) == ["verbose", "node"])
    }

    @Test func describesEveryCommandInOneLine() {
        for command in CommandTable.commands {
            #expect(!command.syntax.summary.isEmpty)
            #expect(command.summary.hasSuffix("."))
        }
    }

    @Test func survivesRandomLines() {
        var random = SeededGenerator(seed: 20_260_301)
        let words =
            [
                "show", "sh", "set", "interface", "int", "ip", "route", "add", "del", "via",
                "count",
                "10.0.0.0/8", "10.0.0.1", "tap0", "tap1", "weight", "255", "-1",
                "99999999999999999999",
                "packet-generator", "new", "{", "}", "data", "IP4:", "->", "-", "UDP:", "ICMP:",
                "hex",
                "0xff", "0x", "name", "limit", "1e6", "1e999", "size", "64-128", "128-64", "1,,2",
                "02:fe:00:00:00:01", "1.2.3", "\"", "#", "?", "é", "\u{0}", "show?", "0.0.0.0/33",
                "incrementing", "rate", "fib", "max", "mtu", "exec", "/", "handoff", "nodes", "0,1",
            ].map { Array($0.utf8) }
        for _ in 0..<100_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let word = words[Int.random(in: 0..<words.count, using: &random)]
                switch Int.random(in: 0..<10, using: &random) {
                case 0: bytes += word
                case 1: bytes += word.prefix(Int.random(in: 0...word.count, using: &random)) + [32]
                case 2: bytes += word + [UInt8.random(in: 0...255, using: &random), 32]
                default: bytes += word + [32]
                }
            }
            let line = String(decoding: bytes, as: UTF8.self)
            if let failure = failure(line), let position = failure.position {
                #expect(position <= line.utf8.count, "\(line)")
            }
        }
    }
}

/// A linear congruential generator, so that a run can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
