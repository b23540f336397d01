#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""look.py - look at a rank's memory, or come as a stranger

look.py regions PID INSPECT.json   no region of the image lies in the arena
look.py remember PID... > KNOWN     where everything lies in these ranks
look.py stale KNOWN PID...         they were restarted: the arena has moved, and
                                   no word points to where it was
look.py strangers JOB.json         garbage for the coordinator
look.py local SOCKET               garbage for the agent
look.py user SOCKET JOB.json       as another user who knows the secret
"""
import json
import os
import socket
import struct
import sys


def mappings(pid):
    """(start, end, permissions, path, flags) of each mapping of a process"""
    found = []
    with open(f"/proc/{pid}/smaps") as lines:
        for line in lines:
            words = line.split()
            if words[0].endswith(":"):
                if words[0] == "VmFlags:":
                    found[-1][4] = words[1:]
                continue
            start, end = (int(x, 16) for x in words[0].split("-"))
            path = words[5] if len(words) > 5 else ""
            found.append([start, end, words[1], path, []])
    return found


def arena(pid):
    """the lower half: its memory is in no child"""
    ranges = [(m[0], m[1]) for m in mappings(pid) if "dc" in m[4]]
    paths = {os.path.basename(m[3]) for m in mappings(pid) if "dc" in m[4]}
    if not any(p.startswith("libmpi") for p in paths):
        sys.exit(f"the arena holds no libmpi: {paths}")
    return ranges


def regions(pid, inspect):
    with open(inspect) as f:
        ranks = json.load(f)["rank"]
    lower = arena(pid)
    # Which image is this process's?  The one with its stack.
    stack = [m[0] for m in mappings(pid) if m[3] == "[stack]"][0]
    mine = [r for r in ranks if any(
        g["name"] == "[stack]" and
        int(g["start"], 16) <= stack < int(g["start"], 16) + g["bytes"]
        for g in r["regions"])]
    if len(mine) != 1:
        sys.exit("cannot tell which image is this process's")
    for g in mine[0]["regions"]:
        start = int(g["start"], 16)
        for a, b in lower:
            if start < b and a < start + g["bytes"]:
                sys.exit(f"region {g} lies in the arena {a:x}-{b:x}")
    print(f"# {len(mine[0]['regions'])} regions, {len(lower)} of the arena")


def pieces(pid):
    """the arena's addresses: from its first to its last page, but for what
    else is in no child (the control page), which lies far off"""
    ranges = sorted(arena(pid))
    near = [r for r in ranges if r[0] - ranges[0][0] < 64 << 30]
    return near[0][0], near[-1][1]


def stack_end(pid):
    """by this a rank is known again after a restart"""
    return [m[1] for m in mappings(pid) if m[3] == "[stack]"][0]


def dead(pid, maps):
    """(start, end) of the stacks of a stopped process, below what is in use"""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/syscall") as f:
            pointer = int(f.read().split()[-2], 16)
        for m in maps:
            if m[0] <= pointer < m[1]:
                yield m[0], pointer - 128  # the red zone


def pointers(pid, low, high):
    """(address, word) of each word outside the lower half that points there;
    it is in what can be written, and not on dead stack"""
    maps = [m for m in mappings(pid) if "dc" not in m[4] and "rw" in m[2]]
    unused = list(dead(pid, maps))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for m in maps:
            data = memoryview(os.pread(mem.fileno(), m[1] - m[0], m[0]))
            for i, word in enumerate(data.cast("Q")):
                at = m[0] + 8 * i
                if low <= word < high and \
                        not any(a <= at < b for a, b in unused):
                    yield at, word


def place(maps, at):
    """what lies there: of a library also the offset, for nm and addr2line"""
    for m in maps:
        if m[0] <= at < m[1]:
            path = [b[3] for b in maps if b[3] and b[0] <= at][-1]
            base = [b[0] for b in maps if b[3] == path][0]
            return f"{m[3] or 'anonymous'} {m[0]:x}-{m[1]:x} {m[2]}, " \
                   f"{path}+{at - base:#x}"
    return "nothing, before"


def remember(*pids):
    """What the ranks are before a restart.  They are stopped."""
    known = {}
    for pid in pids:
        low, high = pieces(pid)
        maps = mappings(pid)
        known[stack_end(pid)] = {"low": low, "high": high, "maps": maps}
        # The table alone has hundreds: they are seen where they are.
        found = sum(1 for _ in pointers(pid, low, high))
        if found < 100:
            sys.exit(f"only {found} words of {pid} point into the arena")
    json.dump(known, sys.stdout)


def stale(before, *pids):
    """The same ranks after a restart, stopped."""
    with open(before) as f:
        known = json.load(f)
    bad = 0
    for pid in pids:
        was = known[str(stack_end(pid))]
        low, high = pieces(pid)
        if low < was["high"] and was["low"] < high:
            sys.exit(f"the arena of {pid} lies where it lay: {low:x}")
        for at, word in pointers(pid, was["low"], was["high"]):
            bad += 1
            if bad <= 20:
                print(f"# {at:x} holds {word:x}: {place(was['maps'], at)}")
    if bad:
        sys.exit(f"{bad} words point to where the lower half was")


def answers(sock, what):
    """what comes back, until the other side has had enough"""
    sock.settimeout(8)
    got = b""
    try:
        sock.sendall(what)
        while data := sock.recv(4096):
            got += data
    except ConnectionError:
        pass
    return got


def strangers(job):
    with open(job) as f:
        host, port = json.load(f)["address"].rsplit(":", 1)
    for what in (b"GET / HTTP/1.0\r\n\r\n" * 8, os.urandom(500),
                 b"CAIRNNET" + struct.pack("<I", 2) + b"C\0\0\0"
                 + os.urandom(64) + os.urandom(56)):
        with socket.create_connection((host, int(port))) as sock:
            got = answers(sock, what)
        # its hello, which it says to everybody, and a proof at most
        if len(got) > 136:
            sys.exit(f"the coordinator answered with {len(got)} bytes")


def greeted(path, what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(path)
        return answers(sock, what)


def hello(secret):
    """rank 0's, which the agent has already"""
    return struct.pack("<IIiIQQ", 1, 1, 0, 64, 2, os.getpid()) + secret + \
        bytes(416)


def local(path):
    for what in (b"\xff" * 100, hello(b"0" * 64)):
        if greeted(path, what):
            sys.exit("the agent answered")


def user(path, job):
    """Let everybody in, then come as nobody, but with the job's secret."""
    with open(job) as f:
        known = hello(json.load(f)["secret"].encode())
    if not greeted(path, known):
        sys.exit("the agent does not answer its own user")
    folders = []
    folder = os.path.dirname(path)
    while folder != "/":
        folders.append((folder, os.stat(folder).st_mode & 0o7777))
        folder = os.path.dirname(folder)
    mode = os.stat(path).st_mode & 0o7777
    try:
        for f, m in folders:
            os.chmod(f, m | 0o011)
        os.chmod(path, 0o777)
        pid = os.fork()
        if not pid:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            try:
                got = greeted(path, known)
            except ConnectionError:
                got = b""
            os._exit(1 if got else 0)
        _, status = os.waitpid(pid, 0)
    finally:
        os.chmod(path, mode)
        for f, m in folders:
            os.chmod(f, m)
    if status:
        sys.exit("the agent listened to another user")


def main():
    what, args = sys.argv[1], sys.argv[2:]
    {"regions": regions, "remember": remember, "stale": stale,
     "strangers": strangers, "local": local,
     "user": user}[what](*args)


main()
