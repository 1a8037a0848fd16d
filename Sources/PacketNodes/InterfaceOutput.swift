internal import Coordination
internal import PacketBuffers
public import PacketGraph

/// Sends frames to the transmit node of the interface that they leave by.
public struct InterfaceOutput: Node {
    /// Where packets go.
    public enum Next: UInt16, Exit {
        case drop

        /// The graph node that the exit leads to.
        public var target: String { "error-drop" }
    }

    /// Drop reasons.
    public enum Reason: UInt16, DropReason {
        case interfaceDown, unknownInterface

        /// What `show errors` prints.
        public var text: String {
            switch self {
            case .interfaceDown: "interface is down"
            case .unknownInterface: "no such interface"
            }
        }
    }

    /// The graph node's name.
    public static let name = "interface-output"
    /// What the node counts, by reason.
    public static var errors: [String] { Reason.texts }
    /// Those reasons that are no drops.
    public static var informational: [String] { Reason.information.map(\.text) }

    /// In `outputNodes`: there is no such interface.
    public static let noNode: UInt16 = .max

    private let context: UnsafeMutablePointer<LaneContext>
    private let outputNodes: UnsafeMutablePointer<UInt16>

    /// Makes the node of a lane.
    ///
    /// - Parameters:
    ///   - context: the lane's.
    ///   - outputNodes: by `sw_if_index`: the graph index of the node that transmits, or `noNode`;
    ///     `ForwardingTables.interfaceLimit` entries, filled in when the graph is built.
    public init(
        context: UnsafeMutablePointer<LaneContext>,
        outputNodes: UnsafeMutablePointer<UInt16>
    ) {
        self.context = context
        self.outputNodes = outputNodes
    }

    /// Works on a frame.
    public mutating func process(_ frame: borrowing Frame<Next>) {
        let tables = context.pointee.tables.pointee
        let count = frame.count
        var start = 0
        while start < count {
            let index = frame.mbufs[start].txInterface
            var end = start &+ 1
            while end < count, frame.mbufs[end].txInterface == index { end &+= 1 }
            let exit = send(frame, start, end, index, tables)
            while start < end {
                frame.nexts[start] = exit
                start &+= 1
            }
        }
    }

    @inline(__always)
    private func send(
        _ frame: borrowing Frame<Next>,
        _ start: Int,
        _ end: Int,
        _ index: UInt16,
        _ tables: ForwardingTables
    ) -> UInt16 {
        let isKnown = Int(index) < ForwardingTables.interfaceLimit
        let node = isKnown ? outputNodes[Int(index)] : Self.noNode
        if node != Self.noNode, tables.interface(index).pointee.isUp {
            frame.output.dispatcher.pointee.append(
                frame.mbufs + start,
                count: end &- start,
                to: node
            )
            return Frame<Next>.consumed
        }
        let reason: Reason = node == Self.noNode ? .unknownInterface : .interfaceDown
        var position = start
        while position < end {
            frame.mbufs[position].error = frame.error(reason.rawValue)
            position &+= 1
        }
        return Next.drop.rawValue
    }
}
