# SPDX-License-Identifier: BSD-3-Clause
"""processes - those that a run of the suite has started, found by a mark"""
import os
import select
import signal

MARK = "CAIRN_SUITE_RUN"  # in the environment of everything a run starts


def environ_of(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return f.read()
    except OSError:
        return b""


def marked(mark):
    """Living processes that a run has started."""
    needle = f"{MARK}={mark}".encode()
    pids = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            if needle in environ_of(entry):
                pids.append(int(entry))
    return pids


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


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def kill_quietly(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
