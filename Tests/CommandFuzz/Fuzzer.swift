import Foundation
import Synchronization
import TestSupport

/// What is fed.
protocol FuzzTarget {
    /// How it is called.
    var name: String { get }
    /// What mutations are spiced with.
    var words: [String] { get }
    /// The file of the corpus: a text a line.
    var corpus: String { get }
    /// The process whose memory must not grow; 0: this one.
    var process: Int32 { get }

    /// Whether a line of the corpus is one to start from.
    func takes(_ line: String) -> Bool

    /// A text of the corpus in the form that is fed.
    func seed(_ line: String) -> [UInt8]

    /// Feeds a text.
    ///
    /// - Returns: the sort of outcome, which tells what is worth mutating further.
    /// - Throws: `FuzzFault` for an answer that cannot be right.
    func examine(_ text: [UInt8]) async throws(FuzzFault) -> String
}

extension FuzzTarget {
    /// All are.
    func takes(_ line: String) -> Bool { true }

    /// Commands.
    var corpus: String { "lines.txt" }

    /// This one.
    var process: Int32 { 0 }
}

/// An answer that cannot be right.
struct FuzzFault: Error, CustomStringConvertible {
    var description: String
}

/// The number of the text that is being examined, for whoever looks into a crash.
private let current = Atomic<Int>(0)

/// Mutates texts and feeds them.
struct Fuzzer {
    let target: any FuzzTarget
    let count: Int
    let seed: UInt64
    let output: String?

    /// Longer texts are examined but not mutated further, in bytes.
    static let longestText = 1024
    /// The most texts that are kept; what the fuzzer itself keeps is not to be taken for a leak.
    static let mostTexts = 20_000
    /// More memory than after a tenth of the texts is a leak, in bytes.
    static let largestGrowth = 64 << 20
    private static let corpora = SourceTree().root
        .appendingPathComponent("Tests/CommandFuzz/corpus")

    /// Has a crash say which text it was at.
    static func reportCrashes() {
        for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGALRM] {
            signal(number) { number in
                let place = current.load(ordering: .relaxed)
                let line = "input \(place) ends in signal \(number)\n"
                _ = line.withCString { write(2, $0, strlen($0)) }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    /// Feeds all texts.
    ///
    /// - Returns: whether all answers can be right.
    func run() async -> Bool {
        let corpus = Self.corpora.appendingPathComponent(target.corpus)
        guard let lines = try? String(contentsOf: corpus, encoding: .utf8) else {
            print("\(target.name): \(corpus.path) cannot be read")
            return false
        }
        let texts = lines.split(separator: "\n").map(String.init).filter(target.takes).map(
            target.seed
        )
        var mutator = Mutator(texts: texts, words: target.words, seed: seed)
        var outcomes: Set<Int> = []
        var memory = 0
        let start = Date()
        for index in 0..<count {
            let text = index < texts.count ? texts[index] : mutator.next()
            current.store(index, ordering: .relaxed)
            alarm(10)
            do throws(FuzzFault) {
                let outcome = try await target.examine(text)
                if outcomes.insert(outcome.hashValue).inserted {
                    if text.count <= Self.longestText, mutator.texts.count < Self.mostTexts {
                        mutator.texts.append(text)
                    }
                    save(text, outcomes.count)
                }
            } catch {
                let shown = String(decoding: text, as: UTF8.self).debugDescription
                print("\(target.name): input \(index), seed \(seed): \(error)\n  \(shown)")
                return false
            }
            if index == count / 10 { memory = residentBytes }
            if (index + 1) % 100_000 == 0 {
                print("\(target.name): \(index + 1) inputs, \(outcomes.count) outcomes")
                fflush(nil)
            }
        }
        alarm(0)
        let growth = residentBytes - memory
        print(
            "\(target.name): \(count) inputs, seed \(seed): no crash, no hang, no wrong answer; "
                + "\(outcomes.count) outcomes, \(growth >> 10) KiB of growth, "
                + String(format: "%.0f s", Date().timeIntervalSince(start))
        )
        return growth <= Self.largestGrowth
    }

    private func save(_ text: [UInt8], _ number: Int) {
        guard let output else { return }
        do {
            try Data(text).write(to: URL(fileURLWithPath: "\(output)/\(target.name)-\(number)"))
        } catch { print("\(target.name): \(error)") }
    }

    private var residentBytes: Int {
        let process = target.process == 0 ? "self" : "\(target.process)"
        let fields = (try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8))?
            .split(separator: " ")
        return (fields.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * Int(getpagesize())
    }
}
