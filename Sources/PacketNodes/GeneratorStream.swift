internal import CLinux

/// A stream as its lane reads it: immutable, but for `edits`' positions and `state`, which the lane
/// alone writes.
struct GeneratorStream {
    /// What packets are copied from.
    ///
    /// For those that are made, `maximumBytes` bytes: the template with the first value of each varied
    /// field, then an incrementing pattern. Replayed ones lie there one after the other.
    var image: UnsafeMutablePointer<UInt8>
    /// Length fields and checksums by size, from `minimumBytes` on; nil: those of the image serve.
    var sizes: UnsafeMutablePointer<GeneratorSizeFields>?
    var layout: GeneratorLayout
    var minimumBytes: Int
    var maximumBytes: Int
    var sizesAreRandom: Bool
    /// What differs from packet to packet.
    var edits: UnsafeMutablePointer<GeneratorEdit>
    var editCount: Int
    /// Where each replayed packet ends in `image`; nil: packets are made.
    var ends: UnsafeMutablePointer<UInt32>?
    var endCount: Int
    /// `GeneratorInput.Next`.
    var exit: UInt16
    /// On which packets count as received; 0: on none.
    var interface: UInt16
    /// By which they leave, with the exit to `interface-output`.
    var txInterface: UInt16
    var framePackets: Int
    /// Packets in all; 0: no end.
    var limit: UInt64
    /// 0: as many as go.
    var packetsPerSecond: Double
    var state: UnsafeMutablePointer<GeneratorState>
}

/// The fields of packets of one size, as they lie in memory.
struct GeneratorSizeFields {
    var totalLength: UInt16 = 0
    var headerChecksum: UInt16 = 0
    var transportLength: UInt16 = 0
    var transportChecksum: UInt16 = 0
}

/// A field that differs from packet to packet, in a window of eight bytes.
struct GeneratorEdit {
    /// The window's first byte; even, so that its words are those of checksums.
    var base = 0
    /// By how many bits a value is moved up in the window, read as a big-endian number.
    var shift: UInt64 = 0
    /// The field's bits in the window.
    var mask: UInt64 = 0
    var first: UInt64 = 0
    /// The last value less the first.
    var span: UInt64 = 0
    var isRandom = false
    /// Where the checksums are that cover the field; 0: nowhere.
    var headerChecksum = 0
    var transportChecksum = 0
    /// How much the next value is above the first.
    var position: UInt64 = 0
}

/// How far a lane is with a stream.
struct GeneratorState {
    /// Packets made; read by the control lane.
    var made: UInt64 = 0
    /// Packets that may be made by now, and up to when that was worked out.
    var credit = 0.0
    var lastTime: UInt64 = 0
    /// The size of the next packet, or its place among those that are replayed.
    var size = 0
    var packet = 0
}

extension GeneratorStream {
    /// Puts the state and the edits where they are after a number of packets: all of them step once
    /// a packet.
    func place(after made: UInt64) {
        state.pointee.made = made
        state.pointee.packet = endCount == 0 ? 0 : Int(made % UInt64(endCount))
        state.pointee.size = minimumBytes + Int(made % UInt64(maximumBytes - minimumBytes + 1))
        for index in 0..<editCount {
            let span = edits[index].span
            edits[index].position = span == .max ? made : made % (span + 1)
        }
    }

    /// Makes the next packet.
    ///
    /// - Parameters:
    ///   - data: where it goes; there are eight bytes more than the largest packet has, or than the
    ///     last window of an edit needs.
    ///   - random: the state of the lane's random numbers.
    /// - Returns: its bytes.
    @inline(__always)
    func make(in data: UnsafeMutableRawPointer, random: inout UInt64) -> Int {
        if let ends { return replay(in: data, ends) }
        // An unsigned number cannot be below 0, which the copy would look at for each packet.
        let size = Int(UInt16(truncatingIfNeeded: nextSize(&random)))
        data.copyMemory(from: image, byteCount: size)
        if let sizes { layout.store(sizes[size &- minimumBytes], in: data) }
        var index = 0
        while index < editCount {
            (edits + index).pointee.apply(to: data, isUDP: layout.isUDP, random: &random)
            index &+= 1
        }
        return size
    }

    @inline(__always)
    private func nextSize(_ random: inout UInt64) -> Int {
        if sizesAreRandom {
            let count = UInt64(truncatingIfNeeded: maximumBytes &- minimumBytes &+ 1)
            let drawn = ((LaneContext.random(&random) &>> 32) &* count) &>> 32
            return minimumBytes &+ Int(truncatingIfNeeded: drawn)
        }
        let size = state.pointee.size
        state.pointee.size = size == maximumBytes ? minimumBytes : size &+ 1
        return size
    }

    @inline(__always)
    private func replay(
        in data: UnsafeMutableRawPointer,
        _ ends: UnsafeMutablePointer<UInt32>
    ) -> Int {
        let index = state.pointee.packet
        state.pointee.packet = index &+ 1 == endCount ? 0 : index &+ 1
        let start = index == 0 ? 0 : ends[index &- 1]
        let size = Int(ends[index] &- start)
        data.copyMemory(from: image + Int(start), byteCount: size)
        return size
    }
}

extension GeneratorEdit {
    /// Writes the field's next value, and what it makes of the checksums.
    @inline(__always)
    mutating func apply(
        to data: UnsafeMutableRawPointer,
        isUDP: Bool,
        random: inout UInt64
    ) {
        let value: UInt64
        if isRandom {
            let drawn = LaneContext.random(&random)
            let scaled = drawn.multipliedFullWidth(by: span &+ 1).high
            value = first &+ (span == .max ? drawn : scaled)
        } else {
            value = first &+ position
            position = position == span ? 0 : position &+ 1
        }
        let field = data + base
        let old = field.loadUnaligned(as: UInt64.self)
        let new = (UInt64(bigEndian: old) & ~mask | value &<< shift).bigEndian
        field.storeBytes(of: new, as: UInt64.self)
        guard headerChecksum | transportChecksum != 0 else { return }
        // Words that stay the same cancel out in one's complement.
        let inverse = ~old
        let change =
            (inverse & 0xFFFF_FFFF) &+ (inverse &>> 32) &+ (new & 0xFFFF_FFFF) &+ (new &>> 32)
        if headerChecksum != 0 { Self.update(data + headerChecksum, by: change) }
        guard transportChecksum != 0 else { return }
        Self.update(data + transportChecksum, by: change)
        // Zero in UDP means that there is no checksum, so a sum of zero is written as its other
        // form.
        if isUDP, (data + transportChecksum).loadUnaligned(as: UInt16.self) == 0 {
            (data + transportChecksum).storeBytes(of: .max, as: UInt16.self)
        }
    }

    @inline(__always)
    private static func update(_ field: UnsafeMutableRawPointer, by change: UInt64) {
        let checksum = field.loadUnaligned(as: UInt16.self)
        let sum = InternetChecksum.fold(UInt64(~checksum) &+ change)
        field.storeBytes(of: ~sum, as: UInt16.self)
    }
}
