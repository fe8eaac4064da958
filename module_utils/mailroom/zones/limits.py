# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that lift the gates of a plan for zones. How much may go without a word is said by ..limits.Limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .names import absolute


@dataclass(frozen=True)
class Allowed:
    """What was named: zones, domains and hosts in any spelling.

    record_removals      exact number of records that may go, by zone (both views together)
    zone_removals        zones that may go with all in them
    nameserver_removals  hosts that may cease to be name servers of zones
    mail_removals        names whose mail records or apex addresses may go
    tlsa_breaks          mail hosts whose TLSA records may change without a key in common
    special_addresses    names that may show the outside an address that it cannot reach
    adoptions            zones that were made by somebody else, or cannot be read, and may be replaced
    """

    record_removals: Mapping[str, Any] = field(default_factory=dict)
    zone_removals: Collection[str] = ()
    nameserver_removals: Collection[str] = ()
    mail_removals: Collection[str] = ()
    tlsa_breaks: Collection[str] = ()
    special_addresses: Collection[str] = ()
    adoptions: Collection[str] = ()

    def names(self, word: str) -> frozenset[str]:
        """Return what a word names, as absolute names. Names that are none name nothing."""
        return frozenset(filter(None, map(_spelling, getattr(self, word))))

    def count(self, zone: str) -> str:
        """Return the number of records that may go from a zone as it was given, "" if none was."""
        named = {_spelling(name): str(count) for name, count in self.record_removals.items()}
        return named.get(zone, "")


def _spelling(text: str) -> str:
    try:
        return absolute(text)
    except ValueError:
        return ""
