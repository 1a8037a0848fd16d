internal import ControlProtocol
internal import Glibc

/// Names of files that begin like what is typed.
enum FileNames {
    /// The most names that are offered.
    static let most = 1000

    /// Names that begin like the path `partial`, which starts from `folder` if it is relative.
    static func matching(_ partial: String, in folder: String) -> [CompletionReply.Entry] {
        let split = partial.lastIndex(of: "/").map { partial.index(after: $0) }
        let start = split.map { String(partial[..<$0]) } ?? ""
        let name = split.map { partial[$0...] } ?? partial[...]
        let path = start.hasPrefix("/") ? start : folder + "/" + start
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var entries: [CompletionReply.Entry] = []
        while let entry = readdir(directory), entries.count < most {
            let found = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard found.hasPrefix(name), found != ".", found != "..",
                !found.hasPrefix(".") || name.hasPrefix(".")
            else { continue }
            let isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            let word = start + found + (isFolder ? "/" : "")
            entries.append(.init(word: word, help: "", kind: .name))
        }
        return entries
    }
}
