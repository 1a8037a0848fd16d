internal import LinuxSystem

/// Where hugepages of a size are mounted.
enum HugepageMount {
    /// Finds the hugetlbfs mount with pages of a size.
    ///
    /// - Parameters:
    ///   - pageBytes: the page size.
    ///   - mounts: the text of /proc/mounts.
    ///   - defaultPageBytes: the kernel's default page size, which a mount without `pagesize=` has.
    static func find(pageBytes: Int, mounts: String, defaultPageBytes: Int) -> String? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4, fields[2] == "hugetlbfs" else { continue }
            let option = fields[3].split(separator: ",").first { $0.hasPrefix("pagesize=") }
            let size = option.map { bytes(of: $0.dropFirst(9)) } ?? defaultPageBytes
            if size == pageBytes { return unescape(String(fields[1])) }
        }
        return nil
    }

    /// The same on this machine.
    static func find(pageBytes: Int) -> String? {
        find(
            pageBytes: pageBytes,
            mounts: SmallFile.read("/proc/mounts") ?? "",
            defaultPageBytes: defaultPageBytes(SmallFile.read("/proc/meminfo") ?? "")
        )
    }

    /// The page size that /proc/meminfo names.
    static func defaultPageBytes(_ meminfo: String) -> Int {
        for line in meminfo.split(separator: "\n") where line.hasPrefix("Hugepagesize:") {
            let fields = line.split(separator: " ")
            if fields.count >= 2, let kibibytes = Int(fields[1]) { return kibibytes << 10 }
        }
        return 2 << 20
    }

    private static func bytes(of text: some StringProtocol) -> Int? {
        guard let unit = text.last, let shift = ["K": 10, "k": 10, "M": 20, "G": 30][unit],
            let count = Int(text.dropLast())
        else { return Int(text) }
        return count << shift
    }

    /// Undoes the octal escapes of /proc/mounts.
    private static func unescape(_ text: String) -> String {
        guard text.contains("\\") else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(3), as: UTF8.self)
            if byte == UInt8(ascii: "\\"), digits.utf8.count == 3,
                let code = UInt8(digits, radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
