/// A folder where hugetlbfs is mounted.
public struct HugepageMount: Hashable, Sendable, Codable {
    /// The folder.
    public var path: String
    /// Bytes of the pages that files in it are made of.
    public var pageBytes: Int

    /// Creates one from its parts.
    public init(path: String, pageBytes: Int) {
        self.path = path
        self.pageBytes = pageBytes
    }

    /// The mounts named in the kernel's table.
    ///
    /// - Parameters:
    ///   - table: text in the format of `/proc/mounts`.
    ///   - defaultPageBytes: the page size of a mount that names none.
    /// - Returns: those that may be written, in the order of the table.
    static func parse(table: String, defaultPageBytes: Int) -> [HugepageMount] {
        table.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count >= 4, fields[2] == "hugetlbfs" else { return nil }
            let options = fields[3].split(separator: ",")
            // Read-only mounts are of no use for DPDK.
            guard options.contains("rw") else { return nil }
            let named = options.first { $0.hasPrefix("pagesize=") }?.dropFirst(9)
            return HugepageMount(
                path: unescaped(fields[1]),
                pageBytes: named.flatMap(pageBytes) ?? defaultPageBytes
            )
        }
    }

    private static func pageBytes(_ text: Substring) -> Int? {
        let shifts: [Character: Int] = ["K": 10, "M": 20, "G": 30]
        guard let last = text.last, let shift = shifts[last], let count = Int(text.dropLast())
        else {
            return Int(text)
        }
        return count << shift
    }

    /// The kernel writes blanks in paths as `\040`.
    private static func unescaped(_ path: Substring) -> String {
        var result: [UInt8] = []
        var rest = Array(path.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(3), as: UTF8.self)
            if byte == UInt8(ascii: "\\"), digits.utf8.count == 3,
                let code = UInt8(digits, radix: 8)
            {
                result.append(code)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
