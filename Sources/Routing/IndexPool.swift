/// Numbers from 1 on that are given out and come back.
///
/// One that came back rests while others do, so that a packet that is on its way with an old number does
/// not meet its next owner.
struct IndexPool: Sendable {
    /// How many numbers rest at least before one is given out again.
    static let delay = 64

    private var next: UInt32 = 1
    /// Numbers that others gave out, and may still be in use.
    private var foreign: Set<UInt32>

    /// Makes a pool that has given out nothing.
    init(avoiding foreign: Set<UInt32> = []) { self.foreign = foreign }

    /// Takes numbers in that others gave out, once they are not in use any more.
    ///
    /// Those that were not come to are left where they are: they are given out in their turn.
    mutating func adoptForeign() {
        for index in foreign.sorted() where index < next { give(index) }
        foreign = []
    }
    private var resting: [UInt32] = []
    private var head = 0

    mutating func take() -> UInt32 {
        guard resting.count - head > Self.delay else {
            while foreign.contains(next) { next += 1 }
            next += 1
            return next - 1
        }
        defer {
            head += 1
            if head > 1024, head * 2 > resting.count {
                resting.removeFirst(head)
                head = 0
            }
        }
        return resting[head]
    }

    mutating func give(_ index: UInt32) { resting.append(index) }
}
