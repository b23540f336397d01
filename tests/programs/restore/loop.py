# SPDX-License-Identifier: BSD-3-Clause
# loop.py - an interpreter with modules, threads and open files
import hashlib, os, random, sys, tempfile, threading, time

random.seed(7)
table = {i: random.random() for i in range(20000)}
scratch = tempfile.TemporaryFile()
scratch.write(b"scratch")
event = threading.Event()
result = []
worker = threading.Thread(target=lambda: (event.wait(), result.append(1)))
worker.start()
print("ready", flush=True)
while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.001)
event.set()
worker.join()
scratch.seek(0)
digest = hashlib.sha256(repr(sorted(table.items())).encode()).hexdigest()
print(digest, random.random(), scratch.read(), result)
import json  # a new module: the loader works on
print(json.dumps(sorted(table)[:3]))
