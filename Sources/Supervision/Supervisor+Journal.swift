internal import ControlProtocol
internal import Logging
internal import Routing

/// The journal on the disk as it was found.
struct OpenedJournal: Sendable {
    var store: JournalStore
    var content: JournalContent
}

/// The last change of the file, where a worker may not have it.
struct HeldChange: Sendable {
    var number: UInt64
    /// The number of the change before it, which every worker has.
    var former: UInt64
    /// The model before it, and what it changes there.
    var base: [ForwardingChange]
    var step: [ForwardingChange]
}

extension Supervisor {
    /// Opens the journal on the disk.
    ///
    /// - Returns: nil: none is kept.
    /// - Throws: `SupervisionError.journal` if the file cannot be used; it is as it was then.
    func openJournal() throws(SupervisionError) -> OpenedJournal? {
        guard let directory = options.stateDirectory else { return nil }
        let (store, content): (JournalStore, JournalContent)
        do throws(JournalError) {
            (store, content) = try JournalStore.open(
                directory: directory,
                sync: options.journalSync
            )
        } catch { throw .journal(error) }
        if content.tornBytes > 0 {
            let fields = [
                "file": store.path, "offset": "\(content.end)", "bytes": "\(content.tornBytes)",
                "text": "the end of a change that nobody was told of is cut off",
            ]
            log(.warning, "journal-torn", fields)
        }
        return OpenedJournal(store: store, content: content)
    }

    /// Brings the model to where the journal ends.
    ///
    /// - Parameters:
    ///   - opened: the journal.
    ///   - survivors: workers that run already.
    /// - Returns: the last change, if one of the workers may not have it.
    func restore(_ opened: OpenedJournal, beside survivors: Survivors) async -> HeldChange? {
        let content = opened.content
        var disk = JournalDisk(store: opened.store)
        guard !content.isEmpty || !survivors.isEmpty else {
            await journal.keep(in: disk, model: ForwardingModel(), number: content.number)
            return nil
        }
        var numbers: [UInt64] = []
        for entry in content.entries {
            if case .change = entry.event { numbers.append(entry.number) }
            if let mark = entry.mark { api.replies.restore(mark, change: entry.number) }
        }
        let last = numbers.last ?? 0
        let isHeld = survivors.numbers.contains { $0 < last }
        var restored = await Restoration.restore(
            content,
            options.placement,
            beside: survivors,
            holdingBack: isHeld ? last : nil
        )
        var held: HeldChange?
        if isHeld {
            let base = restored.model.snapshot()
            held = HeldChange(
                number: last,
                former: numbers.dropLast().last ?? content.head.number,
                base: base,
                step: restored.applyHeld()
            )
        }
        disk.settings = restored.settings
        disk.aside = restored.aside
        disk.isStarted = restored.isStarted
        // What brings survivors here has a number of its own.
        let own: UInt64 = survivors.isEmpty ? 0 : 1
        let number = max(content.number, survivors.numbers.max() ?? 0) + own
        await journal.keep(in: disk, model: restored.model, number: number)
        report(restored, of: opened.store.path, number: number)
        return held
    }

    private func report(_ restored: Restoration, of path: String, number: UInt64) {
        for name in restored.missing {
            let routes = restored.aside.filter { $0.target.names(name) }
                .reduce(0) { $0 + $1.prefixes.count }
            log(
                .warning,
                "journal-interface-missing",
                [
                    "interface": name, "routes": "\(routes)",
                    "text": "its settings and routes are kept until it is there again",
                ]
            )
        }
        for complaint in restored.complaints {
            log(.error, "journal-change-not-restored", ["change": complaint])
        }
        log(
            .notice,
            "journal-restored",
            [
                "file": path, "number": "\(number)", "changes": "\(restored.count)",
                "routes": "\(restored.model.routing.staticRouteCount)",
            ]
        )
    }

    /// Whether the startup commands have yet to be run on this configuration, and whether something is configured.
    public func startupCommandsAreDue() async -> (areDue: Bool, isConfigured: Bool) {
        guard let disk = await journal.disk else { return (true, false) }
        let records = await disk.store.current().number
        return (!disk.isStarted, records > 0)
    }

    /// Notes that the startup commands have been run to their end.
    ///
    /// - Parameter file: where they are.
    public func noteStartupCommands(file: String) async {
        await journal.noteStartupCommands(file: file)
    }

    /// How the journal on the disk is; nil: there is none.
    public func journalStatus() async -> JournalStatus? { await journal.diskStatus() }
}
