# SPDX-License-Identifier: BSD-3-Clause
"""run - one program of the suite, from its first start to its verdict"""
import glob
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import uuid

from processes import (MARK, await_end, kill_quietly, marked, parent_of,
                       program_of)
import results

# What a job says that ends since its agent was killed too early for it.
NO_AGENT = [b"agent ended before it answered", b"did not start (status 0x9)",
            b"agent ended during the restart"]
# The innermost line of an error stack as MPICH prints it.
STACK = re.compile(rb"^\w+\(\d+\)\.*: (\S.*)$", re.M)
LIVES = 4  # in mode kill: so often is begun anew what ended without a restart


class Run:
    """One program, from its first start to its verdict."""

    def __init__(self, args, row, seed):
        self.args, self.row, self.seed = args, row, seed
        self.name = row["dir"] + "/" + row["program"]
        self.rng = random.Random(f"{seed} {self.name} {row['args']}")
        self.mark = uuid.uuid4().hex
        self.output = b""
        self.kills = self.restarts = self.starts = self.epochs = 0
        self.what = ""  # was killed last
        self.reason = ""
        self.seconds = 0.0
        self.life = 0
        self.outcome = "failed"

    @property
    def ok(self):
        return self.outcome != "failed"

    def command(self):
        args, row = self.args, self.row
        program = [os.path.join(args.suite, self.name)] + [
            word for word in row["args"].split() if word[0] != "["]
        mpi = ["-n", row["np"]] + row["mpiexec_args"].split()
        if args.mode == "native":
            return [args.mpiexec] + mpi + program
        ours = ["--ckpt-dir", os.path.join(self.folder, "ckpt")]
        if args.mode != "plain":
            ours += ["--interval", f"{self.interval()}ms",
                     "--keep", "2", "--resume"]
        return [args.cairnrun] + ours + mpi + program

    def interval(self):
        """200 to 500 ms; less for what would end before."""
        if float(self.row["seconds"]) < 1.5 or self.life:
            return int(10 ** self.rng.uniform(1.3, 2.3))
        return int(self.rng.uniform(200, 500))

    def start(self):
        env = dict(os.environ, **{MARK: self.mark})
        env.pop("CAIRN_SECRET", None)
        for assignment in self.row["env"].split():
            name, _, value = assignment.partition("=")
            env[name] = value
        self.starts += 1
        # Output goes to a file: a killed launcher's ranks may hold a pipe open.
        self.log = tempfile.TemporaryFile(dir=self.folder)
        return subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, env=env, cwd=self.cwd())

    def cwd(self):
        """Programs of MPI-IO all write a file of the same name."""
        if "io" in self.row["dir"].split("/"):
            return self.folder
        return os.path.dirname(os.path.join(self.args.suite, self.name))

    def read_log(self):
        self.log.seek(0)
        self.output += self.log.read()
        self.log.close()

    def printed(self, words):
        """This start has said so until now."""
        self.log.seek(0)
        return words in self.log.read()

    def committed(self):
        """The newest committed epoch of this life; 0 if there is none."""
        newest = 0
        for path in glob.glob(os.path.join(self.folder, "ckpt", "*",
                                           "manifest.json")):
            digits = re.sub(r"\D", "", os.path.basename(os.path.dirname(path)))
            newest = max(newest, int(digits or 0))
        self.epochs = max(self.epochs, newest)
        return newest

    def ends(self, job, until):
        """Wait for the job's end; False if it runs on at that time."""
        try:
            job.wait(timeout=max(until - time.monotonic(), 0.001))
            return True
        except subprocess.TimeoutExpired:
            return False

    def reach_moment(self, job, deadline):
        """Wait until the random moment of a kill; False if the job ended."""
        if self.rng.random() < 0.5 or self.life:
            before = self.committed()
            while self.committed() == before:
                # The folder is the job's own: there is no event to wait for.
                if self.ends(job, time.monotonic() + 0.01):
                    return False
                if time.monotonic() >= deadline:
                    raise TimeoutError
            delay = self.rng.uniform(0, 0 if self.life else 0.2)
        else:
            delay = self.rng.uniform(0.1, 1.5)
        return not self.ends(job, min(time.monotonic() + delay, deadline))

    def wait(self, job, deadline):
        """The job's exit code; None if it was killed by us on purpose."""
        if self.args.mode == "kill" and self.kills < self.most_kills() and \
                self.reach_moment(job, deadline):
            self.kill_something(job)
            self.kills += 1
            if self.what in ("twin", "agent"):  # costs epochs, not the job
                return self.wait(job, deadline)
            if not self.ends(job, time.monotonic() + 30):
                self.reason = f"the job lives on after its {self.what} died"
                raise TimeoutError
            return None
        if not self.ends(job, deadline):
            raise TimeoutError
        # Without its agent a rank neither starts nor comes back: the job ends.
        if job.returncode and self.what == "agent" and \
                any(map(self.printed, NO_AGENT)):
            return None
        return job.returncode

    def most_kills(self):
        return self.args.kills * (1 + self.life)

    def kill_something(self, job):
        """A rank, all ranks, the agent, the launcher, or everything."""
        self.what = self.rng.choice(["rank", "ranks", "agent", "launcher",
                                     "everything"])
        pids = {"rank": [], "twin": [], "agent": [], "everything": []}
        ours = marked(self.mark)
        programs = {pid: program_of(pid) for pid in ours}
        for pid in ours:
            pids["everything"].append(pid)
            if programs[pid] == "cairnd":
                pids["agent"].append(pid)
            elif programs[pid] in (self.row["program"], "cairn-restore",
                                   "cairn-rank"):
                # An epoch's copy of a rank is the rank's child.
                twin = programs.get(parent_of(pid)) == programs[pid]
                pids["twin" if twin else "rank"].append(pid)
        if pids["twin"] and self.what == "rank" and self.rng.random() < 0.3:
            self.what = "twin"
        if self.what in ("rank", "twin") and pids[self.what]:
            victims = [self.rng.choice(sorted(pids[self.what]))]
        elif self.what == "ranks" and pids["rank"]:
            victims = pids["rank"]
        elif self.what in ("agent", "everything") and pids[self.what]:
            victims = pids[self.what]
        else:
            self.what = "launcher"
            victims = [job.pid]
        for pid in victims:
            kill_quietly(pid)

    def cleared(self):
        """Everything that the run had started is gone by itself."""
        limit = time.monotonic() + 15
        while left := marked(self.mark):
            if time.monotonic() > limit:
                return False
            await_end(left[0], limit - time.monotonic())
        return True

    def verdict(self, code):
        if self.row["rule"]:
            ok = code != 0
        else:
            ok = code == 0 and b"no errors" in self.output.lower()
        if not ok:
            self.reason = self.reason or (
                f"exit code {code}" if code else "no \" No Errors\"")
            if stack := STACK.findall(self.output):
                self.reason += ": " + stack[-1].decode("utf-8", "replace")
        return ok

    def one_life(self):
        """From a start with no epoch to the end; True if that is right."""
        deadline = time.monotonic() + self.args.timeout
        while True:
            job = self.start()
            try:
                code = self.wait(job, deadline)
            except TimeoutError:
                self.reason = self.reason or "time is up"
                code = -1
            finally:
                if job.poll() is None:
                    job.kill()
                    job.wait()
            self.read_log()
            if not self.cleared():
                self.reason = self.reason or "left processes behind"
                for pid in marked(self.mark):
                    kill_quietly(pid)
                return False
            if self.reason:
                return False
            if code is not None:
                return self.verdict(code)
            self.restarts += self.committed() > 0

    def judge(self):
        """What a program that passed has shown."""
        wanted = {"checkpoint": self.epochs, "kill": self.restarts}
        if wanted.get(self.args.mode, 1):
            return "passed"
        self.reason, named = results.given_up(
            self.output.decode("utf-8", "replace"))
        return "refused" if named and not self.epochs else "short"

    def lives(self):
        """Again from nothing if it ended before an epoch or a restart."""
        for self.life in range(LIVES):
            if not self.one_life():
                return "failed"
            self.committed()
            outcome = self.judge()
            if outcome != "short" or self.life == LIVES - 1:
                return outcome
            self.output, self.reason = b"", ""
            shutil.rmtree(os.path.join(self.folder, "ckpt"),
                          ignore_errors=True)
        return "failed"

    def go(self):
        self.folder = tempfile.mkdtemp(prefix="mpich-suite.")
        begin = time.monotonic()
        try:
            self.outcome = self.lives()
        finally:
            self.seconds = time.monotonic() - begin
            self.committed()
            if not self.ok and self.args.keep:
                self.keep(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)
        return self

    def keep(self, folder):
        target = os.path.join(self.args.keep, self.name.replace("/", "."))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        with open(os.path.join(target, "output"), "wb") as f:
            f.write(self.output)
