/// All subjects, in the order in which they are measured.
enum Catalogue {
    static var entries: [Entry] {
        let routes = [1, 1_000, 100_000, 1_000_000]
        let fib = routes.map { count in
            Entry(name: "fib/routes=\(count)") { _ in
                try FibLookup(routes: count, areScattered: false)
            }
        }
        let scattered = [100_000, 1_000_000].map { count in
            Entry(name: "fib/scattered=\(count)", isQuick: false) { _ in
                try FibLookup(routes: count, areScattered: true)
            }
        }
        let dispatch = [256, 1].map { frame in
            Entry(name: "dispatch/frame=\(frame)") { machine in
                try EmptyGraph(
                    frame: frame, pool: machine.makePool("bench", buffers: Self.poolBuffers))
            }
        }
        return fib + scattered + dispatch
    }

    static let poolBuffers = 16_383

    /// The entries that the names on the command line mean: a whole name, or what stands before a slash.
    static func entries(matching names: [String], isQuick: Bool) throws -> [Entry] {
        guard !names.isEmpty else { return entries.filter { !isQuick || $0.isQuick } }
        for name in names where !entries.contains(where: { matches($0.name, name) }) {
            throw BenchError("no subject \(name); --list shows all")
        }
        return entries.filter { entry in names.contains { matches(entry.name, $0) } }
    }

    private static func matches(_ subject: String, _ name: String) -> Bool {
        subject == name || subject.hasPrefix(name + "/")
    }
}
