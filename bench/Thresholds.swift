import FoundationEssentials
import SystemPackage

/// What a measurement must not exceed.
struct Thresholds: Decodable {
    /// By subject: the most that the ratio to the C loop may be.
    let ratios: [String: Double]
    /// By what is counted (`allocations`, `reference-counts`): the most that a subject may have.
    let counted: [String: Double]

    init(path: String) throws {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw BenchError("\(path) cannot be read; --thresholds names another file")
        }
        do { self = try JSONDecoder().decode(Thresholds.self, from: data) } catch {
            throw BenchError("\(path): \(error)")
        }
    }

    /// Finds what exceeds its threshold.
    ///
    /// - Parameters:
    ///   - rows: what was measured.
    ///   - countedOnly: leave times alone.
    /// - Returns: a sentence each.
    func findings(in rows: [Row], countedOnly: Bool) -> [String] {
        rows.compactMap { row in
            if row.unit == "count" {
                guard let kind = row.subject.split(separator: "/").last.map(String.init),
                    let limit = counted[kind], row.median > limit
                else { return nil }
                return "\(row.subject): \(Int(row.median)), and \(Int(limit)) is the most allowed"
            }
            guard !countedOnly, let ratio = row.ratio, let limit = ratios[row.subject],
                ratio > limit
            else { return nil }
            return
                "\(row.subject): \(hundredths(ratio)) times the C loop, and \(limit) is the most allowed"
        }
    }
}
