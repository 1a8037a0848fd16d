internal import CPlugin

/// What the worker does for its plugin.
public struct Host: @unchecked Sendable {
    let raw: UnsafePointer<cw_host>

    init(_ raw: UnsafePointer<cw_host>) { self.raw = raw }

    /// The NUMA node's number in the placement.
    public var node: Int { Int(raw.pointee.node) }
    /// How many lanes the worker runs.
    public var lanes: Int { Int(raw.pointee.lanes) }

    /// Writes a line to the worker's log.
    public func log(_ text: String) { raw.pointee.log(raw.pointee.context, text) }

    /// The number of an interface, the same on every NUMA node; nil: there is none of that name.
    public func interfaceIndex(_ name: String) -> UInt16? {
        let index = raw.pointee.interface_index(raw.pointee.context, name)
        return index < 0 ? nil : UInt16(index)
    }

    /// Puts a feature of the plugin on an interface, or takes it off; in force when `commit` has returned.
    ///
    /// - Returns: false if there is no such feature or interface.
    public func setFeature(_ node: String, on interface: UInt16, _ isOn: Bool) -> Bool {
        raw.pointee.set_feature(raw.pointee.context, node, interface, isOn ? 1 : 0) == 0
    }

    /// Returns when every lane has begun a new turn: what was taken out of its reach before may be freed.
    public func waitForLanes() { raw.pointee.wait_for_lanes(raw.pointee.context) }

    /// Zeroed memory of the node's own heap, aligned to a cache line; nil: the heap is full.
    public func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        raw.pointee.allocate(raw.pointee.context, byteCount)
    }

    /// Gives memory back that no lane reads any more.
    public func deallocate(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
        raw.pointee.deallocate(raw.pointee.context, memory, byteCount)
    }
}

/// What a command answers.
public struct Answer {
    let host: UnsafePointer<cw_host>
    let sink: UnsafeMutableRawPointer

    /// Adds text for the operator.
    public func say(_ text: String) { host.pointee.say(sink, text) }

    /// Sets a key on every worker, or forgets it.
    public func set(_ key: String, _ value: String?) {
        if let value {
            host.pointee.change(sink, key, value)
        } else {
            host.pointee.change(sink, key, nil)
        }
    }
}
