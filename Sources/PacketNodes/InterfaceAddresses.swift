extension ForwardingTables {
    /// The run of an interface's addresses.
    @inline(__always)
    func addresses(of interface: UInt16) -> UnsafeBufferPointer<AddressEntry> {
        let entry = self.interface(interface)
        return UnsafeBufferPointer(
            start: addresses + Int(entry.pointee.addressOffset),
            count: Int(entry.pointee.addressCount)
        )
    }

    /// Whether an address is one of an interface's own.
    @inline(__always)
    func owns(_ address: UInt32, interface: UInt16) -> Bool {
        for own in addresses(of: interface) where own.address == address { return true }
        return false
    }

    /// The interface's address on the subnet that an address is of; nil: it is on none of them.
    @inline(__always)
    func ownAddress(besides address: UInt32, interface: UInt16) -> AddressEntry? {
        for own in addresses(of: interface) where (own.address ^ address) & own.mask == 0 {
            return own
        }
        return nil
    }

    /// The source address for packets of the router to somebody on an interface: the one on the
    /// same subnet, else the first; nil: the interface has none.
    @inline(__always)
    func sourceAddress(towards address: UInt32, interface: UInt16) -> UInt32? {
        ownAddress(besides: address, interface: interface)?.address
            ?? addresses(of: interface).first?.address
    }

    /// Whether an address is the broadcast address of one of an interface's subnets, or the
    /// subnet's own.
    @inline(__always)
    func isBroadcast(_ address: UInt32, interface: UInt16) -> Bool {
        guard let own = ownAddress(besides: address, interface: interface) else { return false }
        let host = address & ~own.mask
        // A subnet of two addresses or one has no broadcast address (RFC 3021).
        return ~own.mask > 1 && (host == 0 || host == ~own.mask)
    }
}
