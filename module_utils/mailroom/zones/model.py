# SPDX-License-Identifier: GPL-3.0-or-later
"""Record sets and zones, each zone once for each view that serves it.

Names are absolute (see names.py), TTLs are seconds, values are in the one spelling of rdata.py. The value of SOA is
without the serial (`primary contact refresh retry expire negative`): a serial says that content changed, and is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from .names import canonical, shown
from .rdata import order

INTERNAL, EXTERNAL = "internal", "external"
VIEWS = (INTERNAL, EXTERNAL)
# RFC 2181, 8.
MOST_TTL = 2**31 - 1
# Apex first means SOA first, then NS; the others by name of type.
_FIRST = {"SOA": "", "NS": " "}


class ZoneKey(NamedTuple):
    """Which zone, in which view."""

    view: str
    name: str

    def __str__(self) -> str:
        return f"{shown(self.name)} ({self.view})"


class RRset(NamedTuple):
    """All records of one name and type: they have one TTL (RFC 2181, 5.2). Values are sorted."""

    name: str
    kind: str
    ttl: int
    values: tuple[str, ...]

    def sort_key(self) -> tuple[tuple[bytes, ...], str]:
        """Canonical order of names (RFC 4034, 6.1), then SOA, NS and the other types."""
        return canonical(self.name), _FIRST.get(self.kind, self.kind)


def rrset(name: str, kind: str, ttl: int, values: Iterable[str]) -> RRset:
    """Return a record set with its values in order and each once.

    Of A, AAAA, MX, SRV and types with numbers in front that is the order of RFC 4034, 6.3, of others that of text.
    """
    found = tuple(values)
    return RRset(name, kind, ttl, found if len(found) == 1 else tuple(sorted(set(found), key=order(kind))))


@dataclass(frozen=True)
class Zone:
    """A zone in one view: its record sets by (name, type), in canonical order.

    `ttl` is the zone's usual TTL. In a `dynamic` zone others add records of their own (RFC 2136, DHCP): what is
    there and not in the data stays.
    """

    name: str
    view: str
    ttl: int
    sets: Mapping[tuple[str, str], RRset] = field(default_factory=dict)
    dynamic: bool = False

    @property
    def key(self) -> ZoneKey:
        return ZoneKey(self.view, self.name)

    @property
    def records(self) -> int:
        """How many records the zone has."""
        return sum(len(found.values) for found in self.sets.values())

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over all records; it does not depend on the serial."""
        found = hashlib.sha256()
        for name, kind, ttl, values in self.sets.values():
            found.update("\n".join((name, kind, str(ttl), *values, "")).encode())
        return found.hexdigest()


def zone(name: str, view: str, ttl: int, sets: Iterable[RRset], *, dynamic: bool = False) -> Zone:
    """Return a zone with its record sets in order."""
    ordered = sorted(sets, key=RRset.sort_key)
    return Zone(name, view, ttl, {(item.name, item.kind): item for item in ordered}, dynamic)


def to_data(zones: Iterable[Zone]) -> list[Any]:
    """Return zones as data fit for JSON, to carry to the name server."""
    return [[item.view, item.name, item.ttl, item.dynamic, list(item.sets.values())] for item in zones]


def from_data(data: Iterable[Any]) -> dict[ZoneKey, Zone]:
    """Return what to_data() was given, by key. Raises ValueError for anything else."""
    zones = {}
    try:
        for view, name, ttl, dynamic, sets in data:
            found = [RRset(owner, kind, seconds, tuple(values)) for owner, kind, seconds, values in sets]
            zones[ZoneKey(view, name)] = Zone(name, view, ttl, {(item[0], item[1]): item for item in found}, dynamic)
    except (TypeError, ValueError) as error:
        raise ValueError(f"not zones as data: {error}") from None
    return zones
