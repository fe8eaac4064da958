#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes its node's name and the time to a file on the shared disk ten times a second, while that is mounted here.

witness.py MOUNT-POINT NODE LOCAL-FILE. The same lines go to a file of this host's own, as two nodes that both had the
disk might destroy each other's lines on it. Nothing is held open between two lines, so that the disk can be unmounted.
"""

import os
import sys
import time

PAUSE = 0.1
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


def append(name: str, line: bytes, folder: int | None = None) -> None:
    try:
        file = os.open(name, APPEND, 0o600, dir_fd=folder)
        try:
            os.write(file, line)
        finally:
            os.close(file)
    except OSError:
        pass  # A full or broken disk: the other file tells that we were here.


def main() -> None:
    mount, node, local = sys.argv[1:]
    above = os.path.dirname(mount)
    run, epoch, before = f"{time.time():.3f}", 0, False
    while True:
        here = False
        try:
            # What is opened is what is written to, also if it is unmounted meanwhile.
            folder = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            time.sleep(PAUSE)
            continue
        try:
            here = os.fstat(folder).st_dev != os.stat(above).st_dev
            if here:
                epoch += not before
                line = f"{node} {run} {epoch} {time.time():.6f}\n".encode()
                append(local, line)
                append(".mailroom-drill-witness", line, folder)
        finally:
            os.close(folder)
        before = here
        time.sleep(PAUSE)


main()
