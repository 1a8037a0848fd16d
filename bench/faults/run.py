# SPDX-License-Identifier: Apache-2.0
"""A run: a dataplane under load that things are done to, from its start to the report."""
import json
import sys
import time

from . import bed, generator, hosts, judge, operator


class Run:
    """Starts everything, lets a subclass do its work (`loop`), and concludes."""

    def __init__(self, options, prefix):
        self.options = options
        self.bed = bed.Bed(options.binaries, prefix, options)
        self.hosts = hosts.Hosts(self.bed, options.rate)
        self.judge = judge.Judge(self.bed, self.hosts)
        self.operator = operator.Operator(self.bed, options.seed)
        self.stuck = 0
        self.leftovers = []
        # Who was killed: until the supervisor knows, it says that they forward.
        self.struck = set()
        self.began = time.monotonic()

    def say(self, text):
        """A line for whoever watches; nothing with --json."""
        if not self.options.json:
            print(f"{time.monotonic() - self.began:8.2f} {text}", flush=True)

    def loop(self):
        """What the run is for."""
        raise NotImplementedError

    def run(self):
        """Everything, from start to end."""
        is_done = False
        try:
            self.bed.start()
            self.hosts.build()
            self.hosts.start()
            self.prepare()
            self.loop()
            self.conclude()
            is_done = True
        finally:
            try:
                if self.operator.is_alive():
                    self.operator.end()
                self.hosts.remove()
                if self.bed.supervisor is not None:
                    faults, self.leftovers = self.bed.stop()
                    for text in faults + [f"left behind: {thing}" for thing in self.leftovers]:
                        self.judge.fail(text)
            finally:
                self.bed.destroy(keep=bool(self.judge.failures) or not is_done)

    def prepare(self):
        """Flows run, pools have been looked at while nothing did, the generator makes its load."""
        silent = self.judge.flows_after(time.monotonic_ns(), seconds=30)
        if silent:
            raise bed.Failure(f"no datagram comes on flows {sorted(silent)}; the log: {self.bed.log}")
        self.await_spares()
        # What was sent before all neighbours were known may be lost.
        self.hosts.pause(True)
        time.sleep(0.3)
        self.judge.settle(is_last=True)
        self.judge.forget()
        self.judge.audit("start")
        self.hosts.pause(False)
        self.load()
        self.operator.start()

    def load(self):
        """Lets the generator make its load, where its streams ended with a worker."""
        if self.options.load <= 0:
            return
        streams = json.dumps(self.bed.command("show packet-generator"))
        for node in range(2):
            if f"here{node}" not in streams or f"over{node}" not in streams:
                generator.start(self.bed, node, self.options.load)

    def quiet_audit(self, moment):
        """Lets traffic rest and looks at the pools; then it goes on."""
        self.hosts.pause(True)
        generator.stop(self.bed)
        self.judge.audit(moment)
        self.hosts.pause(False)
        for node in range(2):
            generator.start(self.bed, node, self.options.load)

    def conclude(self):
        """Lets everything come to rest and judges what is left."""
        self.operator.end()
        self.hosts.pause(True)
        if not self.stuck:
            generator.stop(self.bed)
        time.sleep(1)
        self.judge.settle(is_last=True)
        if not self.stuck:
            self.judge.audit("end")
            for prefix in self.operator.compare():
                self.judge.fail(f"{prefix} is not as it was acknowledged")
        overflow = self.hosts.overflow()
        if overflow and self.judge.lost_elsewhere:
            self.judge.fail(f"{overflow} datagrams found their receiver's socket full: this machine is too busy")
        duplicates, corrupt = self.judge.totals()
        if duplicates:
            self.judge.fail(f"{duplicates} datagrams came twice")
        if corrupt:
            self.judge.fail(f"{corrupt} datagrams came changed, or were never sent")

    # ------------------------------------------------------------------------------------ after each death
    def succeed(self, vacancy=0.0):
        """Waits for a supervisor that was killed, and starts the next."""
        self.bed.supervisor.wait()
        time.sleep(vacancy)
        self.bed.start_supervisor()

    def is_well(self, what, begin):
        """Waits until all nodes forward and all flows go on; false if they do not."""
        def are_back():
            workers = {node.get("workerPID") for node in self.bed.nodes()}
            return self.bed.forwards() and not workers & self.struck

        if not bed.eventually(30, are_back):
            return self.give_up(what, "a node does not forward", begin)
        # Numbers of processes come again.
        self.struck.clear()
        silent = self.judge.flows_after(time.monotonic_ns())
        if silent:
            return self.give_up(what, f"flows {sorted(silent)} do not go on", begin)
        self.judge.end_outages()
        return True

    def restore(self, waits_for_spare):
        """Looks at the accounts, and brings back what a death takes from a node."""
        self.judge.look_at_deaths()
        self.judge.look_at_errors()
        self.judge.settle()
        self.load()
        if waits_for_spare:
            self.await_spares()

    def await_spares(self):
        """Waits until each node has its spare again."""
        def are_ready():
            nodes = self.bed.nodes()
            return nodes and all(node["spareState"] == "ready" for node in nodes)

        if self.options.spares and not bed.eventually(30, are_ready, 0.01):
            self.judge.fail("a spare does not come up in 30 s")

    def give_up(self, what, reason, begin):
        """Somebody is stuck: the run ends."""
        self.stuck += 1
        self.judge.fail(f"{reason} within {(time.monotonic_ns() - begin) / 1e9:.1f} s of: {what}; "
                        f"nodes: {json.dumps(self.bed.nodes())}")
        return False

    # ------------------------------------------------------------------------------------------ the report
    def figures(self):
        """What every run reports."""
        duplicates, corrupt = self.judge.totals()
        deaths = [death for death in self.judge.deaths if death.get("forwardingMicroseconds")]
        return {
            "kept": not self.judge.failures,
            "seed": self.options.seed,
            "seconds": round(time.monotonic() - self.began, 1),
            "sent": sum(record.counts[0] for record in self.hosts.records),
            "lost": self.judge.lost,
            "lost_on_other_nodes": self.judge.lost_elsewhere,
            "longest_gap_on_other_nodes_ms": round(self.judge.longest_gap / 1e6, 2),
            "leaked_buffers": self.judge.leaked,
            "duplicates": duplicates,
            "corrupt": corrupt,
            "stuck": self.stuck,
            "left_behind": self.leftovers,
            "detection_ms": percentiles([death["detectionMicroseconds"] / 1e3 for death in deaths]),
            "forwarding_ms": percentiles([death["forwardingMicroseconds"] / 1e3 for death in deaths
                                          if death["by"] == "spare"]),
            "cold_ms": percentiles([death["forwardingMicroseconds"] / 1e3 for death in deaths
                                    if death["by"] == "cold"]),
            "changes": self.operator.changes,
            "barriers": self.operator.barriers,
            "refusals": self.operator.refusals,
            "failures": self.judge.failures,
        }


