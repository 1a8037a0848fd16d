# SPDX-License-Identifier: Apache-2.0
"""Breakpoints in a running process of the release build, by ptrace: a process dies exactly where it was told to."""
import collections
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import time

from . import bed

_SEIZE, _INTERRUPT, _DETACH, _CONT, _GETREGS, _SETREGS, _EVENTMSG = 0x4206, 0x4207, 17, 7, 12, 13, 0x4201
_TRACE_CLONE = 8
_EVENT_CLONE, _EVENT_STOP = 3, 128
_WALL = 0x40000000
_RIP = 16                      # user_regs_struct, in words
_TRAP = b"\xcc"

#: An instruction of a function: where it is in the file, in the function and in words.
Point = collections.namedtuple("Point", "program step function offset address text")


def read_points(program, steps):
    """The instructions of all functions that `steps` (name: regular expression on symbols) name, in their order."""
    listing = subprocess.run(["nm", "-S", "--defined-only", program], capture_output=True, text=True, check=True)
    found = {}
    for line in listing.stdout.splitlines():
        parts = line.split()
        if len(parts) != 4 or parts[2] not in "tT":
            continue
        for step, pattern in steps.items():
            if re.search(pattern, parts[3]):
                found.setdefault(int(parts[0], 16), (int(parts[1], 16), parts[3], step))
                break
    if set(steps) - {step for _, _, step in found.values()}:
        missing = ", ".join(sorted(set(steps) - {step for _, _, step in found.values()}))
        raise bed.Failure(f"{program} has no function of: {missing}; the names in bench/fault-points are out of date")
    points = []
    for start, (size, name, step) in sorted(found.items()):
        points += _instructions(program, start, size, name, step)
    return points


def _instructions(program, start, size, name, step):
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--start-address={start:#x}", f"--stop-address={start + size:#x}",
         program], capture_output=True, text=True, check=True).stdout
    points = []
    for line in text.splitlines():
        match = re.match(r"^ +([0-9a-f]+):\s+(.*)$", line)
        # Padding is never run, and a trap is an end of its own.
        if match and not re.match(r"(nop|data16|xchg +%ax,%ax|cs nop|int3|ud2)", match[2]):
            address = int(match[1], 16)
            points.append(Point(os.path.basename(program), step, name, address - start, address, match[2].strip()))
    return points


