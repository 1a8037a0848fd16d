internal import Coordination

/// The functions that a worker runs once at each point of its life, in an order that keeps their
/// constraints.
final class InitRegistry {
    /// When functions run.
    enum Phase: String, CaseIterable {
        /// Before anything is made: configuration that others build on.
        case earlyConfiguration = "early-config"
        /// Makes what the worker consists of.
        case initialize = "init"
        /// With everything made: configuration that needs it.
        case lateConfiguration = "config"
        /// For each lane, before it runs.
        case worker
        /// When lanes begin to poll.
        case enter
        /// When the worker ends in order.
        case exit
    }

    /// How far a function is.
    enum State: String { case pending, running, done, failed }

    private struct Entry {
        var step: OrderedStep
        var phase: Phase
        var state = State.pending
        var runs = 0
        let body: (Int) throws(StartError) -> Void
    }

    private var entries: [Entry] = []

    /// Adds a function.
    ///
    /// - Parameters:
    ///   - step: its name and constraints; they count within the phase.
    ///   - phase: when it runs.
    ///   - body: gets the lane in phase `worker`, else 0.
    func add(
        _ step: OrderedStep,
        _ phase: Phase,
        _ body: @escaping (Int) throws(StartError) -> Void
    ) {
        entries.append(Entry(step: step, phase: phase, body: body))
    }

    /// Runs the functions of a phase that have not run yet.
    ///
    /// - Parameters:
    ///   - phase: those registered for it.
    ///   - lanes: how often each function runs, with the numbers from 0 on.
    /// - Throws: the first failure, with the function's name; a cycle of constraints.
    func run(_ phase: Phase, lanes: Int = 1) throws(StartError) {
        // A function may register further ones of its own phase.
        while let index = try order(of: phase).first(where: { entries[$0].state == .pending }) {
            entries[index].state = .running
            do throws(StartError) {
                for lane in 0..<lanes {
                    try entries[index].body(lane)
                    entries[index].runs += 1
                }
                entries[index].state = .done
            } catch {
                entries[index].state = .failed
                throw error
            }
        }
    }

    private func order(of phase: Phase) throws(StartError) -> [Int] {
        let members = entries.indices.filter { entries[$0].phase == phase }
        do throws(StepOrderError) {
            return try members.map { entries[$0].step }.sortedByConstraints().map { members[$0] }
        } catch { throw StartError("\(phase.rawValue) functions: \(error)") }
    }

    /// The functions in the order they run, for `show init-function`.
    ///
    /// - Parameters:
    ///   - wanted: the name of a phase; empty: all.
    ///   - isVerbose: states and constraints too.
    /// - Returns: lines with line feeds.
    func report(_ wanted: String, isVerbose: Bool) -> String {
        Phase.allCases.filter { wanted.isEmpty || $0.rawValue == wanted }.map { phase in
            let order = (try? order(of: phase)) ?? []
            let lines = order.enumerated().map { place, index in
                "[\(place)]: \(entries[index].step.name)" + (isVerbose ? details(index) : "")
            }
            return (["\(phase.rawValue) functions:"] + lines).map { $0 + "\n" }.joined()
        }.joined()
    }

    private func details(_ index: Int) -> String {
        let entry = entries[index]
        let known = Set(entries.filter { $0.phase == entry.phase }.map(\.step.name))
        func list(_ title: String, _ names: [String]) -> String {
            let words = names.map { known.contains($0) ? $0 : "\($0) (not there)" }
            return words.isEmpty ? "" : ", \(title) \(words.joined(separator: " "))"
        }
        let times = entry.runs > 1 ? " \(entry.runs) times" : ""
        return " \(entry.state.rawValue)\(times)" + list("before", entry.step.runsBefore)
            + list("after", entry.step.runsAfter) + list("order", entry.step.order)
    }
}
