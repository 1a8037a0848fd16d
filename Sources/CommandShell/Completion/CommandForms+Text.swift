// Written by `CAUSEWAY_WRITE=1 swift test --filter CommandFormsTests`; not by hand.
extension CommandForms {
    static let text = #"""
        show version
        > Shows the version and the time it runs.
        show threads [node NUMA-NODE]
        > Shows the lanes' threads.
        show lanes [node NUMA-NODE]
        > Shows what the lanes did.
        show nodes
        > Shows the keeper and the worker of each NUMA node.
        show restarts
        > Shows what became of each death of a worker.
        show topology
        > Shows what runs where.
        show buffers [node NUMA-NODE]
        > Shows the packet buffers of each NUMA node.
        show memory [node NUMA-NODE]
        > Shows the workers' heaps.
        show cpu
        > Shows which build runs where, and why.
        show files [node NUMA-NODE]
        > Shows which files are open.
        show log
        > Shows the last lines of the supervisor's log.
        show journal
        > Shows how the journal is kept.
        show processes [node NUMA-NODE]
        > Shows the control lanes' processes.
        show rpc [node NUMA-NODE]
        > Shows calls and back-pressure.
        show clock [verbose]
        > Shows how the processes' time bases agree.
        show interface [address | rx-placement | INTERFACE]
        > Shows interfaces with their counters, or their addresses.
        show hardware-interfaces [INTERFACE]
        > Shows ports with their drivers and hardware counters.
        show packet-generator [verbose]
        > Shows the packet generators' streams.
        show runtime [node NUMA-NODE] [lane 0...63] [summary] [verbose] [max] [time]
        > Shows what graph nodes did on each lane, and the control lanes' processes.
        show errors [verbose] [node NUMA-NODE]
        > Shows why packets were dropped.
        show node counters [verbose] [node NUMA-NODE]
        > Shows why packets were dropped.
        show statistics segment [verbose]
        > Shows the segments that statistics are read from, and how much of them is used.
        show handoff
        > Shows the rings between NUMA nodes.
        show frame-queue
        > Shows the rings between NUMA nodes.
        show ip fib [summary | A.B.C.D/L | A.B.C.D] [max 0...2147483647]
        > Shows routes: all, those within a prefix, or the one that an address takes.
        show ip neighbors [INTERFACE]
        > Shows who has which address on connected subnets.
        set interface state INTERFACE {up | down}
        > Sets an interface up or down.
        set interface ip address [del] INTERFACE A.B.C.D/L
        > Gives an interface an address, or takes it away.
        set interface mtu [packet] 68...9216 INTERFACE
        > Sets the largest IP packet that leaves in one frame.
        set interface mac address INTERFACE MAC
        > Sets an interface's Ethernet address.
        set interface promiscuous {on | off} INTERFACE
        > Takes or drops frames to foreign Ethernet addresses.
        set interface rx-mode INTERFACE [queue 0...65535] {polling | interrupt | adaptive | default}
        > Says how lanes look after an interface's receive queues.
        set interface handoff INTERFACE {disable | nodes N,N,... [symmetrical]}
        > Spreads what an interface receives over the lanes of NUMA nodes, by flow hash.
        ip route add [count 1...4194304] A.B.C.D/L [count 1...4194304] {{drop | unreachable | prohibit |
         local} | via {drop | unreachable | prohibit | local} | via {A.B.C.D [INTERFACE] [weight 1...255] |
         INTERFACE [weight 1...255]} ...}
        > Adds paths to prefixes.
        ip route del [count 1...4194304] A.B.C.D/L [count 1...4194304] [{drop | unreachable | prohibit |
         local} | via {drop | unreachable | prohibit | local} | via {A.B.C.D [INTERFACE] [weight 1...255] |
         INTERFACE [weight 1...255]} ...]
        > Takes paths of prefixes away; without a path, all that were added.
        set ip neighbor INTERFACE A.B.C.D MAC [static]
        > Says who has an address on a connected subnet.
        set ip neighbor del INTERFACE A.B.C.D [MAC]
        > Forgets who has an address.
        packet-generator new { [name STREAM] [limit NUMBER] [rate NUMBER] [size BYTES[-BYTES]] [interface
         INTERFACE] [tx-interface INTERFACE] [node INPUT-NODE] [maxframe 1...256] [worker 0...63] [numa
         NUMA-NODE] [pcap /FILE] [loop NUMBER] [data { [{IP4: | IP6: | ARP: | NUMBER:} MAC [{- | +} MAC] ->
         MAC [{- | +} MAC] [vlan 0...4095 [{- | +} 0...4095] [priority 0...7 [{- | +} 0...7]] [cfi 0...1 [{-
         | +} 0...1]] [dot1ad] ...]] [{request: | reply: | NUMBER:} MAC/A.B.C.D -> MAC/A.B.C.D | {UDP: |
         TCP: | ICMP: | NUMBER:} A.B.C.D [{- | +} A.B.C.D] -> A.B.C.D [{- | +} A.B.C.D] [ttl 0...255 [{- |
         +} 0...255]] [tos 0...255 [{- | +} 0...255]] [dscp 0...63 [{- | +} 0...63]] [ecn 0...3 [{- | +}
         0...3]] [fragment id 0...65535 [{- | +} 0...65535] offset 0...65528 [{- | +} 0...65528]] [id
         0...65535 [{- | +} 0...65535]] [df] [DF] [mf] [MF] [ce] [CE] [length 0...65535 [{- | +} 0...65535]]
         [checksum 0...65535 [{- | +} 0...65535]] [version 0...15 [{- | +} 0...15]] [header-length 0...15
         [{- | +} 0...15]] [random] | {UDP: | TCP: | ICMP6: | NUMBER:} IPV6 [{- | +} IPV6] -> IPV6 [{- | +}
         IPV6] [hop-limit 0...255 [{- | +} 0...255]] [traffic-class 0...255 [{- | +} 0...255]] [flow-label
         0...1048575 [{- | +} 0...1048575]] [length 0...65535 [{- | +} 0...65535]] [version 0...15 [{- | +}
         0...15]] [random]] [UDP: 0...65535 [{- | +} 0...65535] -> 0...65535 [{- | +} 0...65535] [length
         0...65535 [{- | +} 0...65535]] [checksum 0...65535 [{- | +} 0...65535]] | TCP: 0...65535 [{- | +}
         0...65535] -> 0...65535 [{- | +} 0...65535] [seqnum 0...4294967295 [{- | +} 0...4294967295]]
         [acknum 0...4294967295 [{- | +} 0...4294967295]] [window 0...65535 [{- | +} 0...65535]] [urgent
         0...65535 [{- | +} 0...65535]] [checksum 0...65535 [{- | +} 0...65535]] [FIN] [SYN] [RST] [PSH]
         [ACK] [URG] [ECE] [CWR] | {ICMP | ICMP6} {echo_request | echo_reply | destination_unreachable |
         packet_too_big | time_exceeded | parameter_problem | redirect | source_quench | timestamp_request |
         timestamp_reply | router_solicitation | router_advertisement | neighbor_solicitation |
         neighbor_advertisement | 0...255 [{- | +} 0...255]} [code 0...255 [{- | +} 0...255]] [id 0...65535
         [{- | +} 0...65535]] [seq 0...65535 [{- | +} 0...65535]] [checksum 0...65535 [{- | +} 0...65535]]]
         [incrementing 0...9216] [hex 0xHEX ...] }] }
        > Makes a stream of packets on the NUMA node of an interface; it starts disabled.
        packet-generator configure STREAM [limit NUMBER] [rate NUMBER] [maxframe 1...256]
        > Changes a stream, which goes on where it is.
        packet-generator enable-stream [STREAM]
        > Starts a stream, or all.
        packet-generator disable-stream [STREAM]
        > Stops a stream, or all.
        packet-generator delete STREAM
        > Takes a stream away.
        packet-generator capture INTERFACE {pcap NAME [count 1...1000000] | disable}
        > Captures what an interface sends, or ends that and writes a pcapng file.
        show plugins [verbose]
        > Shows which plugins each NUMA node's worker has loaded.
        show init-function [init] [enter] [exit] [worker] [verbose] [node NUMA-NODE]
        > Shows what each NUMA node's worker runs once, in order.
        show logging [configuration]
        > Shows the last lines of the log, or what is logged of each class.
        set logging class CLASS [level {emerg | alert | crit | err | warn | notice | info | debug |
         disabled}] [rate-limit 1...1000000] [syslog-level {emerg | alert | crit | err | warn | notice |
         info | debug | disabled}]
        > Sets what is logged of a class of messages.
        set logging size 1...1000000
        > Sets how many lines of the log are kept in memory.
        set logging unthrottle-time 1...3600
        > Sets for how long a class that logs too much stays throttled.
        clear logging
        > Forgets the kept lines of the log.
        event-logger clear [node NUMA-NODE]
        > Empties the event logs.
        event-logger stop [node NUMA-NODE]
        > Stops the event logs.
        event-logger restart [node NUMA-NODE]
        > Lets the event logs go on.
        event-logger resize 1024...4194304 [node NUMA-NODE]
        > Gives the event logs another size, and empties them.
        event-logger trace [api] [cli] [dispatch] [tw_timer] [barrier] [disable] [node NUMA-NODE]
        > Takes frequent events too, or shows which are taken.
        event-logger save NAME [node NUMA-NODE]
        > Writes the events of all processes into a trace file.
        show event-logger [all | 1...10000000] [node NUMA-NODE]
        > Shows the last events of all processes in the order of their times.
        show barrier
        > Shows what the barriers came to: callers, times, late lanes.
        test barrier [node NUMA-NODE] [count 1...1000000] [hold 0...1000000]
        > Stops lanes and lets them go on, for measuring; packets wait meanwhile.
        restart {node 0...31 [--whole] | all}
        > Replaces a NUMA node's worker by a fresh one, which takes everything over without losing a packet.
        > With --whole keeper and worker: its ports go down for about a second, TAP interfaces are made anew,
        > packets in it and to it are lost, its counters begin at 0 and its generator's streams end; other
        > nodes go on.
        upgrade {node 0...31 | all} --with /FILE
        > Replaces a NUMA node's worker by one of another build of causeway-node; one that does not fit to
        > what runs is refused before anything stops.
        show node NUMA-NODE incarnation [1...4294967295 [interfaces | errors | runtime | events | stats]]
        > Shows what is kept of a NUMA node's dead workers: counters, drops, events.
        clear node NUMA-NODE incarnation {1...4294967295 | all}
        > Forgets what is kept of a NUMA node's dead workers.
        canary {on [node NUMA-NODE] [window SECONDS] | off}
        > Has each change go to one NUMA node first, and taken back if its worker dies of it.
        show canary
        > Shows where changes go first, and which were taken back.
        apply /FILE [--check]
        > Compares a topology file with what runs, and restarts only the nodes that must, one after the
        > other; if one does not come up, all are brought back to what they were. --check only shows the
        > plan. The next start reads the file of the startup file again.
        show vlib graph [of GRAPH-NODE] [node NUMA-NODE]
        > Shows which graph nodes there are, where each sends packets, and where they come from.
        show vlib graphviz [node NUMA-NODE]
        > Writes the graph in the DOT language, for Graphviz's dot.
        show node {index 0...255 | GRAPH-NODE} [node NUMA-NODE]
        > Shows a graph node: its neighbours in the graph, its drop reasons, and its counters.
        trace add INPUT-NODE 0...1000000 [verbose] [node NUMA-NODE]
        > Traces the next packets that an input node takes in, on every lane.
        trace filter {include NODE 1...1000000 | exclude NODE 1...1000000 | none}
        > Chooses the traced packets that are shown, and traces no further ones.
        show trace [max 1...1000000] [node NUMA-NODE]
        > Shows the traced packets, each with its way through the graphs of all lanes.
        clear trace [node NUMA-NODE]
        > Forgets the traced packets, and traces no further ones.
        set trace timestamp-format {relative | datetime | delta}
        > Chooses how show trace prints times.
        pcap trace [rx] [tx] [drop] [max 1...1000000] [intfc {any | INTERFACE}] [file NAME] [status] [off]
        > Captures packets of interfaces, or ends that and writes a pcapng file.
        pcap dispatch trace [on] [off] [status] [max 1...1000000] [file NAME] [buffer-trace INPUT-NODE
         1...1000000]
        > Captures each packet before each call of a graph node, or ends that and writes a pcapng file.
        api trace {on | off | clear | status}
        > Keeps the requests to the control API that ask for changes, or says how many are kept.
        api trace save NAME
        > Writes the kept requests into a file of JSON lines.
        api trace replay /FILE
        > Does the requests of a file again, in their order; stops at the first that fails.
        show cli-sessions
        > Shows who is connected to the control socket.
        show api clients
        > Shows who is connected to the control socket.
        show api trace-status
        > Shows whether requests for changes are kept, and how many are.
        show api message-table
        > Shows the requests that the control socket answers.
        exec /FILE
        > Runs the commands of a file; stops at the first that fails.
        clear {runtime | errors | interfaces | handoff}
        > Takes the present counts as the zero of later ones.
        help
        > Lists the commands.
        show cli
        > Lists the commands.
        scope {node NUMA-NODE | all}
        > Makes commands that take `node N` be about this NUMA node until told otherwise.
        define NAME TEXT ...
        > Defines a macro.
        undefine NAME
        > Forgets a macro.
        show macro
        > Shows macros.
        history [clear]
        > Shows the lines that were typed, or forgets them.
        show terminal
        > Shows the terminal.
        set terminal {pager {on | off | limit 0...10000000} | history {on | off | limit 0...10000000}}
        > Sets how this session shows answers and keeps lines.
        top
        > Shows what the dataplane does, live.
        stats {ls [PATTERN ...] | get [PATTERN ...] | watch [PATTERN ...]}
        > Reads statistics by name.
        quit
        > Ends the session; the dataplane goes on.
        exit
        > Ends the session; the dataplane goes on.
        echo [TEXT ...]
        > Says the rest of the line.
        wait 0...86400
        > Waits before the next command.
        """#
}
