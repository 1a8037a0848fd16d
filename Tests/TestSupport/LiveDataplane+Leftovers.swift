internal import Foundation

extension LiveDataplane {
    /// What of this instance is on the machine: processes, and files in memory, in hugepages and in
    /// /run.
    public func leftovers() -> [String] { processes().map { "process \($0)" } + files() }

    /// Kills every process of this instance and removes its files.
    public func destroy() async {
        await crash()
        for path in files() + [folder.path] { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Kills every process of this instance, as a power cut does, but for the kernel's own memory; files stay.
    public func crash() async {
        for turn in 0..<50 {
            let pids = processes()
            if pids.isEmpty, !supervisor.isRunning { break }
            for pid in pids { kill(pid, SIGKILL) }
            if turn > 0 { try? await Task.sleep(for: .milliseconds(20)) }
        }
        _ = try? await supervisor.end(withinSeconds: 5)
    }

    /// Processes whose command line or environment names the instance, this test's own commands
    /// excepted.
    private func processes() -> [Int32] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return numbers.compactMap { Int32($0) }.filter { pid in
            guard pid != getpid(),
                let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
            else { return false }
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first?.contains("causeway") == true && words.contains { names($0) }
        }
    }

    /// Whether a text has the instance's name in it, not followed by a further digit.
    private func names(_ text: String) -> Bool {
        text.ranges(of: instance).contains { range in
            range.upperBound == text.endIndex || !text[range.upperBound].isNumber
        }
    }

    private func files() -> [String] {
        let folders = ["/run", "/dev/shm", "/dev/hugepages", "/var/run/dpdk"]
        return folders.flatMap { folder in
            let found = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return found.filter(names).map { "\(folder)/\($0)" }
        }
    }
}
