/// What a worker's heap must hold whatever is configured.
///
/// Placements are checked against it before anything is started, workers allocate by it.
public enum WorkerHeap {
    /// Bytes of the IPv4 lookup table: a 32-bit word for each of the 2^24 networks of length 24.
    public static let lookupTableBytes = 4 << 24
    /// Bytes for interfaces, adjacencies, path lists (two generations at a time) and prefixes longer
    /// than 24.
    public static let leastTableBytes = 16 << 20
    /// The smallest heap that a worker starts with and can be configured in.
    public static let minimumBytes = lookupTableBytes + leastTableBytes
}
