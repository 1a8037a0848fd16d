internal import ControlProtocol

extension CommandTable {
    private static let show = Syntax.word("show", "what there is") + .word("ip", "IPv4")
    /// The prefixes that `show ip fib` lists unless told otherwise.
    static let shownPrefixes = 10_000

    /// The commands `show ip ...`.
    static let fibCommands = [
        Command(
            show + .word("fib", "the routes")
                + .optional(
                    .choice([
                        .word("summary", "prefixes by length"),
                        .value("prefix", .prefix, "this prefix and those within"),
                        .value("address", .address, "the route of this address"),
                    ])
                )
                + .optional(
                    .option("max", .integer(0...Int(Int32.max)), "the most prefixes listed; 0: all")
                ),
            "Shows routes: all, those within a prefix, or the one that an address takes."
        ) { input, session throws(CommandFailure) in
            let view = await session.dataplane.view()
            if input.has("summary") { return FibSummaryReport(view) }
            if let address = input.address("address") {
                return FibReport(view, address: address)
            }
            let limit = input.integer("max") ?? shownPrefixes
            return FibReport(view, within: input.prefix("prefix"), limit: limit == 0 ? .max : limit)
        },
        Command(
            show + .word("neighbors", "who has which address")
                + .optional(.value("interface", .interface, "only this one")),
            "Shows who has which address on connected subnets."
        ) { input, session throws(CommandFailure) in
            NeighboursReport(await session.dataplane.view(), only: input.text("interface"))
        },
    ]
}
