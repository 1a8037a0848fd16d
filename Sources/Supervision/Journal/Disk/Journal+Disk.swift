internal import ControlProtocol
internal import Logging
internal import Routing
internal import SystemPackage

extension Journal {
    /// Takes over what was restored from a file, and writes changes there from now on.
    ///
    /// Called once, before any worker is there.
    func keep(in disk: JournalDisk, model: ForwardingModel, number: UInt64) {
        self.disk = disk
        self.model = model
        self.number = number
        configured = number
    }

    /// Writes a change before it is made.
    ///
    /// - Returns: whether there is a record of it now.
    /// - Throws: why there cannot be one; nothing was changed.
    func record(
        _ change: ConfigurationChange?,
        number: UInt64
    ) async throws(ChangeError) -> Bool {
        guard let change, let store = disk?.store else { return false }
        if await store.needsNewFile() { try await replaceFile() }
        let failure = await store.append(
            .change(change),
            number: number,
            mark: ChangeRequest.current?.mark
        )
        if let failure { throw failure }
        return true
    }

    /// Takes note of what a change that stands has set.
    func settle(_ change: ConfigurationChange?) {
        guard let change, let name = change.interface else { return }
        disk?.settings[name, default: InterfaceSettings()].apply(change)
        if disk?.settings[name] == InterfaceSettings() { disk?.settings[name] = nil }
    }

    /// Whether a change sets something that the model does not tell from what an interface has by itself.
    func setsAnew(_ change: ConfigurationChange?) -> Bool {
        guard let change, let name = change.interface else { return false }
        var settings = disk?.settings[name] ?? InterfaceSettings()
        let former = settings
        settings.apply(change)
        return settings != former
    }

    /// Notes that the startup commands have been run to their end.
    func noteStartupCommands(file: String) async {
        await gate.enter()
        defer { gate.leave() }
        guard let store = disk?.store, disk?.isStarted == false else { return }
        let event = JournalEvent.startupCommandsDone(file: file)
        var failure = await store.append(event, number: number)
        if failure == nil { failure = await store.sync() }
        if let failure {
            return logger.error("journal", metadata: ["reason": "\(failure)"])
        }
        disk?.isStarted = true
    }

    /// Ends the file in order; no change follows.
    func close() async {
        await disk?.compaction?.value
        await gate.enter()
        defer { gate.leave() }
        guard let store = disk?.store else { return }
        var failure = await store.append(.closed, number: number)
        if failure == nil { failure = await store.sync() }
        if let failure { logger.error("journal", metadata: ["reason": "\(failure)"]) }
        disk = nil
    }

    /// How the file is; nil: there is none.
    func diskStatus() async -> JournalStatus? {
        guard let disk else { return nil }
        let status = await disk.store.current()
        let present = Set(model.interfaces.map(\.name))
        return JournalStatus(
            file: disk.store.path,
            change: status.number,
            bytes: status.bytes,
            snapshotBytes: status.snapshotEnd - JournalFormat.headBytes,
            records: status.recordsSinceSnapshot,
            lastSync: status.lastSync,
            syncs: status.syncs,
            longestSyncMicroseconds: Double(status.longestSyncNanoseconds) / 1000,
            failure: status.failure ?? "",
            missingInterfaces: disk.settings.keys.filter { !present.contains($0) }.sorted(),
            routesAside: disk.aside.reduce(0) { $0 + $1.prefixes.count }
        )
    }

    // MARK: - Snapshots

    private var image: JournalDisk.Image? {
        disk.map {
            JournalDisk.Image(
                settings: $0.settings,
                aside: $0.aside,
                isStarted: $0.isStarted,
                routing: model.routing,
                plugins: model.pluginSettings
            )
        }
    }

    /// Starts a new file with a snapshot when the present one has become long; changes go on meanwhile.
    func compactIfLong() async {
        guard let store = disk?.store, disk?.compaction == nil, await store.wantsSnapshot() else {
            return
        }
        let bytes = await store.current().bytesSinceSnapshot
        guard bytes > (disk?.failedAtBytes ?? 0) * 3 / 2 else { return }
        disk?.compaction = Task {
            if let failure = await compact() {
                disk?.failedAtBytes = bytes
                logger.warning("journal-not-compacted", metadata: ["reason": "\(failure)"])
            } else {
                disk?.failedAtBytes = 0
            }
            disk?.compaction = nil
        }
    }

    /// Makes a snapshot of what the journal is, and a new file of it and of what follows until then.
    ///
    /// - Returns: why the old file stays.
    func compact() async -> ChangeError? {
        await gate.enter()
        guard let store = disk?.store, let image else {
            gate.leave()
            return nil
        }
        let mark = await store.current()
        gate.leave()
        do throws(Errno) {
            let successor = try await Self.successor(of: image, mark, store)
            await gate.enter()
            defer { gate.leave() }
            return await store.adopt(successor)
        } catch { return ChangeError("\(store.path).new: \(error)") }
    }

    /// Makes a new file in place of one of which nobody knows what the disk has of it.
    private func replaceFile() async throws(ChangeError) {
        guard let store = disk?.store, let image else { return }
        var failure: ChangeError?
        do throws(Errno) {
            let successor = try await Self.successor(of: image, await store.current(), store)
            failure = await store.adopt(successor)
        } catch {
            failure = ChangeError(
                "journal \(store.path): \(error); nothing was changed: see to the disk and try again"
            )
        }
        if let failure { throw failure }
        logger.notice("journal-replaced", metadata: ["file": "\(store.path)"])
    }

    @concurrent
    private nonisolated static func successor(
        of image: JournalDisk.Image,
        _ mark: JournalStore.Status,
        _ store: JournalStore
    ) async throws(Errno) -> JournalStore.Successor {
        try store.prepare(await JournalDisk.events(of: image), mark: mark)
    }
}
