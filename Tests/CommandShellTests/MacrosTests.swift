import Testing

@testable import CommandShell

@Suite struct MacrosTests {
    @Test func replacesNamesWithAndWithoutParentheses() throws {
        var macros = Macros()
        try macros.define("net", "10.0.0.0/24")
        try macros.define("route", "ip route add $net via")
        #expect(try macros.expand("$route 10.1.0.1") == "ip route add 10.0.0.0/24 via 10.1.0.1")
        #expect(try macros.expand("show ip fib $(net)x") == "show ip fib 10.0.0.0/24x")
        #expect(try macros.expand(#"echo \$net costs 5$"#) == "echo $net costs 5$")
        #expect(macros.text == "net = 10.0.0.0/24\nroute = ip route add $net via\n")
        let (isKnown, isKnownTwice) = (macros.undefine("net"), macros.undefine("net"))
        #expect(isKnown && !isKnownTwice)
    }

    @Test func refusesWhatHasNoEnd() throws {
        var macros = Macros()
        try macros.define("a", "$b $b")
        try macros.define("b", "$a $a")
        #expect(throws: Macros.Fault(description: "macros name each other more than 8 deep")) {
            try macros.expand("$a")
        }
        #expect(throws: Macros.Fault.self) { try macros.expand("$missing") }
        #expect(throws: Macros.Fault.self) { try macros.define("1x", "y") }
    }
}
