public import Foundation

/// The files of this repository, as tests find them.
public struct SourceTree: Sendable {
    /// The folder that holds Package.swift.
    public let root: URL

    /// The tree that this very file was compiled from.
    public init() {
        root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    /// The text files under some folders, or the files themselves, in the order of their paths.
    ///
    /// Hidden files and folders are left out, those named outright excepted.
    ///
    /// - Parameters:
    ///   - paths: relative to the root.
    ///   - endings: what the names end in; empty for all files.
    /// - Returns: the files that are UTF-8.
    public func files(under paths: [String], endingIn endings: [String] = []) -> [SourceFile] {
        paths.flatMap { path -> [SourceFile] in
            relativePaths(at: path).sorted().compactMap { relative in
                guard endings.isEmpty || endings.contains(where: relative.hasSuffix) else {
                    return nil
                }
                return SourceFile(root: root, path: relative)
            }
        }
    }

    private func relativePaths(at path: String) -> [String] {
        let url = root.appendingPathComponent(path)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            return []
        }
        guard isFolder.boolValue else { return [path] }
        let inside =
            FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
        return inside.filter { name in
            !name.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "__pycache__" }
        }.map { "\(path)/\($0)" }
    }
}

/// A text file of the repository.
public struct SourceFile: Sendable {
    /// Relative to the repository's root.
    public let path: String
    /// The contents.
    public let text: String

    /// A file with the given contents, for tests of rules.
    public init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    /// Reads a file; nil for folders and for what is not UTF-8.
    init?(root: URL, path: String) {
        guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        else { return nil }
        self.init(path: path, text: text)
    }

    /// The lines without their ends; line number `n` is at `n - 1`.
    public var lines: [Substring] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    /// The target's name for a file in `Sources/` or `Tests/`, else the first folder.
    public var target: Substring {
        let parts = path.split(separator: "/")
        guard let first = parts.first, first == "Sources" || first == "Tests", parts.count > 2
        else {
            return parts.first ?? ""
        }
        return parts[1]
    }
}
