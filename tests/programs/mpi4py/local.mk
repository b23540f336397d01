# tests/programs/mpi4py: a program in Python; mpi4py itself is a third party's
# (scripts/third-party), and the test says so if it is not there.
EXTRA_DIST += tests/programs/mpi4py/objects.py
SYSTEM_TESTS += tests/system/0830-mpi4py.t
