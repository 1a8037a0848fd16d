import TestSupport

/// A place where a file breaks a rule of the house.
struct Breach: Hashable, CustomStringConvertible {
    var path: String
    /// From 1; 0 for the file as a whole.
    var line: Int
    var text: String

    var description: String { line == 0 ? "\(path): \(text)" : "\(path):\(line): \(text)" }
}

/// A rule that every file must keep by itself.
typealias TidyRule = @Sendable (SourceFile) -> [Breach]

/// The rules of the house that a machine can check; swift-format checks the others.
enum TidyRules {
    static let longestFile = 400
    static let longestFunction = 70
    static let longestLine = 120

    /// C libraries: what their names start with, and the targets that may say them.
    ///
    /// Other targets go through these, so that a library's types and rules stay in one place.
    static let prefixOwners: [(prefix: String, targets: Set<Substring>)] = [
        ("rte_", ["CDPDK", "PacketBuffers"]),
        ("hwloc_", ["CHwloc", "HostTopology"]),
        ("numa_", ["CNUMA", "HostTopology"]),
    ]

    /// Files that may say such names outside those targets, each with its reason.
    static let prefixExceptions: [String: String] = [
        "bench/CBench/forward.c": "the reference that Swift is measured against is DPDK in C",
        "bench/CBench/pointers.c": "the reference that Swift is measured against is DPDK in C",
    ]

    /// The executables: only these write to standard output.
    static let printingTargets: Set<Substring> = [
        "causeway", "causewayctl", "causeway-node", "bench",
    ]

    static let fileLength: TidyRule = { file in
        let count = file.lines.count
        guard count > longestFile else { return [] }
        return [
            Breach(
                path: file.path,
                line: 0,
                text: "\(count) lines; at most \(longestFile): split it by theme"
            )
        ]
    }

    static let functionLength: TidyRule = { file in
        guard file.path.hasSuffix(".swift") else { return [] }
        return functionExtents(of: CodeText(file.text)).filter { $0.lineCount > longestFunction }
            .map {
                Breach(
                    path: file.path,
                    line: $0.firstLine,
                    text: "\($0.head): \($0.lineCount) lines; at most \(longestFunction)"
                )
            }
    }

    static let lineEnds: TidyRule = { file in
        var breaches = breaches(in: file, lines: file.lines) { line in
            if line.last == " " || line.last == "\t" || line.last == "\r" {
                return "blank at the line's end"
            }
            if line.contains("\t"), file.path.hasSuffix(".swift") {
                return "tab; indent by four spaces"
            }
            return nil
        }
        if !file.text.isEmpty, !file.text.hasSuffix("\n") || file.text.hasSuffix("\n\n") {
            breaches.append(Breach(path: file.path, line: 0, text: "must end with one newline"))
        }
        return breaches
    }

    static let lineLength: TidyRule = { file in
        breaches(in: file, lines: file.lines) { line in
            line.count > longestLine ? "\(line.count) columns; at most \(longestLine)" : nil
        }
    }

    static let noLeftovers: TidyRule = { file in
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
        return breaches(in: file, lines: file.lines) { line in
            let found = line.split { !$0.isLetter }.first { words.contains(String($0)) }
            return found.map { "\($0): finish it, or file an issue" }
        }
    }

    static let noMachinePaths: TidyRule = { file in
        let paths = ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/"]
        return breaches(in: file, lines: file.lines) { line in
            paths.first { line.contains($0) }.map { "\($0)... is a path of somebody's machine" }
        }
    }

    static let noPrint: TidyRule = { file in
        guard file.path.hasSuffix(".swift"), !printingTargets.contains(file.target) else {
            return []
        }
        return breaches(in: file, lines: CodeText(file.text).lines) { line in
            callsPrint(line) ? "print: only executables write to standard output" : nil
        }
    }

    static let cNamesStayHome: TidyRule = { file in
        guard prefixExceptions[file.path] == nil, file.target != "TidyTests" else { return [] }
        let away = prefixOwners.filter {
            !$0.targets.contains(file.target) && $0.targets.first != file.target
        }
        return breaches(in: file, lines: CodeText(file.text).lines) { line in
            let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
            return away.first { owner in words.contains { $0.hasPrefix(owner.prefix) } }
                .map {
                    "\($0.prefix)...: only \($0.targets.sorted().joined(separator: ", ")) may say it"
                }
        }
    }

    static let saysWhatItIs: TidyRule = { file in
        guard file.path.hasPrefix("Sources/") || file.path.hasPrefix("bench/") else { return [] }
        // What Type+Theme.swift is for, its name says.
        let isCommented =
            file.path.contains("+") || file.lines.contains { $0.trimmingBlanks.hasPrefix("//") }
        return isCommented
            ? [] : [Breach(path: file.path, line: 0, text: "no comment says what it is for")]
    }

    static let plainNames: TidyRule = { file in
        let name = file.path.split(separator: "/").last ?? ""
        let avoided = ["Manager", "Helper", "Util", "Common", "Misc"].first { name.contains($0) }
        return avoided.map {
            [
                Breach(
                    path: file.path,
                    line: 0,
                    text: "\($0) says nothing: name the file after its main type"
                )
            ]
        } ?? []
    }

    static let testNames: TidyRule = { file in
        guard file.path.hasPrefix("Tests/"), file.path.hasSuffix(".swift") else { return [] }
        return breaches(in: file, lines: CodeText(file.text).lines) { line in
            line.trimmingBlanks.hasPrefix("func test") || line.contains("@Test func test")
                ? "a test's name is a sentence, without the word test" : nil
        }
    }

    private static func callsPrint(_ line: String) -> Bool {
        ["print(", "debugPrint(", "dump("].contains { name in
            line.split { " {};=".contains($0) }.contains { $0.hasPrefix(name) }
        }
    }

    private static func breaches(
        in file: SourceFile,
        lines: [some StringProtocol],
        _ check: (String) -> String?
    ) -> [Breach] {
        lines.enumerated().compactMap { index, line in
            check(String(line)).map { Breach(path: file.path, line: index + 1, text: $0) }
        }
    }
}
