# SPDX-License-Identifier: BSD-3-Clause
"""plan.py - what a seed stands for: a job, and the fault that it meets"""
import random
import re

# The moments (runtime/base/moment.h) of each phase.
EPOCH = {
    "frontier": ["agent-frontier", "agent-counts"],
    "drain": ["agent-drain"],
    "capture": ["agent-capture", "agent-captured"],
    "writing": ["agent-release", "agent-read", "agent-finish",
                "agent-durable"],
    "commit": ["commit-created", "commit-written", "commit-synced",
               "commit-renamed", "commit-done", "prune-manifest",
               "agent-committed"],
}
RESTART = {
    "start": ["launcher-start"],
    "restorers": ["agent-restorer", "agent-sheet"],
    "filling": ["agent-fill"],
    "rebuild": ["agent-filled"],
    "barrier": ["agent-rebuilt", "agent-back"],
}
PHASES = {**EPOCH, **RESTART}
PHASE_OF = {place: phase for phase, places in PHASES.items()
            for place in places}

# What happens, and when it is taken back: soon, after everybody has noticed,
# or only when the job is over.
KINDS = ["rank", "agent", "launcher", "mpiexec", "proxy", "cut", "freeze",
         "off"]
AT_START = ["launcher", "cut", "off"]  # nothing else is there
UNTIL = {"cut": ["soon", "late", "never"], "freeze": ["soon", "late", "never"]}
SECONDS = {"soon": (0.5, 5), "late": (20, 40)}

# Few programs, so that each needs its native answer but once.
PROGRAMS = ([f"storm -s {s} -r 120 -p 20000" for s in (11, 12, 13)] +
            [f"churn -o -s {s} -r 250 -p 10000" for s in (21, 22)] +
            ["heat 64 400 10000", "heat 200 300 10000"])
# Processes a node; a node with "0" is to spare.
LAYOUTS = ["1111", "1111", "2110", "2200", "1210"]


class Plan:
    """All that is drawn before a run begins; fault: KIND[+UNTIL]@PLACE."""

    def __init__(self, seed, fault=None):
        self.seed = seed
        self.rng = rng = random.Random(seed)
        self.program = rng.choice(PROGRAMS)
        self.layout = rng.choice(LAYOUTS)
        self.ranks = sum(map(int, self.layout))
        self.interval_ms = rng.randint(150, 600)
        self.capture = "stop" if rng.random() < 0.2 else "cow"
        self.resume = rng.random() < 0.5
        phase = rng.choice(list(PHASES))
        self.place = rng.choice(PHASES[phase])
        self.kind = rng.choice(KINDS if phase != "start" else AT_START)
        self.until = rng.choice(UNTIL.get(self.kind, ["never"]))
        if fault:
            self.read(fault)
        # How a restart comes to be, for a fault to meet.
        self.first = rng.choice(["rank", "launcher", "agent"])
        self.in_restart = PHASE_OF[self.place] in RESTART
        if not self.in_restart:
            self.first = None
        # So many epochs come before; without any, a node that is frozen would
        # be waited for.
        self.commits = rng.choice([0, 1, 1, 2, 3])
        if self.in_restart or self.kind == "freeze":
            self.commits = max(1, self.commits)
        self.elsewhere = rng.random() < 0.3  # than where the moment is
        self.delay_ms = rng.choice([0, 0, rng.randint(1, 300)])
        low, high = SECONDS.get(self.until, (0, 0))
        self.until_s = rng.uniform(low, high)

    def read(self, fault):
        words = re.fullmatch(r"(\w+)(?:\+(\w+))?@([\w-]+)", fault)
        if not words or words[1] not in KINDS or words[3] not in PHASE_OF or \
           (words[2] or "never") not in UNTIL.get(words[1], ["never"]) or \
           (words[3] == "launcher-start" and words[1] not in AT_START):
            raise ValueError(f"{fault} is no fault: KIND[+UNTIL]@PLACE")
        self.kind, self.until, self.place = words[1], words[2] or "never", \
            words[3]

    def fault(self):
        until = f"+{self.until}" if self.kind in UNTIL else ""
        return f"{self.kind}{until}@{self.place}"
