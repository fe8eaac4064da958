# SPDX-License-Identifier: GPL-3.0-or-later
"""What zones must not hold although each record by itself is right: found offline, before anything is planned."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

from ..findings import ERROR, WARNING, Finding
from .claims import INVENTORY, Claim
from .cuts import cuts
from .merge import closest_zone
from .model import EXTERNAL, INTERNAL, Zone, ZoneKey
from .names import ROOT, below, parent, shown
from .platform import Platform
from .rdata import ADDRESSES, TARGETS, host_target
from .special import unreachable

# Free claims by (view, name, type): findings stand there where somebody wrote a record by hand.
Free = Mapping[tuple[str, str, str], Claim]


def check(zones: Mapping[ZoneKey, Zone], platform: Platform, free: Free, one_sided: Collection[str]) -> list[Finding]:
    """Return what is wrong. `one_sided` are names (absolute) that are meant to be there on one side only."""
    checker = _Checker(zones, platform, free)
    for item in zones.values():
        checker.zone(item)
    for name in dict.fromkeys(key.name for key in zones):
        checker.sides(name, one_sided)
    return checker.findings


class _Checker:
    def __init__(self, zones: Mapping[ZoneKey, Zone], platform: Platform, free: Free) -> None:
        self._zones = zones
        self._platform = platform
        self._free = free
        self._served = frozenset(key.name for key in zones)
        self._kinds = {key: _kinds(item) for key, item in zones.items()}
        self._lack = lru_cache(maxsize=None)(self._find_lack)
        self.findings: list[Finding] = []

    def zone(self, item: Zone) -> None:
        """Look at each record set of a zone."""
        delegated = cuts(item)
        for (name, kind), found in item.sets.items():
            if kind in TARGETS:
                self._targets(item, name, kind, found.values)
            elif kind in ADDRESSES and item.view == EXTERNAL:
                self._addresses(name, kind, found.values)
            if delegated:
                self._hidden(item, name, kind, delegated)

    def sides(self, zone: str, accepted: Collection[str]) -> None:
        """Compare the sides: what the outside has, users inside need too, for our servers answer them for all of it."""
        inside = self._kinds.get(ZoneKey(INTERNAL, zone), {})
        outside = self._kinds.get(ZoneKey(EXTERNAL, zone), {})
        if not inside or not outside:
            return
        for name in sorted(outside.keys() - inside.keys() - set(accepted)):
            kind = next(iter(outside[name]))
            message = f"{shown(name)} is there outside, and not inside"
            self._report(EXTERNAL, name, kind, message, "add it to internal, or to one_sided", WARNING)
        for host in self._platform.hosts:
            if not host.service or host.one_sided:
                continue
            for name in host.names:
                if name in inside and name not in outside and name not in accepted and self._zone_of(name) == zone:
                    message = f"{shown(name)} is there inside, and not outside"
                    hint = "give the service an outside address, or say one_sided"
                    self.findings.append(Finding(INVENTORY, 1, shown(name), message, hint, WARNING))

    def _targets(self, item: Zone, name: str, kind: str, values: tuple[str, ...]) -> None:
        for value in values:
            target = host_target(kind, value)
            if target != ROOT and (lack := self._lack(item.view, target, kind == "CNAME")):
                severity = WARNING if kind == "CNAME" else ERROR
                told = f"{kind} leads to {shown(target)}, which {lack} ({item.view})"
                self._report(item.view, name, kind, told, "", severity, about=target)

    def _find_lack(self, view: str, target: str, alias: bool) -> str:
        """What a name lacks to be pointed to, as far as our zones know; "" for nothing."""
        key = ZoneKey(view, self._zone_of(target))
        if key not in self._zones:
            return ""
        kinds = self._kinds[key].get(target, ())
        if not alias and "CNAME" in kinds:
            return "is an alias itself (RFC 2181, 10.3)"
        if ADDRESSES & set(kinds) or (alias and kinds):
            return ""
        above = target
        while above != key.name:
            above = parent(above)
            # Below a delegation others know; a wildcard may stand for it if there is nothing of that name.
            if above != key.name and "NS" in self._kinds[key].get(above, ()):
                return ""
            if not kinds and f"*.{above}" in self._kinds[key]:
                return ""
        return "has no address" if kinds or not alias else "is not there"

    def _addresses(self, name: str, kind: str, values: tuple[str, ...]) -> None:
        if name in self._platform.special:
            return
        for value in values:
            if what := unreachable(value, documentation=self._platform.documentation):
                message = f"{shown(name)} would show the outside {value}, which is {what}"
                self._report(EXTERNAL, name, kind, message, "leave it out, or add the name to special_addresses")

    def _hidden(self, item: Zone, name: str, kind: str, delegated: Mapping[str, tuple[str, ...]]) -> None:
        """Nobody sees records at or below a delegation but its NS, DS and glue (RFC 1034, 4.2.1; RFC 4035, 3.1.4.1)."""
        cut = next((cut for cut in delegated if below(name, cut)), "")
        if not cut or (name == cut and kind in ("NS", "DS")):
            return
        if not (kind in ADDRESSES and name in delegated[cut]):
            message = f"{kind} of {shown(name)} is hidden ({item.view}): {shown(cut)} is delegated"
            self._report(item.view, name, kind, message, "write it into that zone")

    def _zone_of(self, name: str) -> str:
        return closest_zone(name, self._served)

    def _report(
        self, view: str, name: str, kind: str, message: str, hint: str = "", severity: str = ERROR, about: str = ""
    ) -> None:
        claim = self._free.get((view, name, kind))
        if claim:
            self.findings.append(claim.source.finding(message, hint, severity))
        else:
            self.findings.append(Finding(INVENTORY, 1, shown(about or name), message, hint, severity))


def _kinds(item: Zone) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, kind in item.sets:
        found.setdefault(name, []).append(kind)
    return found
