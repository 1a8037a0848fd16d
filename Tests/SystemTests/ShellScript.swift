/// What an operator types: right, wrong, and half of it.
enum ShellScript {
    typealias Line = (typed: String, shown: String)

    /// Commands with a part of their answers, each in full and abbreviated.
    static let right: [Line] = full.flatMap { line -> [Line] in
        let short = abbreviated(line.typed)
        return short == line.typed ? [line] : [line, (short, line.shown)]
    }

    private static let full: [Line] = [
        ("show version", "causeway v"), ("show threads", "LWP"), ("show nodes", "Keeper"),
        ("show restarts", "no worker has died"), ("show topology", "left0"),
        ("show buffers", "Pool Name"), ("show memory", "\r\n"), ("show cpu", "\r\n"),
        ("show log", "forwarding nodes=0,1"), ("show journal", "\r\n"),
        ("show processes", "gauges"),
        ("show rpc", "\r\n"), ("show clock", "\r\n"), ("show clock verbose", "\r\n"),
        ("show interface", "left0"), ("show interface left1", "left1"),
        ("show interface address", "left0"), ("show interface rx-placement", "right1"),
        ("show hardware-interfaces", "tap"), ("show hardware-interfaces left0", "tap"),
        ("set interface state left0 up", ""), ("set interface state left1 up", ""),
        ("set interface ip address left0 10.1.0.1/24", ""),
        ("show interface address", "10.1.0.1/24"),
        ("set interface mtu 9000 left0", ""), ("set interface mtu packet 1500 left0", ""),
        ("set interface promiscuous on left0", ""), ("set interface promiscuous off left0", ""),
        ("set interface rx-mode left0 polling", ""), ("set interface rx-mode left0 default", ""),
        ("set interface handoff left0 nodes 0,1", ""), ("set interface handoff left0 disable", ""),
        ("set ip neighbor left0 10.1.0.2 02:00:00:00:00:02 static", ""),
        ("show ip neighbors", "02:00:00:00:00:02"),
        ("ip route add 10.9.0.0/16 via 10.1.0.2", ""),
        ("ip route add 10.8.0.0/16 via 10.1.0.2 left0 weight 3", ""),
        ("ip route add 10.7.0.0/16 drop", ""), ("show ip fib 10.9.0.0/16", "10.9.0.0/16"),
        ("show ip fib summary", "\r\n"), ("ip route del 10.7.0.0/16", ""),
        ("show ip fib", "10.8.0.0/16"), ("show runtime", "gauges"),
        ("show runtime summary", "loops/sec"), ("show runtime node 1", "gauges"),
        ("show runtime max", "Max"), ("show runtime time", "gauges"),
        ("show errors", "\r\n"), ("show errors verbose", "\r\n"), ("show handoff", "Full Drops"),
        ("show statistics segment", "In memory"), ("show packet-generator", "\r\n"),
        ("show plugins", "\r\n"), ("show plugins verbose", "\r\n"),
        ("show init-function", "\r\n"), ("show barrier", "\r\n"),
        ("show logging", "forwarding nodes=0,1"),
        ("show logging configuration", "supervisor"), ("show event-logger 5", "events in buffer"),
        ("event-logger clear", ""), ("event-logger trace", "\r\n"),
        ("clear runtime", ""), ("clear errors", ""), ("clear interfaces", ""),
        ("clear handoff", ""),
        ("test barrier", "\r\n"), ("scope node 1", "[node1]# "), ("show threads", "cw-n1-l0"),
        ("show buffers", "node-1"), ("scope all", ""), ("define net 10.9.0.0/16", ""),
        ("show ip fib $net", "10.9.0.0/16"), ("show ip fib $(net)", "10.9.0.0/16"),
        ("show macro", "net = 10.9.0.0/16"), ("undefine net", ""), ("echo one two", "one two\r\n"),
        ("wait 0", ""), ("history", "echo one two"), ("show terminal", "terminal width:"),
        ("stats ls ^/if/rx$", "/if/rx"), ("# a comment", ""), ("", ""),
    ]

    private static let short: [String: String] = [
        "show": "sh", "interface": "inte", "hardware-interfaces": "hard", "address": "addr",
        "version": "ver", "threads": "thr", "restarts": "resta", "buffers": "buf",
        "runtime": "runt", "errors": "err", "handoff": "hando", "neighbors": "neig",
        "neighbor": "neigh", "summary": "summ", "verbose": "verb", "packet-generator": "pack",
        "event-logger": "ev", "logging": "logg", "statistics": "stati", "plugins": "plug",
        "barrier": "barr", "topology": "topo", "clear": "cl", "state": "st", "history": "hi",
        "route": "ro", "promiscuous": "prom", "processes": "proc",
    ]

