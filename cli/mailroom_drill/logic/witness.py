# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wrote to the shared disk when: two nodes at the same time must not be.

A line of a witness is `NODE RUN EPOCH SECONDS`: the node, its run (a start of the witness), the number of the mount
that it saw in this run, and the time. All lines of one node, run and epoch belong to one mount, whatever lies between
them: a node that was frozen had the disk mounted all the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mounted:
    """A time during which a node had the disk."""

    node: str
    start: float
    end: float


def lines(text: str) -> list[tuple[str, str, float]]:
    """Node, mount and time of each whole line. A crash may leave half a line, or zeros, at the end of a file."""
    found = []
    for line in text.replace("\0", "").splitlines():
        words = line.split(" ")
        if len(words) != 4:
            continue
        try:
            found.append((words[0], f"{words[1]} {words[2]}", float(words[3])))
        except ValueError:
            continue
    return found


def intervals(texts: Iterable[str], skew: Mapping[str, float] | None = None) -> list[Mounted]:
    """The mounts that all the files together tell of; `skew` is how far a node's clock is ahead of ours."""
    times: dict[tuple[str, str], list[float]] = {}
    for text in texts:
        for node, mount, moment in lines(text):
            times.setdefault((node, mount), []).append(moment - (skew or {}).get(node, 0.0))
    found = [Mounted(node, min(moments), max(moments)) for (node, _mount), moments in times.items()]
    return sorted(found, key=lambda one: (one.start, one.node))


def overlaps(mounts: Iterable[Mounted], tolerance: float = 0.0) -> list[str]:
    """Pairs of mounts of two nodes that overlap by more than the tolerance."""
    found = []
    ordered = sorted(mounts, key=lambda one: one.start)
    for number, first in enumerate(ordered):
        for second in ordered[number + 1 :]:
            both = min(first.end, second.end) - second.start
            if first.node != second.node and both > tolerance:
                found.append(
                    f"{first.node} and {second.node} both had the disk for {both:.2f} s from {second.start:.2f}"
                )
    return found


def had_disk(mounts: Iterable[Mounted], node: str, start: float, end: float) -> bool:
    """Whether a node had the disk at any time between the two."""
    return any(one.node == node and one.start <= end and one.end >= start for one in mounts)
