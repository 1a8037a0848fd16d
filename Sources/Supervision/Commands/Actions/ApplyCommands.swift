extension CommandTable {
    /// Another topology.
    static let applyCommands: [Command] = [
        Command(
            .word("apply", "bring what runs to a topology file")
                + .value("file", .path, "the topology file")
                + .optional(.word("--check", "only say what would be restarted")),
            "Compares a topology file with what runs, and restarts only the nodes that must, one after "
                + "the other; if one does not come up, all are brought back to what they were. --check "
                + "only shows the plan. The next start reads the file of the startup file again."
        ) { input, session throws(CommandFailure) in
            let path = try input.required(input.text("file"), "FILE")
            do throws(ChangeError) {
                return try await session.dataplane.apply(
                    topology: path,
                    isCheck: input.has("--check")
                )
            } catch { throw .refused(error) }
        }
    ]
}
