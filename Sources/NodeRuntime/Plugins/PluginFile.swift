internal import CPlugin
internal import ControlProtocol
internal import LinuxSystem

#if canImport(Glibc)
    internal import Glibc
#endif

/// A shared object in a folder of plugins.
struct PluginFile {
    /// The file's name without `lib` before it, by which the startup file names it.
    let name: String
    let path: String

    /// How the names of plugins end.
    static let suffix = "_plugin.so"

    /// The plugins of some folders, by name; of two files with one name the first counts.
    static func find(in folders: [String]) -> [PluginFile] {
        var found: [String: PluginFile] = [:]
        for folder in folders {
            for file in SmallFile.names(in: folder) where file.hasSuffix(suffix) {
                let name = file.hasPrefix("lib") ? String(file.dropFirst(3)) : file
                if found[name] == nil {
                    found[name] = PluginFile(name: name, path: "\(folder)/\(file)")
                }
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    /// Loads the file and checks that it can be used here.
    ///
    /// - Parameter skipsVersionCheck: whether one for another build is taken; a record of another layout
    ///   never is.
    /// - Returns: the plugin's record.
    /// - Throws: why it cannot be used.
    func load(skipsVersionCheck: Bool) throws(StartError) -> UnsafePointer<cw_plugin> {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw StartError(String(cString: dlerror()))
        }
        guard let symbol = dlsym(handle, CW_PLUGIN_SYMBOL) else {
            dlclose(handle)
            throw StartError("it exports no \(CW_PLUGIN_SYMBOL), so it is no plugin of Causeway")
        }
        typealias Registration = @convention(c) () -> UnsafePointer<cw_plugin>?
        guard let record = unsafeBitCast(symbol, to: Registration.self)() else {
            throw StartError("its registration gives nothing")
        }
        // Only the first three words are sure to be where they are expected.
        let head = record.pointee
        guard head.magic == CW_PLUGIN_MAGIC else {
            throw StartError("its registration begins with 0x\(String(head.magic, radix: 16))")
        }
        guard head.layout == CW_PLUGIN_LAYOUT, head.bytes == MemoryLayout<cw_plugin>.size else {
            throw StartError(
                "it has plugin layout \(head.layout) (\(head.bytes) bytes), this build has "
                    + "\(CW_PLUGIN_LAYOUT) (\(MemoryLayout<cw_plugin>.size)): build it anew"
            )
        }
        let build = String(cString: head.build)
        guard build == Build.version || skipsVersionCheck else {
            throw StartError(
                "it was built for version \(build), this is \(Build.version): build it anew, or allow it "
                    + "with `plugins { plugin \(name) { skip-version-check } }`"
            )
        }
        return record
    }
}
