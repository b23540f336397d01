# SPDX-License-Identifier: BSD-3-Clause
# handler.py - a program that does something about TERM itself
import signal

signal.signal(signal.SIGTERM, lambda number, frame: None)
print("ready", flush=True)
signal.pause()
print("its own TERM", flush=True)
