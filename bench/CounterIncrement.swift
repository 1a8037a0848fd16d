import CBench
import Coordination
import PacketGraph

/// What it costs to count a packet and its bytes for its interface.
final class CounterIncrement: LoopSubject {
    override var checksum: UInt64 {
        (0..<Self.interfaces).reduce(0) { sum, index in
            sum &+ block.interface(index)[1] &+ plain[index * 8 + 1]
        }
    }

    private let block = makeLaneBlock()
    private let plain: UnsafeMutablePointer<UInt64>
    private let packetInterfaces: UnsafeMutablePointer<UInt8>
    private let lengths: UnsafeMutablePointer<UInt16>
    private static let interfaces = 64
    private static let packets = 4096

    init() {
        plain = .allocate(capacity: Self.interfaces * 8)
        plain.initialize(repeating: 0, count: Self.interfaces * 8)
        packetInterfaces = .allocate(capacity: Self.packets)
        lengths = .allocate(capacity: Self.packets)
        var random = SeededRandom(seed: 7)
        for packet in 0..<Self.packets {
            packetInterfaces[packet] = UInt8(random.next(below: Self.interfaces))
            lengths[packet] = UInt16(64 + random.next(below: 1400))
        }
        super.init(unit: "clocks/packet", operations: Self.packets)
    }

    deinit {
        block.base.deallocate()
        plain.deallocate()
        packetInterfaces.deallocate()
        lengths.deallocate()
    }

    override func work() {
        var packet = 0
        while packet < Self.packets {
            let words = block.interface(Int(packetInterfaces[packet]))
            words[LaneBlock.InterfaceWord.rxPackets.rawValue] &+= 1
            words[LaneBlock.InterfaceWord.rxBytes.rawValue] &+= UInt64(lengths[packet])
            packet &+= 1
        }
    }

    override func reference() {
        CBench_counters_add(plain, packetInterfaces, lengths, UInt32(Self.packets))
    }
}
