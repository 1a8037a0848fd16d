# SPDX-License-Identifier: Apache-2.0
"""Hosts in network namespaces on the dataplane's ports, and the flows among them.

A flow's datagrams carry a number that goes up by one, their length and a checksum over all of it. One process sends
and receives all flows: its sockets lie in the hosts' namespaces. It writes into memory that the judge shares, for each
number when it was sent and when it came.
"""
import ctypes
import mmap
import os
import select
import socket
import struct
import subprocess
import time
import zlib

from . import bed

_CLONE_NEWNET = 0x40000000
_SO_RCVBUFFORCE = 33
_HEADER = struct.Struct("!4sHHQII")   # magic, flow, length, number, a spare word, checksum
_MAGIC = b"CWFT"
_PATTERN = bytes(range(256)) * 7

#: Flows as (from, to), by the hosts' numbers: 0 and 1 are on node 0, 2 and 3 on node 1.
FLOWS = ((0, 1), (2, 3), (0, 2), (3, 1))


def nodes_of(flow):
    """The NUMA nodes that a flow goes through."""
    return {host // 2 for host in FLOWS[flow]}


def address(host):
    """A host's address."""
    return f"10.10.{host}.2"


def _run(*words):
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise bed.Failure(f"{' '.join(words)}: {result.stderr.strip()}")
    return result.stdout


class Record:
    """When each of a flow's datagrams was sent and came, in ns of CLOCK_MONOTONIC; 0: not.

    It was sent between `sent` and `left`: on a busy machine these can be far apart.

    One process writes, another reads. Old numbers are overwritten after `capacity` others.
    """

    capacity = 1 << 20
    _words = 8

    def __init__(self):
        memory = mmap.mmap(-1, 8 * (3 * self.capacity + self._words))
        words = memoryview(memory).cast("Q")
        self._memory = memory
        self.counts = words[:self._words]   # sent, duplicates, corrupt, strangers
        self.sent = words[self._words:self._words + self.capacity]
        self.came = words[self._words + self.capacity:self._words + 2 * self.capacity]
        self.left = words[self._words + 2 * self.capacity:]

    def note_sent(self, now):
        """Takes the next number for a datagram that is sent now."""
        place = self.counts[0] % self.capacity
        self.came[place] = self.left[place] = 0
        self.sent[place] = now
        self.counts[0] += 1

    def note_came(self, number, now):
        """Takes note of an arrival."""
        if number >= self.counts[0] or number + self.capacity <= self.counts[0]:
            self.counts[3] += 1
        elif self.came[number % self.capacity]:
            self.counts[1] += 1
        else:
            self.came[number % self.capacity] = now


def pack(flow, number):
    """A datagram's payload: 24 to 1,400 bytes, as long as its number says."""
    length = _HEADER.size + (number * 2654435761 + flow * 40503) % 1377
    if number % 4:
        length = _HEADER.size + number % 64
    start = number % 256
    padding = _PATTERN[start:start + length - _HEADER.size]
    head = _HEADER.pack(_MAGIC, flow, length, number, 0, 0)
    return _HEADER.pack(_MAGIC, flow, length, number, 0, zlib.crc32(padding, zlib.crc32(head))) + padding


def unpack(data):
    """The flow and number of a payload; nothing if a bit of it is wrong."""
    if len(data) < _HEADER.size:
        return None
    magic, flow, length, number, word, checksum = _HEADER.unpack_from(data)
    head = _HEADER.pack(magic, flow, length, number, word, 0)
    if magic != _MAGIC or length != len(data):
        return None
    return (flow, number) if zlib.crc32(data[_HEADER.size:], zlib.crc32(head)) == checksum else None


class Hosts:
    """The four hosts and their flows."""

    def __init__(self, dataplane, rate):
        self.bed = dataplane
        self.rate = rate
        self.records = [Record() for _ in FLOWS]
        self._pid = None
        self._macs = {}
        # The sender looks at the first word; the second counts its turns.
        self._words = memoryview(mmap.mmap(-1, 64)).cast("Q")

    def space(self, host):
        """The name of a host's namespace."""
        return f"{self.bed.instance}-{host}"

    def build(self):
        """Makes the namespaces and gives each its TAP interface."""
        for host in range(4):
            _run("ip", "netns", "add", self.space(host))
            for name in ("all", "default"):
                _run("ip", "netns", "exec", self.space(host), "sysctl", "-qw",
                     f"net.ipv6.conf.{name}.disable_ipv6=1")
        self.adopt(range(4))

    def adopt(self, hosts):
        """Moves TAP interfaces that are new into their hosts' namespaces, and sets them up."""
        macs = {link["name"]: link["mac"] for link in self.bed.command("show interface")["interfaces"]}
        for host in hosts:
            tap = self.bed.tap(host)
            if not os.path.exists(f"/sys/class/net/{tap}"):
                continue
            inside = ("ip", "-n", self.space(host))
            if host in self._macs:
                # The dataplane knows the host by the address that it had.
                _run("ip", "link", "set", tap, "address", self._macs[host])
            with open(f"/sys/class/net/{tap}/address", encoding="ascii") as file:
                self._macs[host] = file.read().strip()
            gateway = f"10.10.{host}.1"
            _run("ip", "link", "set", tap, "netns", self.space(host))
            _run(*inside, "address", "add", f"{address(host)}/24", "dev", tap)
            _run(*inside, "link", "set", tap, "up")
            _run(*inside, "route", "add", "default", "via", gateway)
            # A gateway that is away for seconds would be forgotten, which is no fault of the dataplane.
            _run(*inside, "neighbour", "replace", gateway, "dev", tap, "nud", "permanent", "lladdr",
                 macs[bed.PORTS[host // 2][host % 2]])

    def remove(self):
        """Ends the flows and removes the namespaces."""
        if self._pid is not None:
            self._words[0] = 2
            os.waitpid(self._pid, 0)
            self._pid = None
        for host in range(4):
            subprocess.run(["ip", "netns", "delete", self.space(host)], capture_output=True, check=False)

    # -------------------------------------------------------------------------------------------- the flows
    def start(self):
        """Starts the process that sends and receives."""
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                self._exchange(self._sockets())
                status = 0
            finally:
                os._exit(status)

    def pause(self, is_paused):
        """Stops or goes on sending; what is on its way still comes."""
        self._words[0] = 1 if is_paused else 0

    def check(self):
        """Raises if the process has ended."""
        if os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = None
            raise bed.Failure("the process that sends the flows has ended")

    def _sockets(self):
        """A socket in each namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        found = []
        for host in range(4):
            with open(f"/run/netns/{self.space(host)}", "rb") as space:
                if libc.setns(space.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
            end.bind((address(host), 4789 + 1000))
            found.append(end)
        return found

    def _exchange(self, sockets):
        """Sends what is due and takes what has come, until it is told to end."""
        poll = select.poll()
        for end in sockets:
            poll.register(end, select.POLLIN)
        by_descriptor = {end.fileno(): (host, end) for host, end in enumerate(sockets)}
        interval = int(1e9 / self.rate)
        due = [time.monotonic_ns() + index * interval // len(FLOWS) for index in range(len(FLOWS))]
        while self._words[0] != 2:
            now = time.monotonic_ns()
            for flow, at in enumerate(due):
                # Who was not let run does not make up for more than a few.
                due[flow] = at = max(at, now - 8 * interval)
                while at <= now and self._words[0] == 0:
                    self._send(sockets, flow)
                    at += interval
                due[flow] = at
            wait = max(0, min(due) - time.monotonic_ns()) / 1e6 if self._words[0] == 0 else 10
            for descriptor, _ in poll.poll(min(10, wait)):
                self._receive(*by_descriptor[descriptor])
            self._words[1] += 1

    def _send(self, sockets, flow):
        record = self.records[flow]
        number = record.counts[0]
        source, target = FLOWS[flow]
        record.note_sent(time.monotonic_ns())
        try:
            sockets[source].sendto(pack(flow, number), (address(target), 4789 + 1000))
            record.left[number % record.capacity] = time.monotonic_ns()
        except OSError:
            # No interface at the moment, or no room: it never left.
            record.counts[0] -= 1

    def _receive(self, host, end):
        for _ in range(256):
            try:
                data = end.recv(2048)
            except OSError:
                return
            now = time.monotonic_ns()
            found = unpack(data)
            if found is None or found[0] >= len(FLOWS) or FLOWS[found[0]][1] != host:
                self.records[0].counts[2] += 1
                continue
            self.records[found[0]].note_came(found[1], now)

    def overflow(self):
        """Datagrams that found their socket full, because the process was not let run."""
        total = 0
        for host in range(4):
            lines = [line.split() for line in _run("ip", "netns", "exec", self.space(host), "cat",
                                                   "/proc/net/snmp").splitlines() if line.startswith("Udp: ")]
            total += int(lines[1][lines[0].index("RcvbufErrors")])
        return total
