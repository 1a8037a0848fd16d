internal import CPlugin
internal import LinuxSystem
internal import Logging

/// What the worker does for its plugins; lives as long as the process.
final class PluginServices {
    private let log: Logger
    private let heap: NodeHeap
    private let forwarding: ForwardingState
    /// The bits of features on the arc, by the names of their graph nodes.
    var features: [String: Int] = [:]
    /// The record that plugins get.
    let host: UnsafeMutablePointer<cw_host>

    init(log: Logger, heap: NodeHeap, forwarding: ForwardingState, node: Int, lanes: Int) {
        self.log = log
        self.heap = heap
        self.forwarding = forwarding
        host = .allocate(capacity: 1)
        host.initialize(
            to: cw_host(
                layout: CW_PLUGIN_LAYOUT,
                node: UInt32(node),
                lanes: UInt32(lanes),
                context: Unmanaged.passUnretained(self).toOpaque(),
                say: { sink, text in PluginSink.at(sink).text += String(cString: text) },
                change: { sink, key, value in
                    PluginSink.at(sink).changes.append(
                        (String(cString: key), value.map { String(cString: $0) })
                    )
                },
                log: { PluginServices.at($0).note(String(cString: $1)) },
                interface_index: { PluginServices.at($0).interface(String(cString: $1)) },
                set_feature: {
                    PluginServices.at($0).setFeature(String(cString: $1), $2, isOn: $3 != 0)
                },
                wait_for_lanes: { PluginServices.at($0).forwarding.waitForQuietLanes() },
                allocate: { PluginServices.at($0).heap.allocate(byteCount: $1) },
                deallocate: { PluginServices.at($0).heap.deallocate($1, byteCount: $2) }
            )
        )
    }

    private static func at(_ context: UnsafeMutableRawPointer) -> PluginServices {
        Unmanaged<PluginServices>.fromOpaque(context).takeUnretainedValue()
    }

    private func note(_ text: String) { log.notice("plugin", metadata: ["text": "\(text)"]) }

    private func interface(_ name: String) -> CInt {
        forwarding.interfaceIndex(named: name).map { CInt($0) } ?? -1
    }

    private func setFeature(_ node: String, _ interface: UInt16, isOn: Bool) -> CInt {
        guard let bit = features[node] else { return -1 }
        return forwarding.setFeature(bit, on: interface, isOn) ? 0 : -1
    }
}
