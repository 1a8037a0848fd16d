internal import ControlProtocol
internal import Dispatch
internal import FoundationEssentials
internal import LinuxSystem
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A program that somebody wants to run as `causeway-node`, asked what it is before anything stops.
struct CandidateProgram: Sendable {
    let path: String
    let environment: [String: String]
    /// The longest wait for its answer.
    let time: Duration

    /// Asks the program for its versions.
    ///
    /// - Returns: what it says of itself.
    /// - Throws: `ChangeError` for one that is missing, cannot be run, crashes, hangs, or is another
    ///   program.
    func versions() async throws(ChangeError) -> BuildVersions {
        guard SmallFile.exists(path) else {
            throw ChangeError("\(path): there is no such file on the supervisor's machine")
        }
        guard SmallFile.isExecutable(path) else {
            throw ChangeError("\(path) is not executable; chmod +x, or name another file")
        }
        var answer = await run()
        // Somebody may just have written it, and his descriptor not be closed everywhere yet.
        for _ in 0..<10 where answer == .failure(.textFileBusy) {
            // Cut short by a cancellation, it is only tried sooner.
            try? await Task.sleep(for: .milliseconds(100))
            answer = await run()
        }
        let output: ProgramOutput
        do { output = try answer.get() } catch {
            throw ChangeError("\(path) cannot be started: \(error)")
        }
        guard let status = output.status else {
            throw ChangeError("\(path) does not answer --versions within \(time): another program?")
        }
        guard status == .exited(code: 0) else {
            throw ChangeError("\(path) ended with \(status) when it was asked for its --versions")
        }
        let versions = try? JSONDecoder().decode(BuildVersions.self, from: Data(output.text.utf8))
        guard let versions, versions.program == BuildVersions.nodeProgram else {
            let said = output.text.split(separator: "\n").first?.prefix(60) ?? ""
            throw ChangeError(
                "\(path) is another program than \(BuildVersions.nodeProgram), or one from before "
                    + "upgrades: it answers --versions with \"\(said)\""
            )
        }
        return versions
    }

    /// Runs it on a thread that may wait.
    private func run() async -> Result<ProgramOutput, Errno> {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do throws(Errno) {
                    let output = try ProgramOutput.run(
                        path,
                        ["--versions"],
                        environment: environment,
                        within: time
                    )
                    continuation.resume(returning: .success(output))
                } catch { continuation.resume(returning: .failure(error)) }
            }
        }
    }
}
