# SPDX-License-Identifier: Apache-2.0
"""The judge: what was lost, where that was allowed, and whether every buffer is accounted for."""
import time

from . import bed, hosts

#: A packet may be in the hands of a worker, or in a queue before it, for this long before its death.
BEFORE = int(0.2e9)
#: A packet that has not come after this long does not come; longer than any outage that is no failure.
PATIENCE = int(30e9)


class Judge:
    """Keeps the outages of nodes, and compares the flows with them."""

    def __init__(self, dataplane, ends):
        self.bed = dataplane
        self.hosts = ends
        self.failures = []
        self.lost = 0
        self.lost_elsewhere = 0
        self.leaked = 0
        self.longest_gap = 0
        self.deaths = []
        self._outages = {0: [], 1: []}   # [begin, end] in ns; end is None while it lasts
        self._next = [0] * len(hosts.FLOWS)
        self._seen = set()
        self._used = None

    def fail(self, text):
        """Notes a promise that was not kept."""
        if len(self.failures) < 200:
            self.failures.append(text)

    def forget(self):
        """Forgets losses so far."""
        self.failures.clear()
        self.lost = self.lost_elsewhere = self.longest_gap = 0

    # ------------------------------------------------------------------------------------------- outages
    def begin_outage(self, node, now=None):
        """A node's worker is about to die, or has."""
        spans = self._outages[node]
        if not spans or spans[-1][1] is not None:
            spans.append([(now or time.monotonic_ns()) - BEFORE, None])

    def end_outages(self):
        """All nodes forward again."""
        now = time.monotonic_ns()
        for spans in self._outages.values():
            if spans and spans[-1][1] is None:
                spans[-1][1] = now

    def _is_allowed(self, flow, sent, left):
        for node in hosts.nodes_of(flow):
            for begin, end in reversed(self._outages[node]):
                if end is not None and end < sent - PATIENCE:
                    break
                if begin <= max(sent, left) and (end is None or sent <= end):
                    return True
        return False

    # --------------------------------------------------------------------------------------------- flows
    def first_after(self, flow, instant):
        """When the first datagram came of those sent after an instant; nothing if none has."""
        record = self.hosts.records[flow]
        number = record.counts[0] - 1
        found = None
        while number >= 0 and number > record.counts[0] - record.capacity // 2:
            place = number % record.capacity
            if record.sent[place] <= instant:
                break
            if record.came[place]:
                found = record.came[place]
            number -= 1
        return found

    def flows_after(self, instant, flows=None, seconds=10):
        """Waits until a datagram sent after an instant has come on each flow; returns those without one."""
        waiting = set(range(len(hosts.FLOWS)) if flows is None else flows)

        def look():
            waiting.difference_update([flow for flow in waiting if self.first_after(flow, instant)])
            return not waiting

        bed.eventually(seconds, look, 0.002)
        return waiting

    def settle(self, is_last=False):
        """Judges datagrams that are old enough, or all of them."""
        limit = time.monotonic_ns() - (0 if is_last else PATIENCE)
        for flow, record in enumerate(self.hosts.records):
            number = self._next[flow]
            while number < record.counts[0] and record.sent[number % record.capacity] <= limit:
                place = number % record.capacity
                self._judge(flow, number, record.sent[place], record.left[place], record.came[place])
                number += 1
            self._next[flow] = number

    def _judge(self, flow, number, sent, left, came):
        is_allowed = self._is_allowed(flow, sent, left)
        if came:
            if not is_allowed:
                self.longest_gap = max(self.longest_gap, came - sent)
            return
        if is_allowed:
            self.lost += 1
            return
        self.lost_elsewhere += 1
        source, target = hosts.FLOWS[flow]
        self.fail(f"lost: datagram {number} from host {source} to {target}, sent at {sent / 1e9:.4f} s"
                  f" (in {(left - sent) / 1e6:.1f} ms), "
                  f"while all nodes on its way forwarded")

    # ------------------------------------------------------------------------------------------ accounts
    def look_at_deaths(self):
        """Reads `show restarts`: every buffer must have been found."""
        for death in self.bed.command("show restarts")["restarts"]:
            key = (death["numaNode"], death["incarnation"], death["unixSeconds"])
            if key in self._seen:
                continue
            self._seen.add(key)
            self.deaths.append(death)
            missing = (death.get("buffers") or 0) - (death.get("buffersFree") or 0)
            if missing:
                self.leaked += abs(missing)
                self.fail(f"node {death['numaNode']}, life {death['incarnation']}: "
                          f"{death['buffersFree']} of {death['buffers']} buffers were free")
            if death["by"] == "none":
                self.fail(f"node {death['numaNode']}, life {death['incarnation']} was not replaced")

    def look_at_errors(self):
        """No consumer may find cells that make no sense."""
        for error in self.bed.command("show errors")["errors"]:
            if "corrupt" in error["reason"] and error["count"]:
                self.fail(f"{error['count']} {error['node']}: {error['reason']}")

    def audit(self, moment):
        """With no traffic on its way each pool must have as many buffers in use as at the first audit."""
        last = []

        def is_quiet():
            used = [pool.get("used") for pool in self.bed.command("show buffers")["pools"]]
            last.append(used)
            if self._used is not None:
                return used == self._used
            return len(last) >= 10 and all(entry == used for entry in last[-10:])

        bed.eventually(5, is_quiet, 0.03)
        if self._used is None:
            self._used = last[-1]
        elif last[-1] != self._used:
            self.leaked += sum(abs((now or 0) - (then or 0)) for now, then in zip(last[-1], self._used))
            self.fail(f"{moment}: {last[-1]} buffers in use with no traffic, {self._used} at the start")

    def totals(self):
        """Duplicates and corrupt datagrams of all flows."""
        records = self.hosts.records
        return (sum(record.counts[1] for record in records),
                sum(record.counts[2] + record.counts[3] for record in records))
