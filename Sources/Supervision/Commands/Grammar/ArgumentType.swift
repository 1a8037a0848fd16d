internal import ControlProtocol

/// The type of a command's argument: which words it takes, and how it is called in messages.
enum ArgumentType: Hashable, Sendable {
    /// The name of an interface.
    case interface
    /// `A.B.C.D`
    case address
    /// `A.B.C.D/L`; host bits are cleared.
    case prefix
    /// `A.B.C.D/L`; host bits are kept.
    case interfaceAddress
    /// A value of a packet's field, or a range of them.
    case field(TemplateValue)
    /// A MAC and an IPv4 address, or ranges of them, with a slash between.
    case fieldPair
    /// A number and a colon, such as `0x88b5:`.
    case header(ClosedRange<Int>)
    /// `xx:xx:xx:xx:xx:xx` or `xxxx.xxxx.xxxx`.
    case mac
    /// A whole number, decimal or `0x...`.
    case integer(ClosedRange<Int>)
    /// A number that may be written as `1e6`.
    case count
    /// `A`, `A-B` or `A+B`: packet sizes in bytes.
    case sizes(ClosedRange<Int>)
    /// Whole numbers with commas between.
    case integers(ClosedRange<Int>)
    /// `0x` and hexadecimal digits, two a byte.
    case bytes
    /// A number of a NUMA node of the placement.
    case numaNode
    /// Any word, called `name` in messages.
    case word(String)
    /// An absolute path.
    case path
    /// Any words up to the line's end, called `name` in messages.
    case rest(String)

    /// How messages call it.
    var label: String {
        switch self {
        case .interface: "INTERFACE"
        case .address: "A.B.C.D"
        case .prefix, .interfaceAddress: "A.B.C.D/L"
        case .field(let value): value.label
        case .fieldPair: "MAC/A.B.C.D"
        case .header: "NUMBER:"
        case .mac: "MAC"
        case .integer(let range): "\(range.lowerBound)...\(range.upperBound)"
        case .count: "NUMBER"
        case .sizes: "BYTES[-BYTES]"
        case .integers: "N,N,..."
        case .bytes: "0xHEX"
        case .numaNode: "NUMA-NODE"
        case .word(let name): name
        case .path: "/FILE"
        case .rest(let name): name
        }
    }

    /// What a word that does not fit is not.
    var requirement: String {
        switch self {
        case .interface: "the name of an interface"
        case .address: "an IPv4 address such as 10.0.0.1"
        case .prefix, .interfaceAddress: "an IPv4 prefix such as 10.0.0.1/24"
        case .field(let value): value.requirement
        case .fieldPair: "an Ethernet and an IPv4 address such as 02:fe:00:00:00:01/10.0.0.1"
        case .header(let range):
            "a number in \(range.lowerBound)...\(range.upperBound) with a colon, such as 0x88b5:"
        case .mac: "an Ethernet address such as 02:fe:00:00:00:01"
        case .integer(let range): "a number in \(range.lowerBound)...\(range.upperBound)"
        case .count: "a number such as 1000 or 1e6"
        case .sizes(let range):
            "a size or a range of sizes in \(range.lowerBound)...\(range.upperBound)"
        case .integers(let range):
            "a list of numbers in \(range.lowerBound)...\(range.upperBound) such as 0,1"
        case .bytes: "bytes such as 0x0800"
        case .numaNode: "the number of a NUMA node that runs a worker"
        case .word(let name): name
        case .path: "an absolute path"
        case .rest(let name): name
        }
    }
}

/// A parsed argument.
enum ArgumentValue: Hashable, Sendable {
    /// A keyword of the command.
    case keyword
    case text(String)
    case address(IPv4Address)
    case prefix(IPv4Prefix)
    case interfaceAddress(InterfaceAddress)
    case range(TemplateRange)
    case pair(TemplateRange, TemplateRange)
    case mac(MACAddress)
    case integer(Int)
    case integers([Int])
    case bytes([UInt8])
}

/// What there is to choose from on the running system.
package struct GrammarContext: Sendable {
    /// Names of interfaces; nil: any word may be one.
    var interfaces: [String]?
    /// NUMA nodes with a worker; nil: any number may be one.
    var numaNodes: [Int]?
    /// What free words can be, by what they are called, such as `GRAPH-NODE`.
    var names: [String: [String]]

    package init(
        interfaces: [String]? = nil,
        numaNodes: [Int]? = nil,
        names: [String: [String]] = [:]
    ) {
        self.interfaces = interfaces
        self.numaNodes = numaNodes
        self.names = names
    }

    /// The words that an argument can be, where they can be listed.
    func candidates(for type: ArgumentType) -> [String] {
        switch type {
        case .interface: interfaces ?? []
        case .numaNode: (numaNodes ?? []).map(String.init)
        case .word(let name): names[name] ?? []
        default: []
        }
    }
}
