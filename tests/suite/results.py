# SPDX-License-Identifier: BSD-3-Clause
"""results - what came of each program, as rows of a csv file

A row is one run.  Of several rows of one program and beat the last counts: a
run that was interrupted goes on behind what is there, and what was mended is
run again.
"""
import csv
import os
import re

FIELDS = ["date", "commit", "mode", "seed", "dir", "program", "np", "args",
          "env", "outcome", "seconds", "epochs", "kills", "restarts", "reason"]
PROGRAM = ["dir", "program", "np", "args", "env"]  # names a line of the list

# passed    as natively; in mode checkpoint with an epoch, in mode kill with a
#           restart
# short     passed, and ended before an epoch (a restart) was possible
# refused   passed, and no epoch was possible: an object is refused by name
# failed
OUTCOMES = ["passed", "short", "refused", "failed"]
GAVE_UP = re.compile(r"epoch \d+ was given up: (.*?)(?:; the job runs on.*)?$",
                     re.M)
BY_NAME = re.compile(r"which cannot be (?:restored|checkpointed)")


def key(row):
    return tuple(row[field] for field in PROGRAM)


def read(path):
    """The last row of each program and beat, in the file's order."""
    last = {}
    with open(path, newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            last[row["mode"], key(row)] = row
    return last


class Writer:
    """Appends rows; each is in the file before the next program starts."""

    def __init__(self, path):
        new = not os.path.exists(path) or os.path.getsize(path) == 0
        self.file = open(path, "a", newline="", encoding="utf-8")
        self.csv = csv.DictWriter(self.file, FIELDS, lineterminator="\n")
        if new:
            self.csv.writeheader()

    def add(self, **row):
        self.csv.writerow(row)
        self.file.flush()


def given_up(output):
    """Why the last epoch was given up: (reason or "", is it by name)."""
    reasons = GAVE_UP.findall(output)
    if not reasons:
        return "", False
    named = [r for r in reasons if BY_NAME.search(r)]
    return (named or reasons)[-1], bool(named)
