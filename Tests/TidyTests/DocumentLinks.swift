import Foundation
import TestSupport

/// Links of a Markdown file to files of the repository that are not there.
func brokenLinks(in file: SourceFile, of tree: SourceTree) -> [Breach] {
    let folder = tree.root.appendingPathComponent(file.path).deletingLastPathComponent()
    return file.lines.enumerated().flatMap { index, line -> [Breach] in
        linkTargets(in: line).filter { target in
            let path = String(target.prefix { $0 != "#" })
            guard !path.isEmpty, !path.contains("://"), !path.hasPrefix("mailto:") else {
                return false
            }
            return !FileManager.default.fileExists(atPath: folder.appendingPathComponent(path).path)
        }.map { Breach(path: file.path, line: index + 1, text: "\($0) is not there") }
    }
}

/// What stands in the parentheses of `[text](target)`.
func linkTargets(in line: some StringProtocol) -> [String] {
    line.ranges(of: "](").compactMap { opening in
        let rest = line[opening.upperBound...]
        guard let end = rest.firstIndex(of: ")") else { return nil }
        return String(rest[..<end])
    }
}
