# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of one domain as text, to copy to another provider of DNS (`mailroom dns records DOMAIN`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .build import Sources, build_zones
from .model import EXTERNAL, VIEWS, RRset, Zone
from .names import absolute, below, shown
from .render import record_lines
from .zone_files import ZoneFile

_HEAD = ("name", "type", "ttl", "value")


def domain_records(sources: Sources, domain: str, view: str = EXTERNAL) -> list[RRset]:
    """Return the records of a domain (in any spelling) as a side is told them, without those of who serves it.

    Also where another provider serves the zone, and where the domain lies in a larger zone. Raises ValueError for a
    name that is none, or of which no record is known.
    """
    name = absolute(domain)
    files = {key: _served(file) for key, file in sources.files.items()}
    zones = build_zones(Sources(sources.platform, files, sources.domains, sources.keys, sources.certificates)).zones
    found = [each for item in zones.values() if item.view == view for each in _of(item, name)]
    if not found:
        raise ValueError(
            f"nothing is known of {shown(name)}: it is no mail domain and no zone, and no host has that name"
        )
    return sorted(found, key=RRset.sort_key)


def as_zone(records: Sequence[RRset]) -> str:
    """Return records in the form of zone files, names absolute."""
    return "".join(f"{line}\n" for each in records for line in record_lines(each))


def as_table(records: Sequence[RRset]) -> str:
    """Return records as a table in columns, for web forms: names without the last dot."""
    rows = [
        _HEAD,
        *((each.name.removesuffix("."), each.kind, str(each.ttl), v) for each in records for v in each.values),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join("  ".join((*map(str.ljust, row[:3], widths), row[3])) + "\n" for row in rows)


def _of(item: Zone, name: str) -> Iterator[RRset]:
    for (owner, kind), found in item.sets.items():
        if below(owner, name) and not (owner == item.name and kind in ("SOA", "NS")):
            yield found


def _served(file: ZoneFile) -> ZoneFile:
    """A zone as if we served it."""
    return ZoneFile(**{**vars(file), "views": VIEWS})
