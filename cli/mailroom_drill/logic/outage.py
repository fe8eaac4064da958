# SPDX-License-Identifier: GPL-3.0-or-later
"""Time out of service, from the moments at which something was answered well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

# Clients ask several times a second: a silence of this many seconds up to the end of the watch is no pause between two.
STILL_OUT = 3.0
# A mailbox that is closed for so many seconds more than the service is closed by something of its own, such as a lock.
OWN_FAULT = 10.0


@dataclass(frozen=True)
class Outage:
    """The longest silence that a fault brought. `ended` is None if nothing was answered any more."""

    last: float | None
    ended: float | None
    # From the last good answer to the next, and from the fault to the next.
    gap: float
    after_fault: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def outage(good: Iterable[float], fault: float, until: float) -> Outage:
    """The longest time without a good answer that ends after the fault, looked at until `until`.

    An answer that comes in the instants between the order to kill and the death does not end the outage: the longest
    silence counts, and not the first.
    """
    moments = sorted(moment for moment in good if moment <= until)
    before = [moment for moment in moments if moment <= fault]
    after = [moment for moment in moments if moment > fault]
    last = before[-1] if before else None
    if not after or until - after[-1] > STILL_OUT:
        start = after[-1] if after else fault if last is None else last
        return Outage(after[-1] if after else last, None, until - start, until - fault)
    points = [fault if last is None else last, *after]
    start, end = max(pairwise(points), key=lambda pair: pair[1] - pair[0])
    return Outage(last if start == points[0] else start, end, end - start, end - fault)


def worst(outages: Iterable[Outage]) -> Outage:
    """The one that ends last: a service is back when all ways to it are."""
    return max(outages, key=lambda one: (one.ended is None, one.after_fault, one.gap))


def closed(good: Mapping[str, Iterable[float]], fault: float, until: float, service: Outage) -> list[str]:
    """Say of each mailbox whose reader was not answered for far longer than others were."""
    found = []
    for mailbox, moments in sorted(good.items()):
        one = outage(moments, fault, until)
        if one.gap > service.gap + OWN_FAULT:
            end = " and still then" if one.ended is None else ""
            found.append(f"{mailbox}: closed for {one.gap:.0f} s{end}, the service for {service.gap:.0f} s")
    return found


def silences(good: Iterable[float], longer: float) -> list[tuple[float, float]]:
    """All times without a good answer that are longer than so many seconds."""
    moments = sorted(good)
    return [(a, b) for a, b in pairwise(moments) if b - a > longer]


def percentile(values: Sequence[float], share: int) -> float:
    """The value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 100))
    return ordered[rank - 1]
