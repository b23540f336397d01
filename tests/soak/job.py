# SPDX-License-Identifier: BSD-3-Clause
"""job.py - one job, its fault, and what must hold afterwards"""
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

import nodes

ATTEMPT_S = 150  # for one cairnrun from start to end, faults included
ENDING_S = 25    # for all the rest, once the launcher is gone
KEEP = 3
MENDS = {"cut": "heal", "freeze": "thaw", "off": "revive"}
RSH = nodes.SOURCE + "/tests/lib/cluster-rsh"
LAUNCHER = nodes.BUILD + "/launcher/"
EPOCH = re.compile(r"epoch (\d+) committed|restarting it from epoch (\d+)|"
                   r"epoch (\d+) cannot be restored")
ANSWER = re.compile(r"(?:digest|answer) ([0-9a-f]{16})")


class Failed(Exception):
    pass


class Job:
    def __init__(self, plan, cluster, folder, wanted):
        self.plan, self.cluster, self.folder = plan, cluster, folder
        self.rng, self.wanted = plan.rng, wanted
        self.dir, self.tmp = folder + "/ck", folder + "/tmp"
        self.hosts = ",".join(f"n{k}:{n}" for k, n in enumerate(plan.layout)
                              if n != "0")
        self.spare = [f"n{k}" for k, n in enumerate(plan.layout) if n == "0"]
        self.mark = ("FAULTS_RUN=" + folder).encode() + b"\0"
        self.env = dict(cluster.env, FAULTS_RUN=folder, TMPDIR=self.tmp,
                        CAIRN_MOMENTS=folder + "/moments")
        os.mkdir(self.tmp)
        self.log = open(folder + "/log", "w", encoding="utf-8")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(folder + "/moments")
        self.listener.listen(64)
        self.process = None  # cairnrun
        self.attempts = self.restarts = 0
        self.said = set()    # epochs that were said to be committed
        self.answers = []
        self.first = plan.first
        self.commits = 0     # that were seen to happen
        self.happened = None # the fault did: where
        self.due = None      # when a fault that is delayed is to happen
        self.at = None       # the node where its moment was
        self.mend_at = None  # when that is to be mended
        self.harmed = {}     # node that is not as it was -> what mends it
        self.frozen = set()
        self.launcher_killed = False

    def say(self, text):
        self.log.write(f"{time.monotonic():.3f} {text}\n")
        self.log.flush()

    def processes(self):
        return nodes.processes(self.cluster, self.mark)

    # --- the fault ---

    def victims(self, kind, at):
        """Processes of that kind, on that node if there are any."""
        found = [p for p in self.processes() if p.kind == kind]
        there = [p for p in found if p.node == at]
        if self.plan.elsewhere:
            there = [p for p in found if p.node != at]
        return sorted(there or found)

    def node(self, at):
        """A node that has processes of the job: that one, or another."""
        used = sorted({p.node for p in self.processes() if p.kind == "agent"}
                      or {f"n{k}" for k, n in enumerate(self.plan.layout)
                          if n != "0"})
        there = [n for n in used if (n == at) != self.plan.elsewhere]
        return self.rng.choice(there or used or [None])

    def strike(self, kind, at):
        """Makes it happen; what it hit, or None."""
        if kind in ("cut", "freeze", "off"):
            node = self.node(at)
            if not node:
                return None
            self.cluster.do("kill" if kind == "off" else kind, node)
            self.harmed[node] = MENDS[kind]
            if kind == "freeze":
                self.frozen.add(node)
            if self.plan.until != "never":
                self.mend_at = time.monotonic() + self.plan.until_s
            return node
        victims = self.victims(kind, at)
        if not victims:
            return None
        victim = self.rng.choice(victims)
        self.launcher_killed |= kind == "launcher"
        os.kill(victim.pid, signal.SIGKILL)
        return f"{victim.pid} on {victim.node}"

    def mend(self):
        """All nodes are as they were."""
        for node, what in self.harmed.items():
            self.say(f"{what} {node}")
            self.cluster.do(what, node)
        self.harmed, self.frozen, self.mend_at = {}, set(), None

    def mend_if_due(self):
        if self.mend_at and time.monotonic() >= self.mend_at:
            self.mend()

    def fault_now(self, last):
        self.due = None
        hit = self.strike(self.plan.kind, self.at)
        self.say(f"fault: {self.plan.fault()} hits {hit}, last seen {last}")
        if hit:
            self.happened = last

    def came(self, connection, last):
        """A process has come to a moment; it waits until this returns."""
        connection.settimeout(5)
        try:
            words = connection.recv(256).decode().split()
        except OSError:
            words = []
        if len(words) != 4:
            return last
        place, pid, node, thing = words
        self.say(f"moment {place} {pid} {node} {thing}")
        if place.startswith("commit-") and thing != "manifest.json":
            return last
        due = self.commits >= self.plan.commits
        self.commits += place == "commit-done"
        if self.happened or self.due or self.first or not due or \
           place != self.plan.place:
            return place
        self.at = node
        self.due = time.monotonic() + self.plan.delay_ms / 1000
        if not self.plan.delay_ms:
            self.fault_now(place)
        return place

    # --- one cairnrun ---

    def command(self):
        common = ["--verbose", "--restarts", "4", "--keep", str(KEEP),
                  "--interval", f"{self.plan.interval_ms}ms", "--capture",
                  self.plan.capture]
        hosts = self.hosts + "".join(f",{n}:1" for n in self.spare)
        starter = ["-hosts", hosts, "-launcher", "ssh", "-launcher-exec", RSH]
        program = ["-n", str(self.plan.ranks)] + self.plan.program.split()
        program[2] = nodes.BUILD + "/tests/programs/" + program[2]
        if self.attempts == 1 or self.plan.resume or not self.epochs():
            how = ["--resume", "--ckpt-dir", self.dir]
        else:
            how, program = ["--restart", self.dir], []
        return [LAUNCHER + "cairnrun", *common, *starter, *how, *program]

    def read_messages(self, name):
        """What cairnrun said of epochs, in order."""
        with open(name + ".err", encoding="utf-8", errors="replace") as f:
            found = EPOCH.findall(f.read())
        for committed, restarted, damaged in found:
            if committed:
                self.said.add(int(committed))
            elif damaged:
                raise Failed(f"it says that epoch {damaged} is damaged")
            else:
                self.restarts += 1
                if self.said and int(restarted) < max(self.said):
                    raise Failed(f"restarted from epoch {restarted}, although "
                                 f"{max(self.said)} was committed")

    def attempt(self):
        """cairnrun from start to end; its exit code."""
        self.attempts += 1
        name = f"{self.folder}/{self.attempts}"
        command = self.command()
        self.say(" ".join(command))
        self.launcher_killed = False
        with open(name + ".out", "w", encoding="utf-8") as out, \
             open(name + ".err", "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                self.cluster.command(command), env=self.env, stdout=out,
                stderr=err, stdin=subprocess.DEVNULL, cwd=self.folder)
        end = os.pidfd_open(self.process.pid)
        try:
            self.serve(end)
        finally:
            os.close(end)
        code = self.process.wait()
        self.say(f"exit code {code}")
        self.read_messages(name)
        with open(name + ".out", encoding="utf-8", errors="replace") as f:
            self.answers += ANSWER.findall(f.read())
        return code

    def serve(self, end):
        """Answers moments until cairnrun has ended."""
        limit, last = time.monotonic() + ATTEMPT_S, "nothing"
        while True:
            if time.monotonic() > limit:
                self.stacks()
                raise Failed(f"hangs after {ATTEMPT_S} s")
            ready = select.select([end, self.listener], [], [], 0.05)[0]
            if self.listener in ready:
                connection = self.listener.accept()[0]
                with connection:
                    last = self.came(connection, last)
            if end in ready:
                return
            if self.due and time.monotonic() >= self.due:
                self.fault_now(last)
            self.mend_if_due()
            if self.first and self.commits >= self.plan.commits:
                hit = self.strike(self.first, None)
                self.say(f"first: {self.first} {hit}")
                self.first = None if hit else self.first

    # --- afterwards ---

    def all_ended(self):
        """Within seconds nothing of the job is left, where anything can end."""
        begin = time.monotonic()

        def find():
            # nsenter stops with what it waits for (tests/lib/cluster).
            return [p for p in self.processes() if p.node not in self.frozen and
                    not (self.frozen and p.kind == "way" and p.frozen)]
        while left := nodes.await_none(find, 0.2):
            self.mend_if_due()
            self.drop_moments()
            if time.monotonic() - begin > ENDING_S:
                self.stacks()
                raise Failed("still there: " + ", ".join(
                    f"{p.kind} {p.pid} on {p.node}" for p in left))
        self.say(f"all ended after {time.monotonic() - begin:.1f} s")

    def drop_moments(self):
        """Nobody is to wait for a run that is over."""
        while select.select([self.listener], [], [], 0)[0]:
            self.listener.accept()[0].close()

    def tool(self, *words):
        return subprocess.run([LAUNCHER + "cairn", *words], timeout=100,
                              env=dict(self.env, CAIRN_MOMENTS=""),
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)

    def epochs(self):
        try:
            listed = json.loads(self.tool("ls", "--json", self.dir).stdout)
            return [e["epoch"] for e in listed["epochs"]]
        except ValueError:
            return []

    def check_epochs(self):
        """I1, I2: what was said to be committed is there, and whole."""
        listed = self.epochs()
        for epoch in self.said:
            newer = [e for e in listed if e > epoch]
            if epoch not in listed and len(newer) < KEEP:
                raise Failed(f"epoch {epoch} was committed and is lost; "
                             f"there are {listed}")
        if listed:
            done = self.tool("verify", self.dir)
            if done.returncode:
                raise Failed("does not verify: " + done.stdout + done.stderr)
        self.say(f"epochs {listed} verify")

    def run(self):
        while True:
            code = self.attempt()
            self.all_ended()
            self.check_epochs()
            if not code:
                break
            # Without an epoch a crash is the end, and the user's to mend.
            if self.attempts > 3 or \
               (self.epochs() and not self.launcher_killed):
                raise Failed(f"exit code {code}")
            self.restarts += 1
            self.repair()
        self.repair()
        self.check_left()
        self.check_answer()
        if not self.happened:
            raise Failed(f"the job never came to {self.plan.place}")

    def check_answer(self):
        if not self.answers:
            raise Failed("no answer was printed")
        if set(self.answers) != {self.wanted}:
            raise Failed(f"answers {self.answers}, natively {self.wanted}")

    def repair(self):
        """Nothing of the job runs on nodes that are good again."""
        self.mend()
        self.all_ended()

    def check_left(self):
        for name in self.cluster.names:
            if left := self.cluster.left_on(name):
                raise Failed(left)
        if left := os.listdir(self.tmp):
            raise Failed(f"in $TMPDIR is left: {' '.join(left)}")

    def stacks(self):
        """What everybody was doing, for a run that hangs."""
        done = self.tool("status", "--json", self.dir)
        self.say(done.stdout + done.stderr)
        for p in self.processes():
            self.say(f"=== {p}")
            if p.kind in ("rank", "launcher", "agent", "twin", "mpiexec",
                          "proxy") and shutil.which("gdb"):
                subprocess.run(["gdb", "-batch", "-p", str(p.pid), "-ex",
                                "thread apply all bt 20"], stdout=self.log,
                               stderr=subprocess.DEVNULL, timeout=60,
                               stdin=subprocess.DEVNULL, check=False)

    def kill(self):
        for p in self.processes():
            try:
                os.kill(p.pid, signal.SIGKILL)
            except OSError:
                pass

    def close(self):
        """Whatever happened: nothing of the run stays."""
        self.listener.close()
        self.kill()
        nodes.await_none(self.processes, 10)
        self.log.close()
