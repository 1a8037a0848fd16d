internal import Foundation

/// The folder of hwloc XML exports of real servers, which is not part of the repository.
///
/// `CAUSEWAY_TOPOLOGIES` names it; else it is the nearest `shared/topologies` beside a folder that
/// this source file lies in. Tests that need it are skipped, visibly, where it is missing.
public enum SharedTopologies {
    /// The folder's path; nil when there is none.
    public static let folder: String? = {
        if let named = ProcessInfo.processInfo.environment["CAUSEWAY_TOPOLOGIES"] {
            return hasXML(named) ? named : nil
        }
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let candidate = folder.appendingPathComponent("shared/topologies").path
            if hasXML(candidate) { return candidate }
        }
        return nil
    }()

    /// Why tests are skipped without the folder.
    public static let reason =
        "the folder of hwloc XML files is missing; name it with CAUSEWAY_TOPOLOGIES"

    /// Whether the folder is there.
    public static var areAvailable: Bool { folder != nil }

    /// The paths of the XML files, sorted; empty without the folder.
    public static var files: [String] {
        guard let folder else { return [] }
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".xml") }.sorted().map { "\(folder)/\($0)" }
    }

    /// The path of one file; nil when it is not there.
    public static func file(_ name: String) -> String? {
        files.first { $0.hasSuffix("/\(name)") }
    }

    private static func hasXML(_ path: String) -> Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
            .contains { $0.hasSuffix(".xml") }
    }
}

/// The repository this test runs from, for the files in `Topology/`.
public enum Repository {
    /// The path of the checkout's root.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
}
