internal import LinuxSystem
public import Logging

/// Writes `time level class event key=value ...`, one event a line.
public struct KeyValueLogHandler: LogHandler {
    /// The least level that is written: the class's in the store's policy, unless it was set here.
    public var logLevel: Logger.Level {
        get { own ?? store.policy.level(of: component) }
        set { own = newValue }
    }
    /// What every line says beside its event.
    public var metadata: Logger.Metadata = [:]
    private var own: Logger.Level?
    private let component: String
    private let store: LogStore

    /// Makes a handler.
    ///
    /// - Parameters:
    ///   - component: the part of the program, such as `supervisor`: the class of its messages.
    ///   - store: where lines go.
    public init(component: String, store: LogStore) {
        self.component = component
        self.store = store
    }

    /// The value of one key of `metadata`.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes an event as one line into the store.
    public func log(event: LogEvent) {
        let text = LogLine.text(
            level: "\(event.level)",
            class: component,
            event: "\(event.message)",
            fields: metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        )
        store.append(text, class: component, level: event.level)
    }
}
