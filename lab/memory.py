# SPDX-License-Identifier: GPL-3.0-or-later
"""The most memory that a program and all that it starts have at one time (Linux)."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Peak:
    """`bytes` is the largest sum seen: shared pages count once (PSS)."""

    bytes = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Look five times a second at all processes that descend from this one."""
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            peak.bytes = max(peak.bytes, sum(map(_used, descendants(os.getpid()))))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def descendants(pid: int) -> list[int]:
    """Return the processes below one. Those that left their parent (a connection kept open) are not among them."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as stream:
                parent = int(stream.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    found = list(children.get(pid, []))
    for process in found:
        found += children.get(process, [])
    return found


def _used(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as stream:
            return next((int(line.split()[1]) * 1024 for line in stream if line.startswith("Pss:")), 0)
    except OSError:
        return 0
