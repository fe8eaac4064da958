# SPDX-License-Identifier: GPL-3.0-or-later
"""What each second of a failover was spent on, from the lines that Corosync and Pacemaker write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What a line means, in the order of a failover. `ends` is the phase that this line ends; of several lines with the same
# meaning the last before the service is back counts, but for the loss of the token the first.
DETECTION, MEMBERSHIP, FENCING, STOP, MOUNT, ADDRESSES, DAEMONS, ANSWER = (
    "detection",
    "membership",
    "fencing",
    "stop",
    "mount",
    "addresses",
    "daemons",
    "answer",
)
PHASES = (DETECTION, MEMBERSHIP, FENCING, STOP, MOUNT, ADDRESSES, DAEMONS, ANSWER)
_RESULT = re.compile(r"Result of (start|stop) operation for (\S+) on (\S+): (?:ok|OK|0 \(ok\))")
_TOKEN = re.compile(r"\[TOTEM ?\].*(?:forming new configuration|token timed out)", re.IGNORECASE)
_MEMBERSHIP = re.compile(r"\[TOTEM ?\].*A new membership .*was formed")
_FENCED = re.compile(
    r"Peer \S+ was (?:terminated|turned off|rebooted)|Operation '?(?:reboot|off)'? .*targeting .*: (?:OK|complete)"
)


@dataclass(frozen=True)
class Line:
    """A line of a node's journal."""

    wall: float
    node: str
    text: str


@dataclass(frozen=True)
class Phase:
    """A part of the time out of service. Phases follow one another without gaps."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def journal(text: str, node: str) -> list[Line]:
    """Lines as `journalctl --output=short-unix` writes them."""
    found = []
    for line in text.splitlines():
        stamp, _space, rest = line.strip().partition(" ")
        try:
            found.append(Line(float(stamp), node, rest))
        except ValueError:
            continue  # `-- Boot ... --`, or the rest of a longer entry.
    return found


def meaning(line: Line) -> str | None:
    """The phase that a line ends, if any."""
    if _TOKEN.search(line.text):
        return DETECTION
    if _MEMBERSHIP.search(line.text):
        return MEMBERSHIP
    if _FENCED.search(line.text):
        return FENCING
    if not (found := _RESULT.search(line.text)):
        return None
    action, resource, _node = found.groups()
    if resource.startswith("fence-"):
        return None
    if action == "stop":
        return STOP
    return _started(resource)


def _started(resource: str) -> str:
    if "filesystem" in resource or resource.endswith("-fs"):
        return MOUNT
    if re.search(r"(?:lan|wan|ip|address)[46]?(?:-\w+)?$", resource):
        return ADDRESSES
    return DAEMONS


def phases(lines: Iterable[Line], fault: float, served: float) -> list[Phase]:
    """The time from the fault until the service was back, cut where one thing was done and the next began.

    A phase that a fault did not have (a planned switch detects nothing) is left out.
    """
    ends: dict[str, float] = {}
    for line in sorted(lines, key=lambda line: line.wall):
        if not fault <= line.wall <= served or not (name := meaning(line)):
            continue
        if name == DETECTION and name in ends:
            continue
        ends[name] = line.wall
    found: list[Phase] = []
    begin = fault
    # A phase that ended before an earlier one did is part of it: nobody waited for it.
    for name in PHASES[:-1]:
        if name in ends and ends[name] > begin:
            found.append(Phase(name, begin, ends[name]))
            begin = ends[name]
    found.append(Phase(ANSWER, begin, served))
    return found


def seconds(found: Sequence[Phase]) -> dict[str, float]:
    """Seconds by the name of the phase."""
    return {phase.name: phase.seconds for phase in found}
