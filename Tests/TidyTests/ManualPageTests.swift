import Foundation
import TestSupport
import Testing

/// The manual page of topology files has the keys that the reference in docs/ has.
@Suite struct ManualPageTests {
    private func text(_ path: String) throws -> String {
        let url = SourceTree().root.appendingPathComponent(path)
        return try String(contentsOf: url, encoding: .utf8)
    }

    /// The keys in the first column of the tables whose heads begin with a text.
    private func keys(_ document: String, head: String) -> [String] {
        var isInside = false
        var keys: [String] = []
        for line in document.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix(head) {
                isInside = true
            } else if !line.hasPrefix("|") {
                isInside = false
            }
            guard isInside, line.hasPrefix("| `") else { continue }
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            keys += cell.matches(of: /`([a-z-]+)`/).map { String($0.output.1) }
        }
        return keys
    }

    @Test(arguments: [("| key of a node |", 14), ("| key of a port |", 13)])
    func topologyPageHasEveryKey(head: String, count: Int) throws {
        let page = try text("deploy/debian/man/causeway-topology.5")
            .replacingOccurrences(of: "\\-", with: "-")
        let keys = keys(try text("docs/topology.md"), head: head)
        #expect(keys.count >= count, "\(keys)")
        for key in keys {
            let isThere = page.split(separator: "\n").contains { line in
                line.hasPrefix(".B ")
                    && line.dropFirst(3).split { ", ".contains($0) }.contains { $0 == key }
            }
            #expect(isThere, "\(key)")
        }
    }
}
