#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""history.py FILE EXPRESSION: is it true of the events of a history.jsonl?

In the expression `events` is all of them, `of(KIND)` those of a kind, and
`epochs` those of committed epochs.  Each line must be an object with v, t and
event; times must not run back."""
import json
import sys

events = []
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn
        assert event["v"] == 1 and event["event"], line
        assert not events or event["t"] >= events[-1]["t"], line
        events.append(event)


def of(kind):
    return [e for e in events if e["event"] == kind]


epochs = [e for e in of("epoch") if e["committed"]]


def whole(e):
    """Are an epoch's phases and ranks those of one that went well?"""
    p = e["phases"]
    total = sum(p.values())
    times = f"{total} {e}"
    ranks = e["ranks"]
    assert abs(total - e["seconds"]) < 0.05 + 0.1 * total, times
    assert [r[0] for r in ranks] == list(range(e["ranks_in_all"])), e
    assert all(0 <= r[2] <= r[3] <= r[4] for r in ranks), e
    assert all(r[5] == -1 or r[5] >= r[3] for r in ranks), e
    assert e["bytes"] > 0 and e["memory_bytes"] >= e["bytes"], e
    assert sum(n[5] for n in e["nodes"]) == e["bytes"], e
    assert e["last"] == "commit", e
    return True


try:
    true = eval("(" + sys.argv[2] + ")")  # the test's own words
except AssertionError as e:
    print("# not so:", str(e)[:900])
    sys.exit(1)
if not true:
    for event in events:
        print("#", json.dumps(event)[:300])
    sys.exit(1)
