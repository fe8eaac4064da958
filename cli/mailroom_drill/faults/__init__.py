# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults by name."""

from __future__ import annotations

import random

from . import containers, daemons, disk, network, over_ssh, power, switches
from .base import Fault

ALL: dict[str, type[Fault]] = {
    fault.name: fault
    for module in (switches, containers, network, daemons, disk, power, over_ssh)
    for fault in module.FAULTS
}


def offered(lab: bool) -> dict[str, type[Fault]]:
    """What may be done to a pair: in the lab everything, to anybody's own only what SSH can do and undo."""
    return {name: fault for name, fault in ALL.items() if (fault.in_lab if lab else fault.on_own_pair)}


def order(names: list[str], seed: str) -> list[str]:
    """The same seed gives the same order."""
    shuffled = sorted(names)
    random.Random(f"order {seed}").shuffle(shuffled)  # noqa: S311
    return shuffled
