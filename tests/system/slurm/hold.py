# SPDX-License-Identifier: BSD-3-Clause
# hold.py SOCKET PLACE - the process that comes to that place (CAIRN_MOMENTS,
# runtime/base/moment.h) stands still while this runs; all others go on
import signal
import socket
import sys

signal.alarm(900)  # whoever started it may have been killed
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
held = []
while True:
    connection = listener.accept()[0]
    if connection.recv(256).split()[:1] == [sys.argv[2].encode()]:
        held.append(connection)
        print(sys.argv[2], flush=True)
    else:
        connection.close()
