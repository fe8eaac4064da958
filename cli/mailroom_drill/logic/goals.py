# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures beside what was promised."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .outage import percentile
from .phases import PHASES


@dataclass(frozen=True)
class Figure:
    """A measured value and its goal; a figure without one is told for comparison."""

    what: str
    value: float
    goal: float | None = None

    @property
    def met(self) -> bool:
        return self.goal is None or self.value <= self.goal

    def line(self) -> str:
        goal = "" if self.goal is None else f"  goal at most {self.goal:g}: {'met' if self.met else 'MISSED'}"
        return f"{self.what:<62} {self.value:8.2f}{goal}"


def kills(seconds: Sequence[float], lost: int, profile: str, goals: bool) -> list[Figure]:
    """Times from the kill to the next accepted message."""
    what = f"{profile}: {len(seconds)} kills, seconds to the next accepted message"
    return [
        Figure(f"{what}, median", statistics.median(seconds), 4.0 if goals else None),
        Figure(f"{what}, worst", max(seconds), 8.0 if goals else None),
        Figure(f"{profile}: messages lost", lost, 0.0),
    ]


def switches(seconds: Sequence[float], profile: str, goals: bool) -> list[Figure]:
    """Times without an accepted message in planned switches."""
    what = f"{profile}: {len(seconds)} planned switches, seconds without accepting"
    return [
        Figure(f"{what}, median", statistics.median(seconds)),
        Figure(f"{what}, 95th percentile", percentile(seconds, 95), 3.0 if goals else None),
    ]


def spent(phases: Sequence[Mapping[str, float]], profile: str) -> list[Figure]:
    """The median of each phase, over the cases that had it."""
    found = []
    for name in PHASES:
        values = [case[name] for case in phases if name in case]
        if values:
            found.append(Figure(f"{profile}:   of which {name}, median", statistics.median(values)))
    return found
