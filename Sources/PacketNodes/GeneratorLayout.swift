/// Where in a stream's packets the fields are that are kept right; 0: nowhere, or not kept.
struct GeneratorLayout {
    /// The network header, and the first byte behind it.
    var network = 0
    var transport = 0
    /// The first byte behind the network packet.
    var end = 0
    var isIPv6 = false
    /// Whether the transport header is UDP's.
    var isUDP = false
    /// Whether the transport checksum covers the addresses.
    var coversAddresses = false
    /// IPv4's total length or IPv6's payload length.
    var totalLength = 0
    var headerChecksum = 0
    /// UDP's length.
    var transportLength = 0
    var transportChecksum = 0

    /// The bytes of both addresses.
    var addresses: Range<Int> {
        isIPv6 ? network + 8..<network + 40 : network + 12..<network + 20
    }

    /// Takes out of what is kept right what is to differ by itself.
    mutating func release(_ bytes: Range<Int>) {
        for field in [
            \Self.totalLength, \.headerChecksum, \.transportLength, \.transportChecksum,
        ] where self[keyPath: field] > 0 {
            let start = self[keyPath: field]
            if bytes.overlaps(start..<start + 2) { self[keyPath: field] = 0 }
        }
    }

    /// Writes the fields of a size.
    @inline(__always)
    func store(_ fields: GeneratorSizeFields, in data: UnsafeMutableRawPointer) {
        if totalLength > 0 {
            (data + totalLength).storeBytes(of: fields.totalLength, as: UInt16.self)
        }
        if headerChecksum > 0 {
            (data + headerChecksum).storeBytes(of: fields.headerChecksum, as: UInt16.self)
        }
        if transportLength > 0 {
            (data + transportLength).storeBytes(of: fields.transportLength, as: UInt16.self)
        }
        if transportChecksum > 0 {
            (data + transportChecksum).storeBytes(of: fields.transportChecksum, as: UInt16.self)
        }
    }
}
