#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""objects - an MPI program in Python: objects.py FILE STEPS [MICROSECONDS]

What mpi4py makes of MPI is alive all the time and used in each step: pickled
messages, buffers, a reduction written in Python, derived types, communicators,
attributes, an error handler, windows, persistent requests, matched probes, a
file.  Microseconds are slept in each step.  Rank 0 prints "right" and a sum of
all that was seen: the same in each run with the same ranks and steps.
"""
import array
import hashlib
import random
import sys
import time

from mpi4py import MPI

INTS = 64


def largest(left, right, _type):
    """A reduction of our own: the larger of each two, called from MPI."""
    ours = memoryview(right).cast("q")
    for i, value in enumerate(memoryview(left).cast("q")):
        ours[i] = max(ours[i], value)


def must(right, what):
    if not right:
        print(f"wrong: {what}", flush=True)
        MPI.COMM_WORLD.Abort(1)


class Program:
    def __init__(self, path):
        world = MPI.COMM_WORLD
        self.world, self.rank, self.size = world, world.rank, world.size
        self.sum = hashlib.sha256()
        self.random = random.Random(self.rank)
        self.right = (self.rank + 1) % self.size
        self.left = (self.rank - 1) % self.size
        self.op = MPI.Op.Create(largest, commute=True)
        self.ring = world.Create_cart([self.size], [True])
        self.half = world.Split(self.rank % 2, -self.rank)
        self.column = MPI.INT64_T.Create_vector(8, 1, 8).Commit()
        self.key = MPI.Comm.Create_keyval(copy_fn=lambda c, k, v: v + 1)
        self.half.Set_attr(self.key, 41)
        world.Set_errhandler(MPI.ERRORS_RETURN)
        # MPICH itself mixes up the ranks' parts if they are of 24 bytes.
        self.window = MPI.Win.Allocate(4096, 8, comm=world)
        self.out, self.into = array.array("q", [0] * INTS), bytearray(8 * INTS)
        self.persistent = [
            world.Send_init([self.out, MPI.INT64_T], self.right, 7),
            world.Recv_init([self.into, MPI.INT64_T], self.left, 7)]
        self.file = MPI.File.Open(world, path,
                                  MPI.MODE_CREATE | MPI.MODE_RDWR)
        self.file.Set_view(0, MPI.INT64_T)

    def saw(self, *what):
        self.sum.update(repr(what).encode())

    def messages(self, step):
        """Objects of Python; one is under way while others are sent."""
        told = {"step": step, "from": self.rank,
                "text": "x" * self.random.randrange(20000)}
        under_way = self.world.isend(told, self.right, 3)
        got = self.world.sendrecv((step, self.rank), self.left, 4,
                                  source=self.right, recvtag=4)
        must(got == (step, self.right), f"step {step}: sendrecv {got}")
        message = self.world.mprobe(self.left, 3)
        heard = message.recv()
        under_way.wait()
        must(heard["step"] == step and heard["from"] == self.left,
             f"step {step}: recv")
        self.saw(step, len(heard["text"]))

    def collectives(self, step):
        mine = array.array("q", [self.random.randrange(10 ** 9)
                                 for _ in range(4)])
        most = array.array("q", [0] * 4)
        self.world.Allreduce([mine, MPI.INT64_T], [most, MPI.INT64_T], self.op)
        everybody = self.world.allgather(list(mine))
        must(list(most) == [max(c) for c in zip(*everybody)],
             f"step {step}: a reduction in Python")
        self.saw(list(most), self.half.allreduce(step * (self.rank + 1)))
        source, target = self.ring.Shift(0, 1)
        must((source, target) == (self.left, self.right), "the ring's order")

    def types(self, step):
        """A column of a matrix to a row of the neighbour's."""
        matrix = array.array("q", range(step, step + 64))
        row = array.array("q", [0] * 8)
        self.world.Sendrecv([matrix, 1, self.column], self.right, 5,
                            [row, MPI.INT64_T], self.left, 5)
        must(list(row) == list(range(step, step + 64, 8)),
             f"step {step}: a column")

    def requests(self, step):
        for i in range(INTS):
            self.out[i] = step * INTS + i + self.rank
        MPI.Prequest.Startall(self.persistent)
        MPI.Request.Waitall(self.persistent)
        must(memoryview(self.into).cast("q")[3] ==
             step * INTS + 3 + self.left, f"step {step}: a persistent request")

    def windows(self, step):
        mine = array.array("q", [step * 1000 + self.rank])
        self.window.Fence()
        for rank in range(self.size):
            self.window.Put([mine, MPI.INT64_T], rank, self.rank)
        self.window.Fence()
        must(memoryview(self.window).cast("q")[:self.size].tolist() ==
             [step * 1000 + r for r in range(self.size)],
             f"step {step}: the window")

    def errors(self, step):
        try:
            self.world.Send([self.out, MPI.INT64_T], self.size, 0)
            must(False, "a wrong rank is no error")
        except MPI.Exception as e:
            must(e.Get_error_class() == MPI.ERR_RANK, f"step {step}: {e}")
        must(self.half.Get_attr(self.key) == 41, "the attribute")
        copy = self.half.Dup()
        must(copy.Get_attr(self.key) == 42, "the attribute's copy")
        copy.Free()

    def records(self, step):
        mine = array.array("q", [step, self.rank])
        at = 2 * (step * self.size + self.rank)
        self.file.Write_at_all(at, [mine, MPI.INT64_T])
        back = array.array("q", [0, 0])
        self.file.Read_at(at, [back, MPI.INT64_T])
        must(back == mine, f"step {step}: the file")

    def step(self, step):
        for part in (self.messages, self.collectives, self.types,
                     self.requests, self.windows, self.errors, self.records):
            part(step)

    def end(self, steps):
        self.world.Barrier()
        must(self.file.Get_size() == 16 * steps * self.size, "the file's size")
        self.file.Close()
        self.window.Free()
        for request in self.persistent:
            request.Free()
        for what in self.op, self.column, self.half, self.ring:
            what.Free()
        sums = self.world.gather(self.sum.hexdigest())
        if self.rank == 0:
            print("right", hashlib.sha256(repr(sums).encode()).hexdigest())


def main():
    path, steps = sys.argv[1], int(sys.argv[2])
    rest = int(sys.argv[3]) / 1e6 if len(sys.argv) > 3 else 0
    program = Program(path)
    for step in range(steps):
        program.step(step)
        time.sleep(rest)
    program.end(steps)


if __name__ == "__main__":
    main()
