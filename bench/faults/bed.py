# SPDX-License-Identifier: Apache-2.0
"""A dataplane with a name of its own: two NUMA nodes, each with two TAP ports, two null ports and a spare."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

#: The TAP ports, by node; the host behind number i is 10.10.i.2, and the port 10.10.i.1.
PORTS = (("left0", "left1"), ("right0", "right1"))


class Failure(Exception):
    """Something without which nothing can be judged."""


class Refusal(Exception):
    """A command that the supervisor understood and did not do."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the supervisor's unix socket."""

    def __init__(self, path, timeout):
        super().__init__("causeway", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connection_to(path, timeout):
    """A connection to one of the supervisor's sockets."""
    return _Connection(str(path), timeout)


def eventually(seconds, condition, every=0.005):
    """Looks again and again; returns what the condition returned last."""
    limit = time.monotonic() + seconds
    while True:
        result = condition()
        if result or time.monotonic() > limit:
            return result
        time.sleep(every)


class Bed:
    """The dataplane: its files, its supervisor, its control socket."""

    def __init__(self, binaries, prefix, options):
        self.binaries = pathlib.Path(binaries)
        self.instance = f"{prefix}{os.getpid() % 100000}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"causeway-{self.instance}."))
        self.runtime = pathlib.Path("/run") / self.instance
        self.log = self.folder / "causeway.log"
        self.supervisor = None
        for name in ("causeway", "causeway-node"):
            if not os.access(self.binaries / name, os.X_OK):
                raise Failure(f"{self.binaries / name} is missing: run deploy/build, or name --binaries")
        if os.geteuid() != 0:
            raise Failure("network namespaces, hugepages and signals to the dataplane need root")
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            raise Failure("two CPUs are needed, one for the lane of each node")
        (self.folder / "topology.yaml").write_text(self._topology(cpus, options))
        (self.folder / "startup.conf").write_text(self._startup(options))

    def _topology(self, cpus, options):
        text = (
            "schema: 1\n"
            "defaults:\n"
            "  heap: 128M\n"
            "  buffers: 8192\n"
            "  handoff-ring: 65536\n"
            f"  spare: {'yes' if options.spares else 'no'}\n"
            "  restart: {max: 1000000, window: 60s, backoff: 0ms}\n"
            "nodes:\n"
        )
        for node, names in enumerate(PORTS):
            text += (
                f"  - node: {node}\n    virtual-of: 0\n"
                f"    lanes: [{cpus[node]}]\n    control-cpu: {cpus[node]}\n    ports:\n"
            )
            for index, name in enumerate(names):
                text += f"      - {{name: {name}, tap: {self.tap(2 * node + index)}}}\n"
            for name in (f"in{node}", f"out{node}"):
                text += f"      - {{name: {name}, null: yes}}\n"
        return text

    def _startup(self, options):
        return (
            "unix {\n  nodaemon\n"
            f"  runtime-dir {self.runtime}\n  state-dir {self.folder}/state\n"
            f"  cli-listen {self.runtime}/api.sock\n  poll-sleep-usec {options.poll_sleep}\n}}\n"
            f"instance {self.instance}\ntopology {self.folder}/topology.yaml\n"
            f"lanes {{ hang-msec {options.hang} }}\n"
            # The points are those of the plain program, not of the build for the best CPUs.
            "cpu { variant v3 }\n"
        )

    def tap(self, index):
        """The TAP interface behind a port."""
        return f"{self.instance}t{index}"

    # ------------------------------------------------------------------------------------ start and stop
    def start_supervisor(self):
        """Starts a supervisor, which takes over what runs."""
        with open(self.log, "ab") as log:
            self.supervisor = subprocess.Popen(
                [self.binaries / "causeway", "-c", self.folder / "startup.conf"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )

    def start(self):
        """Starts the dataplane, and configures the ports; all nodes forward when this returns."""
        self.start_supervisor()
        if not eventually(60, lambda: self.forwards() or self.supervisor.poll() is not None, 0.05):
            raise Failure(f"the workers did not come to forward; the log: {self.log}")
        if self.supervisor.poll() is not None:
            raise Failure(f"causeway ended with {self.supervisor.returncode}:\n{self.log.read_text()[-3000:]}")
        number = 0
        for names in PORTS:
            for name in names:
                self.command(f"set interface state {name} up")
                self.command(f"set interface ip address {name} 10.10.{number}.1/24")
                number += 1
        for index, name in enumerate(("in0", "out0", "in1", "out1")):
            self.command(f"set interface state {name} up")
            self.command(f"set interface ip address {name} 10.50.{index}.1/24")
            self.command(f"set ip neighbor {name} 10.50.{index}.9 02:00:00:00:00:0{index}")

    def stop(self):
        """Stops everything in order; returns what went wrong, and what was left behind."""
        faults = []
        if self.supervisor is not None:
            if self.supervisor.poll() is not None:
                self.start_supervisor()
                eventually(30, self.forwards, 0.05)
            self.supervisor.send_signal(signal.SIGTERM)
            try:
                status = self.supervisor.wait(30)
                if status != 0:
                    faults.append(f"exit status {status} after SIGTERM")
            except subprocess.TimeoutExpired:
                faults.append("SIGTERM did not end the supervisor in 30 s")
        # A process that was killed as the supervisor ended may still be on its way out.
        eventually(3, lambda: not self.processes(), 0.05)
        return faults, self.leftovers()

    def processes(self):
        """Pids of the dataplane's processes."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"causeway" in words[0] and any(self._is_mine(word.decode(errors="replace")) for word in words):
                found.append(int(entry))
        return found

    def _is_mine(self, text):
        place = text.find(self.instance)
        return place >= 0 and not text[place + len(self.instance):][:1].isdigit()

    def files(self):
        """Files in memory, in hugepages and in /run."""
        found = []
        for folder in ("/run", "/dev/shm", "/dev/hugepages", "/var/run/dpdk"):
            if os.path.isdir(folder):
                found += [f"{folder}/{name}" for name in os.listdir(folder) if self._is_mine(name)]
        return found

    def leftovers(self):
        """What of this instance is on the machine; reports of crashes are meant to stay."""
        reports = [name for name in self.runtime.rglob("crash.*")] if self.runtime.is_dir() else []
        for report in reports:
            report.unlink()
        for folder in sorted({report.parent for report in reports}) + ([self.runtime] if reports else []):
            if not any(folder.iterdir()):
                folder.rmdir()
        return [f"process {pid}" for pid in self.processes()] + [f"file {path}" for path in self.files()]

    def destroy(self, keep):
        """Ends whatever still runs and removes all files; `keep` leaves the folder with the log."""
        for _ in range(50):
            pids = self.processes()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        if self.supervisor is not None:
            self.supervisor.wait()
        for path in self.files():
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                pathlib.Path(path).unlink(missing_ok=True)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -------------------------------------------------------------------------------------- the control API
    def command(self, line, timeout=30):
        """Runs a command; returns its JSON result, or its text where it has none."""
        connection = connection_to(self.runtime / "api.sock", timeout)
        try:
            connection.request("POST", "/v1/cli", json.dumps({"command": line, "json": True}))
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if not answer.get("ok"):
            raise Refusal(f"{line}: {answer.get('error', {}).get('message', answer)}")
        return answer.get("result", answer.get("text"))

    def nodes(self, timeout=5):
        """`show nodes`, or nothing where no supervisor answers."""
        try:
            return self.command("show nodes", timeout)["nodes"]
        except (OSError, http.client.HTTPException, ValueError, Refusal):
            return []

    def forwards(self):
        """Whether a supervisor answers and all nodes forward."""
        nodes = self.nodes()
        return bool(nodes) and all(node["workerState"] == "forwarding" for node in nodes)
