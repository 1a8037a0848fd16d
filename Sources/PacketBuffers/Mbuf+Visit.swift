extension Mbuf {
    /// Looks at every mbuf of a list in order, four at a time, with the headers of the next eight and
    /// the data of the next four on their way to the first-level cache.
    ///
    /// - Parameters:
    ///   - mbufs: `count` of them.
    ///   - count: how many; 0 is none.
    ///   - body: called once for each, with its place in the list.
    @inlinable @inline(__always)
    public static func visit(
        _ mbufs: UnsafePointer<Mbuf>,
        count: Int,
        _ body: (_ index: Int, _ mbuf: Mbuf) -> Void
    ) {
        var index = 0
        while index &+ 12 <= count {
            for ahead in 8..<12 { mbufs[index &+ ahead].prefetchHeader() }
            for ahead in 4..<8 { mbufs[index &+ ahead].prefetchData() }
            for step in 0..<4 { body(index &+ step, mbufs[index &+ step]) }
            index &+= 4
        }
        while index < count {
            body(index, mbufs[index])
            index &+= 1
        }
    }
}