class Tracer:
    """A process with a breakpoint in it."""

    def __init__(self, pid, program):
        self.pid = pid
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._libc.ptrace.restype = ctypes.c_long
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self._base = self._find(program)
        self._threads = set()
        self._planted = {}
        self.is_dead = False
        self._covered = None
        for name in os.listdir(f"/proc/{pid}/task"):
            if self._trace(_SEIZE, int(name), data=_TRACE_CLONE) == 0:
                self._threads.add(int(name))
        if pid not in self._threads:
            raise ProcessLookupError(f"{pid} cannot be traced")

    def _find(self, program):
        for line in pathlib.Path(f"/proc/{self.pid}/maps").read_text().splitlines():
            fields = line.split()
            if len(fields) > 5 and fields[2] == "00000000" and os.path.basename(fields[5]) == program:
                return int(fields[0].split("-")[0], 16)
        raise ProcessLookupError(f"{self.pid} does not run {program}")

    def _trace(self, request, thread, address=0, data=0):
        return self._libc.ptrace(request, thread, address, data)

    def plant(self, address):
        """Sets a breakpoint at an address of the file."""
        self._planted[address] = os.pread(self._memory, 1, self._base + address)
        os.pwrite(self._memory, _TRAP, self._base + address)

    def wait(self, seconds):
        """Lets the process run until a thread meets a breakpoint, and kills it there.

        Returns the address of the file, or nothing if the time was over or the process ended by itself.
        """
        limit = time.monotonic() + seconds
        while self._threads:
            is_idle = True
            for thread in list(self._threads):
                hit = self._look(thread)
                if hit is None:
                    continue
                is_idle = False
                if hit:
                    os.kill(self.pid, signal.SIGKILL)
                    self._reap()
                    return hit
            if is_idle:
                if time.monotonic() > limit:
                    return None
                time.sleep(0.0005)
        self.is_dead = True
        return None

    def cover(self, seconds, longest=120):
        """Lets the process run, and takes out each breakpoint that it meets, until it has met none for some seconds.

        Returns their addresses.
        """
        self._covered = set()
        limit = time.monotonic() + longest
        before = -1
        while not self.is_dead and len(self._covered) > before and time.monotonic() < limit:
            before = len(self._covered)
            self.wait(seconds)
        self.leave()
        return self._covered

    def _look(self, thread):
        """What a thread says: the address of a breakpoint, 0 for anything else, nothing if it runs."""
        try:
            waited, status = os.waitpid(thread, os.WNOHANG | _WALL)
        except ChildProcessError:
            self._threads.discard(thread)
            return 0
        if not waited:
            return None
        if not os.WIFSTOPPED(status):
            self._threads.discard(thread)
            return 0
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == 0 and number == signal.SIGTRAP:
            address = self._place(thread)
            if address in self._planted:
                if self._covered is None:
                    return address
                self._pass(thread, address)
                return 0
        if event == _EVENT_CLONE:
            message = ctypes.c_ulong()
            self._libc.ptrace(_EVENTMSG, thread, None, ctypes.addressof(message))
            self._threads.add(message.value)
        # A signal is passed on; a stop of the tracer's own is not one.
        self._trace(_CONT, thread, data=0 if event else number)
        return 0

    def _pass(self, thread, address):
        """Lets a thread go on at a breakpoint as if there had been none."""
        self._covered.add(address)
        os.pwrite(self._memory, self._planted[address], self._base + address)
        registers = (ctypes.c_ulong * 27)()
        self._libc.ptrace(_GETREGS, thread, None, ctypes.addressof(registers))
        registers[_RIP] = self._base + address
        self._libc.ptrace(_SETREGS, thread, None, ctypes.addressof(registers))
        self._trace(_CONT, thread)

    def _place(self, thread):
        registers = (ctypes.c_ulong * 27)()
        self._libc.ptrace(_GETREGS, thread, None, ctypes.addressof(registers))
        return registers[_RIP] - 1 - self._base

    def _reap(self):
        """Takes the ends of all threads, without which its parent would not learn of its own."""
        limit = time.monotonic() + 10
        while self._threads and time.monotonic() < limit:
            for thread in list(self._threads):
                try:
                    waited, status = os.waitpid(thread, os.WNOHANG | _WALL)
                    if waited and not os.WIFSTOPPED(status):
                        self._threads.discard(thread)
                except ChildProcessError:
                    self._threads.discard(thread)
            time.sleep(0.0002)
        self.is_dead = True
        os.close(self._memory)

    def leave(self):
        """Takes the breakpoints out and lets the process go; returns the address of one that was met meanwhile."""
        if self.is_dead:
            return None
        for address, byte in self._planted.items():
            os.pwrite(self._memory, byte, self._base + address)
        met = None
        for thread in list(self._threads):
            self._trace(_INTERRUPT, thread)
            while thread in self._threads:
                hit = self._stop(thread)
                if hit:
                    met = hit
                    os.kill(self.pid, signal.SIGKILL)
                    self._reap()
                    return met
        os.close(self._memory)
        return met

    def _stop(self, thread):
        """Waits for a thread to stop, and detaches it there; the address of a breakpoint that it has met."""
        try:
            _, status = os.waitpid(thread, _WALL)
        except ChildProcessError:
            self._threads.discard(thread)
            return None
        if not os.WIFSTOPPED(status):
            self._threads.discard(thread)
            return None
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == 0 and number == signal.SIGTRAP and self._place(thread) in self._planted:
            if self._covered is None:
                return self._place(thread)
            self._pass(thread, self._place(thread))
            return None
        if event == _EVENT_STOP:
            self._trace(_DETACH, thread)
            self._threads.discard(thread)
        else:
            self._trace(_CONT, thread, data=0 if event else number)
        return None