    private static func abbreviated(_ line: String) -> String {
        line.split(separator: " ").map { short[String($0)] ?? String($0) }.joined(separator: " ")
    }

    static let wrong: [Line] = [
        ("shw", "unknown command \"shw\""), ("show", "is not complete"),
        ("show interfce", "did you mean \"interface\"?"), ("show interface tap9", "tap9"),
        ("show i", "is ambiguous"), ("s", "is ambiguous"), ("set", "is not complete"),
        ("set interface", "is not complete"), ("set interface state", "is not complete"),
        ("set interface state left0", "is not complete"),
        ("set interface state left0 upp", "did you mean \"up\"?"),
        ("set interface state nothing up", "is not the name of an interface"),
        ("set interface mtu 5 left0", "is not a number in 68...9216"),
        ("set interface mtu x left0", "is not a number in 68...9216"),
        ("set interface ip address left0 10.0.0.0.1/8", "is not an IPv4 prefix"),
        ("set interface ip address left0 10.0.0.1/33", "is not an IPv4 prefix"),
        ("set interface mac address left0 zz", "is not an Ethernet address"),
        ("ip", "is not complete"), ("ip route", "is not complete"),
        ("ip route add", "is not complete"), ("ip route add 1.2.3.4/24", "is not complete"),
        ("ip route add 1.2.3.4/24 via", "is not complete"),
        ("ip route add 1.2.3.4 via 10.1.0.2", "is not an IPv4 prefix"),
        ("ip route add 1.0.0.0/8 via 99.1.0.2", "99.1.0.2"),
        ("ip route del 99.0.0.0/8", "99.0.0.0/8"), ("show ip", "is not complete"),
        ("show runtime node 7", "is not the number of a NUMA node"),
        ("show runtime summary summary", "unknown word \"summary\""),
        ("clear everything", "unknown word \"everything\""), ("show version now", "unexpected"),
        ("exec", "is not complete"), ("exec /no/such/file", "cannot read /no/such/file"),
        ("packet-generator new { name x }", "lacks interface"),
        ("packet-generator delete nothing", "nothing"), ("restart node 9", "9"),
        ("set logging size x", "is not"), ("event-logger resize 0", "is not a number"),
        ("\"open", "the quote is not closed"), ("show \"\"", "unknown word \"\""),
        ("wait -1", "is not a number"), ("undefine none", "there is no macro \"none\""),
        ("echo $none", "there is no macro \"none\""), ("scope node 9", "is not the number"),
        ("define 1x y", "cannot be a macro"), ("{ }", "unknown command \"{\""),
        ("!@#$%^&*()", "unknown command"), ("ünïcödé 日本", "unknown command \"ünïcödé\""),
        ("show interface left0 left1 right0", "unexpected \"left1\""),
        ("set terminal pager perhaps", "unknown word \"perhaps\""),
    ]

    /// Keys without Enter, and what they make the shell show.
    static let half: [Line] = [
        ("sh\t", "show "), ("show int\t", "show interface "), ("show ha\t", "show ha"),
        ("show hard\t", "show hardware-interfaces "), ("set interface state le\t", "state left"),
        ("set interface state left\t\t\t", "left0  left1"),
        ("set interface state right1 d\t", "right1 down "),
        ("show runtime node \t\t\t", "0  1"), ("exec /etc/host\t\t\t", "/etc/hosts"),
        ("?", "what there is"), ("show ?", "packets and bytes"), ("show i?", "init-function"),
        ("show interface ?", "only this one"), ("show version ?", "<cr>"),
        ("set interface state ?", "left0"), ("ip route add ?", "A.B.C.D/L"),
        ("show nothing ?", "unknown word \"nothing\""), ("clear ?", "packets between nodes"),
        ("packet-generator new { ?", "what the stream is called"),
        ("access-list ?", "add"), ("show access\t", "show access-list "),
        ("xyz\u{1}show version\u{5}", "show versionxyz"), ("one two\u{17}three", "one three"),
        ("show \u{1B}[D\u{1B}[D\u{1B}[3~\u{1B}[3~x", "shox"), ("é日\u{7F}x", "éx"),
    ]
}
