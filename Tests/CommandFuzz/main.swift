import Foundation

/// Feeds mutated commands to what reads them.
///
///     command-fuzzer {line | keys | template | metrics} COUNT [SEED] [FOLDER FOR NEW TEXTS]
///
/// `line`: the grammar and its completion; `keys`: bytes from a terminal to the whole shell;
/// `template`: definitions of packet streams, and the packets of those that are taken; `metrics`: requests to the
/// running supervisor whose socket CAUSEWAY_METRICS_SOCKET names. A text with a new outcome is kept and mutated
/// further; with a folder it is written there. Exit status 0: each text was answered, and as it should be. A crash,
/// and a text that takes longer than ten seconds, name the text's number.
let arguments = CommandLine.arguments
guard arguments.count >= 3, let count = Int(arguments[2]), count > 0 else {
    print("command-fuzzer {line | keys | template | metrics} COUNT [SEED] [FOLDER FOR NEW TEXTS]")
    exit(64)
}
Fuzzer.reportCrashes()
let target: any FuzzTarget
switch arguments[1] {
case "line": target = LineTarget()
case "keys": target = KeysTarget()
case "template": target = TemplateTarget()
case "metrics":
    let path = ProcessInfo.processInfo.environment["CAUSEWAY_METRICS_SOCKET"] ?? ""
    guard let metrics = MetricsTarget(socket: path) else {
        print("command-fuzzer: nobody answers at '\(path)' (CAUSEWAY_METRICS_SOCKET)")
        exit(64)
    }
    target = metrics
default:
    print("command-fuzzer: \(arguments[1]) is neither line, keys, template nor metrics")
    exit(64)
}
let fuzzer = Fuzzer(
    target: target,
    count: count,
    seed: arguments.count > 3 ? UInt64(arguments[3]) ?? 1 : 1,
    output: arguments.count > 4 ? arguments[4] : nil
)
exit(await fuzzer.run() ? 0 : 1)
