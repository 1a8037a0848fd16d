internal import ControlProtocol
internal import Logging

/// An address on an interface.
struct LearnedKey: Hashable, Sendable {
    var interface: UInt16
    var address: UInt32
}

extension Supervisor {
    /// How long the first learned neighbour waits for others that share its journal entry.
    private static let seenDelay = Duration.milliseconds(1)
    /// The most that wait; further ones are dropped, and a worker reports them again.
    private static let seenCapacity = 8192

    /// Takes note of what a worker learned.
    func noteNeighbour(interface: UInt16, address: UInt32, mac: MACAddress) {
        guard !isStopping, seen.count < Self.seenCapacity else { return }
        seen[LearnedKey(interface: interface, address: address)] = mac
        guard seenFlush == nil else { return }
        seenFlush = Task {
            guard (try? await Task.sleep(for: Self.seenDelay)) != nil else { return }
            await flushNeighbours()
        }
    }

    private func flushNeighbours() async {
        while !seen.isEmpty, !isStopping {
            let batch = seen.map { key, mac in
                LearnedNeighbour(
                    interface: key.interface,
                    address: IPv4Address(bits: key.address),
                    mac: mac
                )
            }
            seen.removeAll()
            if let reason = await journal.learn(batch) {
                log(.debug, "neighbour-refused", ["reason": reason])
            }
        }
        seenFlush = nil
    }
}