def finish(run, name):
    """Runs, prints the report as JSON, and returns the exit status."""
    try:
        run.run()
    except bed.Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return 2
    report = run.report()
    print(json.dumps(report, indent=2))
    if report["failures"]:
        print(f"{name}: {len(report['failures'])} promises were not kept, seed {run.options.seed}; "
              f"the log: {run.bed.log}", file=sys.stderr)
    return 0 if report["kept"] else 1


def add_options(parser, root):
    """The options that all runs have."""
    parser.add_argument("--seed", type=int, default=None, help="the same seed, the same schedule")
    parser.add_argument("--json", action="store_true", help="print nothing but the report, as JSON")
    parser.add_argument("--rate", type=float, default=400, help="datagrams a second on each of four flows (400)")
    parser.add_argument("--load", type=int, default=5000,
                        help="packets a second of each of the generator's four streams (5000; 0: none)")
    parser.add_argument("--no-spares", dest="spares", action="store_false", help="nodes without warm spares")
    parser.add_argument("--hang", type=int, default=300, help="ms after which a lane that stands still hangs (300)")
    parser.add_argument("--poll-sleep", type=int, default=100, help="us that an idle lane sleeps (100)")
    parser.add_argument("--failures", type=int, default=20, help="end after so many broken promises (20)")
    parser.add_argument("--binaries", default=str(root / ".build/release"), help="the folder of causeway")


def percentiles(values):
    """Median, p90, p99 and maximum of a list, and its length."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}

    def at(part):
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2)

    return {"count": len(ordered), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": round(ordered[-1], 2)}
