import CBench
import Coordination
import PacketGraph

/// What it costs to count a packet and its bytes for its interface.
final class CounterIncrement: Subject {
    let unit = "clocks/packet"
    let parts: [String] = []
    var checksum: UInt64 {
        (0..<Self.interfaces).reduce(0) { sum, index in
            sum &+ block.interface(index)[1] &+ reference[index * 8 + 1]
        }
    }

    private let block = makeLaneBlock()
    private let reference: UnsafeMutablePointer<UInt64>
    private let packetInterfaces: UnsafeMutablePointer<UInt8>
    private let lengths: UnsafeMutablePointer<UInt16>
    private static let interfaces = 64
    private static let packets = 4096

    init() {
        reference = .allocate(capacity: Self.interfaces * 8)
        reference.initialize(repeating: 0, count: Self.interfaces * 8)
        packetInterfaces = .allocate(capacity: Self.packets)
        lengths = .allocate(capacity: Self.packets)
        var random = SeededRandom(seed: 7)
        for packet in 0..<Self.packets {
            packetInterfaces[packet] = UInt8(random.next(below: Self.interfaces))
            lengths[packet] = UInt16(64 + random.next(below: 1400))
        }
    }

    deinit {
        block.base.deallocate()
        reference.deallocate()
        packetInterfaces.deallocate()
        lengths.deallocate()
    }

    func run(batches: Int, into values: UnsafeMutablePointer<Double>) {
        measure(batches, values) {
            var packet = 0
            while packet < Self.packets {
                let words = block.interface(Int(packetInterfaces[packet]))
                words[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= 1
                words[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= UInt64(lengths[packet])
                packet &+= 1
            }
        }
    }

    func runReference(batches: Int, into values: UnsafeMutablePointer<Double>) {
        measure(batches, values) {
            CBench_counters_add(reference, packetInterfaces, lengths, UInt32(Self.packets))
        }
    }

    @inline(__always)
    private func measure(
        _ batches: Int,
        _ values: UnsafeMutablePointer<Double>,
        _ body: () -> Void
    ) {
        for batch in 0..<batches {
            let switches = contextSwitches()
            let start = timestamp()
            body()
            let clocks = Double(timestamp() &- start)
            values[batch] = contextSwitches() == switches ? clocks / Double(Self.packets) : .nan
        }
    }
}
