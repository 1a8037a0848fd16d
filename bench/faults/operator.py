# SPDX-License-Identifier: Apache-2.0
"""Somebody who configures all the time: routes and MTUs change, and now and then a barrier is taken."""
import http.client
import random
import threading
import time

from . import bed


class Operator(threading.Thread):
    """Changes routes in 30.0.0.0/8, and keeps which of them the supervisor has acknowledged.

    A change that got no answer, because the supervisor died, may be in force or not.
    """

    def __init__(self, dataplane, seed, pause=0.02):
        super().__init__(daemon=True)
        self.bed = dataplane
        self.random = random.Random(seed)
        self.interval = pause
        self.acknowledged = {}     # prefix: whether it is there; None: unknown
        self.changes = 0
        self.barriers = 0
        self.refusals = {}
        self._ending = threading.Event()

    def run(self):
        while not self._ending.wait(self.interval):
            try:
                self._step()
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.01)

    def end(self):
        """Ends when the command on its way has an answer."""
        self._ending.set()
        self.join()

    def _step(self):
        kind = self.random.random()
        if kind < 0.1:
            self._try("test barrier count 2")
            self.barriers += 1
            return
        if kind < 0.25:
            # Another generation of tables; routes to known next hops alone make none.
            self._try(f"set interface mtu {self.random.randrange(1400, 1500)} out{self.random.randrange(2)}")
            return
        prefix = f"30.{self.random.randrange(4)}.{self.random.randrange(64)}.0/24"
        before = self.acknowledged.get(prefix, False)
        is_there = not before
        # 10.10.0.2 is a host of node 0, 10.10.3.2 one of node 1.
        host = 3 * self.random.randrange(2)
        self.acknowledged[prefix] = None
        verb = "add" if is_there else "del"
        if self._try(f"ip route {verb} {prefix}" + (f" via 10.10.{host}.2" if is_there else "")):
            self.acknowledged[prefix] = is_there
            self.changes += 1
        elif before is not None:
            self.acknowledged[prefix] = before

    def _try(self, line):
        try:
            self.bed.command(line)
            return True
        except bed.Refusal as refusal:
            text = str(refusal).split(": ", 1)[-1]
            self.refusals[text] = self.refusals.get(text, 0) + 1
            return False

    def compare(self):
        """What differs between what was acknowledged and what is there; call it after `end`."""
        table = self.bed.command("show ip fib 30.0.0.0/8 max 0")
        there = {entry["prefix"] for entry in table["prefixes"] if entry["prefix"].endswith("/24")}
        return sorted(prefix for prefix, known in self.acknowledged.items()
                      if known is not None and known != (prefix in there))
