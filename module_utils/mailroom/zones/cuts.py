# SPDX-License-Identifier: GPL-3.0-or-later
"""Delegations between our own zones: NS records in the zone above, and the addresses that must go with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .claims import Claim, Source
from .merge import closest_zone
from .model import RRset, Zone, ZoneKey, zone
from .names import below, parent, shown

_ADDRESSES = ("A", "AAAA")


def cut_claims(zones: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]) -> Iterator[Claim]:
    """Yield the NS records by which a zone above leads to one of ours; `zones` has views and name servers by name."""
    for name, (views, nameservers) in zones.items():
        if above := closest_zone(parent(name), zones):
            source = Source(f"delegation of {shown(name)}")
            for view in views:
                yield Claim(view, name, "NS", nameservers, source, zone=above)


def cuts(item: Zone) -> dict[str, tuple[str, ...]]:
    """Return the delegations in a zone: their names, and the name servers that each leads to."""
    return {name: found.values for (name, kind), found in item.sets.items() if kind == "NS" and name != item.name}


def glue(zones: dict[ZoneKey, Zone]) -> None:
    """Put addresses beside delegations to name servers that lie in the zones delegated (RFC 9471).

    Only for zones of ours; those of others have their glue among the free records.
    """
    for key, item in list(zones.items()):
        wanted: dict[tuple[str, str], RRset] = {}
        for name, nameservers in cuts(item).items():
            child = zones.get(ZoneKey(key.view, name))
            for server in nameservers:
                if child and below(server, name):
                    found = (child.sets.get((server, kind)) for kind in _ADDRESSES)
                    wanted |= {(each.name, each.kind): each for each in found if each}
        if wanted:
            zones[key] = zone(item.name, item.view, item.ttl, {**wanted, **item.sets}.values(), dynamic=item.dynamic)
