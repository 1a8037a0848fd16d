internal import ControlProtocol
internal import Routing

/// What a journal keeps on the disk beside the model: the file, and what operators set, by interface.
struct JournalDisk: Sendable {
    let store: JournalStore
    /// By the interface's name, those that are not there included.
    var settings: [String: InterfaceSettings] = [:]
    /// Routes over interfaces that are not there.
    var aside: [AsideRoutes] = []
    /// Whether the startup commands have been run to their end.
    var isStarted = false
    /// Makes a new file with a snapshot.
    var compaction: Task<Void, Never>?
    /// Bytes of records that a snapshot could not be made for; it is tried again when there are half as many more.
    var failedAtBytes = 0

    /// Routes that are kept for an interface that the placement does not have.
    struct AsideRoutes: Sendable {
        var prefixes: [IPv4Prefix]
        var target: RouteTarget
    }

    /// What of this a snapshot must hold, with the model's part.
    struct Image: Sendable {
        var settings: [String: InterfaceSettings]
        var aside: [AsideRoutes]
        var isStarted: Bool
        var routing: RoutingState
        var plugins: [PluginSetting]
    }

    /// The most routes of one record of a snapshot.
    private static let recordRoutes = 262_144

    /// Encoded events that lead from nothing to an image.
    ///
    /// It runs away from the journal's actor: a million routes take some tenths of a second.
    @concurrent
    static func events(of image: Image) async -> [[UInt8]] {
        var changes: [ConfigurationChange] = []
        for (name, settings) in image.settings.sorted(by: { $0.key < $1.key }) {
            changes += settings.changes(of: name)
        }
        for settings in Self.pieces(image.plugins, of: 1024) { changes.append(.plugin(settings)) }
        var bodies = changes.map { JournalEvent.change($0).encoded() }
        for group in image.routing.staticRouteGroups {
            for prefixes in Self.pieces(group.prefixes, of: recordRoutes) {
                let change = ConfigurationChange.addRoutes(prefixes, group.target, replace: true)
                bodies.append(JournalEvent.change(change).encoded())
            }
        }
        for routes in image.aside {
            // Added to what a prefix has: the other paths of it are in the table.
            let change = ConfigurationChange.addRoutes(
                routes.prefixes,
                routes.target,
                replace: false
            )
            bodies.append(JournalEvent.change(change).encoded())
        }
        if image.isStarted { bodies.append(JournalEvent.startupCommandsDone(file: "").encoded()) }
        return bodies
    }

    private static func pieces<Element>(_ list: [Element], of count: Int) -> [[Element]] {
        stride(from: 0, to: list.count, by: count).map {
            Array(list[$0..<min($0 + count, list.count)])
        }
    }
}

/// How the journal on disk is, for `show journal`.
public struct JournalStatus: Sendable, Encodable {
    /// The file.
    public var file: String
    /// The number of the last change that it holds.
    public var change: UInt64
    /// Its length.
    public var bytes: Int
    /// Those of its snapshot.
    public var snapshotBytes: Int
    /// Records since the snapshot.
    public var records: Int
    /// When records were last brought to the disk, in seconds since 1970; nil: not yet.
    public var lastSync: Double?
    /// How often this supervisor did so.
    public var syncs: Int
    /// The longest time that it took, in microseconds.
    public var longestSyncMicroseconds: Double
    /// Why the last change was not taken; empty: it was.
    public var failure: String
    /// Interfaces that are not there and whose settings are kept.
    public var missingInterfaces: [String]
    /// Routes over such interfaces.
    public var routesAside: Int
}
