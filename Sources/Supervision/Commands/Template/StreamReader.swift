package import ControlProtocol

/// Reads definitions of streams as the command does, without a dataplane: for tests.
package struct StreamReader: Sendable {
    private let surroundings: StreamSurroundings
    private let context: GrammarContext

    /// Makes a reader.
    ///
    /// - Parameters:
    ///   - interfaces: what there is, in the order of their indices from 1.
    ///   - lanes: how many lanes each NUMA node has.
    package init(interfaces: [(name: String, node: Int)], lanes: [Int: Int]) {
        surroundings = StreamSurroundings(
            interfaces: interfaces.enumerated().map { index, interface in
                StreamSurroundings.Interface(
                    name: interface.name,
                    index: UInt16(index + 1),
                    node: interface.node
                )
            },
            lanes: lanes
        )
        context = GrammarContext(
            interfaces: interfaces.map(\.name),
            numaNodes: lanes.keys.sorted()
        )
    }

    /// Reads a line.
    ///
    /// - Parameter line: `packet-generator new { ... }`.
    /// - Returns: the stream, and what its words were taken for.
    /// - Throws: `CommandFailure` for any other line; files are not read.
    package func stream(
        _ line: String
    ) throws(CommandFailure) -> (PacketGeneratorStream, Set<String>) {
        let match = try CommandTable.grammar.match(
            try CommandToken.split(line),
            length: line.utf8.count,
            context: context
        )
        let input = CommandInput(captures: match.captures)
        guard CommandTable.commands[match.form].name == "packet-generator new {" else {
            throw .refused("another command", position: 0)
        }
        guard input.text("pcap") == nil else { throw .refused("a file", position: 0) }
        let request = try StreamRequest(input, surroundings)
        return (request.stream, Set(match.captures.map(\.key)))
    }
}
