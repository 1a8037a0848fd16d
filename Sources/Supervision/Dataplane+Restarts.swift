extension Dataplane {
    /// None, for a dataplane without workers.
    public func recoveries() async -> [Recovery] { [] }

    /// Impossible, for a dataplane without workers.
    public func restart(node: Int) async throws(ChangeError) -> RestartOutcome {
        throw ChangeError("no worker runs that could be restarted")
    }

    /// Impossible, for a dataplane without workers.
    public func apply(
        topology path: String,
        isCheck: Bool
    ) async throws(ChangeError) -> ApplyReport {
        throw ChangeError("no worker runs that could be restarted")
    }

    /// Impossible, for a dataplane without workers.
    public func restartWhole(node: Int) async throws(ChangeError) -> RestartOutcome {
        throw ChangeError("no worker runs that could be restarted")
    }

    /// Impossible, for a dataplane without workers.
    public func checkUpgrade(nodes: [Int], with path: String) async throws(ChangeError) {
        throw ChangeError("no worker runs that could be upgraded")
    }

    /// Impossible, for a dataplane without workers.
    public func upgrade(
        node: Int,
        with path: String
    ) async throws(ChangeError) -> RestartOutcome {
        throw ChangeError("no worker runs that could be upgraded")
    }
}
