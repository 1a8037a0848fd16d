/// The kinds of findings.
///
/// `topology.` ones are about the text of a topology file, `placement.` ones about the machine that it meets,
/// `startup.` ones about the startup file.
public enum FindingID: String, Hashable, Sendable, Codable, CaseIterable {
    // The text.
    case unreadable = "topology.unreadable"
    case tooLarge = "topology.too-large"
    case syntax = "topology.syntax"
    case duplicateKey = "topology.duplicate-key"
    case missingKey = "topology.missing-key"
    case unsupportedSchema = "topology.unsupported-schema"
    case unknownKey = "topology.unknown-key"
    case wrongType = "topology.wrong-type"
    case impossibleValue = "topology.impossible-value"
    case badSetting = "topology.bad-setting"
    case duplicateNode = "topology.duplicate-node"
    case unknownNode = "topology.unknown-node"
    case duplicatePort = "topology.duplicate-port"
    case unknownPort = "topology.unknown-port"
    case duplicateTap = "topology.duplicate-tap"

    // CPUs.
    case cpuMissing = "placement.cpu-missing"
    case cpuOffline = "placement.cpu-offline"
    case cpuDisallowed = "placement.cpu-disallowed"
    case cpuForeign = "placement.cpu-foreign"
    case cpuShared = "placement.cpu-shared"
    case smtSiblings = "placement.smt-siblings"
    case laneOnHousekeeping = "placement.lane-on-housekeeping"
    case tooFewCPUs = "placement.too-few-cpus"
    case tooManyLanes = "placement.too-many-lanes"

    // The program for them.
    case extensionMissing = "placement.cpu-extension-missing"
    case programMissing = "placement.program-missing"

    // NUMA nodes.
    case noNode = "placement.no-node"
    case nodeNumber = "placement.node-number"
    case nodeWithoutMemory = "placement.node-without-memory"
    case nodeWithoutCPUs = "placement.node-without-cpus"
    case nodeUnused = "placement.node-unused"
    case singleNode = "placement.single-node"

    // Memory.
    case hugepageSize = "placement.hugepage-size"
    case hugepagesNotMounted = "placement.hugepages-not-mounted"
    case tooFewHugepages = "placement.too-few-hugepages"
    case memoryExceedsNode = "placement.memory-exceeds-node"
    case heapTooSmall = "placement.heap-too-small"
    case heapRounded = "placement.heap-rounded"
    case poolDoesNotFit = "placement.pool-does-not-fit"
    case poolTooSmall = "placement.pool-too-small"
    case ringNotPowerOfTwo = "placement.ring-not-power-of-two"
    case ringTooSmall = "placement.ring-too-small"
    case mtuExceedsBuffer = "placement.mtu-exceeds-buffer"

    // Ports.
    case deviceMissing = "placement.device-missing"
    case deviceUnchecked = "placement.device-unchecked"
    case deviceNotNetwork = "placement.device-not-network"
    case deviceInKernel = "placement.device-in-kernel"
    case deviceNodeUnknown = "placement.device-node-unknown"
    case deviceDuplicate = "placement.device-duplicate"
    case remotePort = "placement.remote-port"
    case tooManyQueues = "placement.too-many-queues"
    case tooFewQueues = "placement.too-few-queues"
    case captureTooLong = "placement.capture-too-long"

    // The startup file.
    case startupUnreadable = "startup.unreadable"
    case startupTooLarge = "startup.too-large"
    case startupSyntax = "startup.syntax"
    case startupUnknownSection = "startup.unknown-section"
    case startupUnknownKey = "startup.unknown-key"
    case startupMissingValue = "startup.missing-value"
    case startupImpossibleValue = "startup.impossible-value"
    case startupRepeated = "startup.repeated"
    case startupConflict = "startup.conflict"
    case startupNoMeaning = "startup.no-meaning"
}
