# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones as the text of zone files (RFC 1035, 5): one line for each record, always the same for the same records."""

from __future__ import annotations

from .model import RRset, Zone
from .names import relative, shown

# The first line of every zone file that is ours; one without it is somebody else's.
MARK = "; Made by Mailroom from YAML: the next run undoes what is changed here by hand."
DIGEST = "; content sha256:"


def render(zone: Zone, serial: int) -> str:
    """Return the text of a zone file."""
    head = (
        MARK,
        f"; {shown(zone.name)}, {zone.view}",
        f"{DIGEST}{zone.digest}",
        f"$ORIGIN {zone.name}",
        f"$TTL {zone.ttl}",
    )
    lines = [line for found in zone.sets.values() for line in _lines(found, zone, serial)]
    return "\n".join((*head, *lines, ""))


def line_table(zone: Zone, serial: int) -> dict[str, tuple[str, str, int, str]]:
    """Return each line of a zone file that holds a record, with that record: name, type, TTL, value."""
    return {
        line: (found.name, found.kind, found.ttl, value)
        for found in zone.sets.values()
        for line, value in zip(_lines(found, zone, serial), found.values, strict=True)
    }


def record_lines(found: RRset) -> list[str]:
    """Return the lines of a record set with absolute names, for any zone file."""
    return [f"{found.name} {found.ttl} IN {found.kind} {value}" for value in found.values]


def soa(value: str, serial: int) -> str:
    """Return the value of SOA with its serial."""
    primary, contact, times = value.split(" ", 2)
    return f"{primary} {contact} {serial} {times}"


def _lines(found: RRset, zone: Zone, serial: int) -> list[str]:
    name, kind, ttl, values = found
    head = f"{relative(name, zone.name):<24} {ttl:>6} IN {kind:<6} "
    if kind == "SOA":
        values = tuple(soa(value, serial) for value in values)
    return [head + value for value in values]
