internal import Logging
internal import Routing

extension Supervisor {
    /// Opens the journal on the disk and brings the model to where it ends.
    ///
    /// - Throws: `SupervisionError.journal` if the file cannot be used; it is as it was then.
    func openJournal() async throws(SupervisionError) {
        guard let directory = options.stateDirectory else { return }
        let (store, content): (JournalStore, JournalContent)
        do throws(JournalError) {
            (store, content) = try JournalStore.open(
                directory: directory,
                sync: options.journalSync
            )
        } catch { throw .journal(error) }
        if content.tornBytes > 0 {
            log(
                .warning,
                "journal-torn",
                [
                    "file": store.path, "offset": "\(content.end)",
                    "bytes": "\(content.tornBytes)",
                    "text": "the end of a change that nobody was told of is cut off",
                ]
            )
        }
        var disk = JournalDisk(store: store)
        guard !content.isEmpty else {
            return await journal.keep(in: disk, model: ForwardingModel(), number: content.number)
        }
        let restored = await Restoration.restore(content, options.placement)
        disk.settings = restored.settings
        disk.aside = restored.aside
        disk.isStarted = restored.isStarted
        await journal.keep(in: disk, model: restored.model, number: content.number)
        report(restored, of: store.path, number: content.number)
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
