#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""metrics.py FILE EXPRESSION: strict exposition format, and is it true?

`m` maps a metric's name to a list of (labels, value); `v(NAME)` is the only
value of one."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
ESCAPED = {r"\"": '"', r"\\": "\\", r"\n": "\n"}

m, helps, types, last = {}, {}, {}, None


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        one = LABEL.match(text, at)
        assert one, text
        assert one[1] not in found and one[1] != "job", text
        found[one[1]] = re.sub(r"\\.", lambda e: ESCAPED[e[0]], one[2])
        at = one.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), text
            at += 1
    return found


with open(sys.argv[1], encoding="utf-8", newline="") as lines:
    whole = lines.read()
assert whole.endswith("\n") and "\r" not in whole
for line in whole[:-1].split("\n"):
    comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
    if comment:
        table = helps if comment[1] == "HELP" else types
        assert comment[2] not in table and comment[2] not in m, line
        assert comment[1] == "HELP" or comment[3] in TYPES, line
        table[comment[2]] = comment[3]
        last = comment[2]
        continue
    one = re.fullmatch(rf"({NAME})\{{(.*)\}} (\S+)", line)
    assert one and one[1] == last, line  # samples of a metric stand together
    key = labels_of(one[2])
    value = float(one[3])
    assert key not in [k for k, _ in m.get(one[1], [])], line
    m.setdefault(one[1], []).append((key, value))
for name, samples in m.items():
    assert name in helps and name in types, name
    assert (types[name] == "counter") == name.endswith("_total"), name
    for key, value in samples:
        assert value >= 0 and "job_name" in key, name


def v(name):
    assert len(m[name]) == 1, name
    return m[name][0][1]


if not eval("(" + sys.argv[2] + ")"):  # the test's own words
    print("#", whole.replace("\n", "\n# "))
    sys.exit(1)
