# SPDX-License-Identifier: BSD-3-Clause
"""nodes.py - the machines of tests/lib/cluster, and what runs on them"""
import collections
import os
import select
import subprocess
import time

SOURCE = os.path.abspath(os.environ.get("top_srcdir", "."))
BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
SCRIPT = SOURCE + "/tests/lib/cluster"
FRONT = "fe"
KINDS = {"cairnrun": "launcher", "cairnd": "agent", "mpiexec.hydra": "mpiexec",
         "mpiexec": "mpiexec", "hydra_pmi_proxy": "proxy", "cairn": "tool",
         "nsenter": "way", "bash": "way", "sh": "way", "cluster": "way",
         "cluster-rsh": "way", "ip": "way", "gdb": "tool", "cairn-twin": "twin"}

Process = collections.namedtuple("Process", "pid parent kind node frozen")


class Cluster:
    """Nodes n0 ... n(N-1), and the front end, from which jobs are started."""

    def __init__(self, folder, count):
        self.folder = folder
        self.names = [f"n{k}" for k in range(count)]
        self.env = dict(os.environ, CLUSTER=folder,
                        NODE_INIT=BUILD + "/tests/programs/cluster/node_init")
        self.env.pop("CAIRN_MOMENTS", None)
        os.mkdir(folder)
        self.do("up", str(count))
        self.mounts = {n: self.mounts_of(n) for n in self.names}

    def do(self, *words):
        subprocess.run([SCRIPT, *words], env=self.env, check=True, timeout=60,
                       stdin=subprocess.DEVNULL)

    def command(self, words):
        """What starts these words on the front end (by exec)."""
        return [SCRIPT, "on", FRONT, *words]

    def init(self, name):
        with open(f"{self.folder}/{name}.pid", encoding="ascii") as f:
            return int(f.read())

    def spaces(self):
        """Process namespace -> name of the node."""
        found = {os.readlink("/proc/self/ns/pid"): FRONT}
        for name in self.names:
            try:
                pid = self.init(name)
                found[os.readlink(f"/proc/{pid}/ns/pid")] = name
            except OSError:
                pass  # it is switched off
        return found

    def mounts_of(self, name):
        with open(f"/proc/{self.init(name)}/mountinfo", encoding="utf-8") as f:
            return sorted(line.split()[4] for line in f)

    def left_on(self, name):
        """What lies about on a node where nothing should; a sentence or None."""
        space = os.readlink(f"/proc/{self.init(name)}/ns/pid")
        for pid in pids():
            try:
                inside = os.readlink(f"/proc/{pid}/ns/pid") == space
                if inside and pid != self.init(name) and not gone(pid):
                    return f"process {pid} ({comm(pid)}) runs on {name}"
            except OSError:
                pass
        shm = os.listdir(f"/proc/{self.init(name)}/root/dev/shm")
        if shm:
            return f"/dev/shm of {name} holds {' '.join(shm)}"
        table = subprocess.run([SCRIPT, "on", name, "cat", "/proc/sysvipc/shm"],
                               env=self.env, check=True, timeout=60,
                               stdin=subprocess.DEVNULL, capture_output=True)
        if len(table.stdout.splitlines()) > 1:
            return f"a System V segment is left on {name}"
        if self.mounts_of(name) != self.mounts[name]:
            return f"the mounts of {name} are not what they were"
        return None

    def close(self):
        self.do("down")


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        return f.read().strip()


def stat(pid):
    """State, parent."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return words[0], int(words[1])


def gone(pid):
    try:
        return stat(pid)[0] in "ZX"
    except OSError:
        return True


def processes(cluster, mark):
    """All that has the mark in its environment."""
    found, spaces = [], cluster.spaces()
    for pid in pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark not in f.read():
                    continue
            state, parent = stat(pid)
            node = spaces.get(os.readlink(f"/proc/{pid}/ns/pid"), "?")
            kind = KINDS.get(comm(pid), "rank")
        except OSError:
            continue
        if state not in "ZX":
            found.append(Process(pid, parent, kind, node, state == "T"))
    # A twin is a rank's child.
    ranks = {p.pid for p in found if p.kind == "rank"}
    return [p._replace(kind="twin") if p.kind == "rank" and p.parent in ranks
            else p for p in found]


def await_end(pid, seconds):
    """Returns when the process has ended, or after that time."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        select.select([fd], [], [], max(0, seconds))
    finally:
        os.close(fd)


def await_none(find, seconds):
    """Waits until find() gives no process; what is left after that time."""
    limit = time.monotonic() + seconds
    while left := find():
        if time.monotonic() > limit:
            break
        await_end(left[0].pid, limit - time.monotonic())
    return left
