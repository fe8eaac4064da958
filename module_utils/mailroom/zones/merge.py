# SPDX-License-Identifier: GPL-3.0-or-later
"""From claims to record sets: what agrees is joined, what contradicts is an error that names both sources."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from ..findings import WARNING, Finding
from .claims import Claim
from .model import RRset, ZoneKey, rrset
from .names import shown
from .strings import joined

# A name has at most one TXT record that begins so; other texts (proofs of ownership) may stand beside it.
_POLICIES = ("v=spf1", "v=DMARC1", "v=STSv1", "v=TLSRPTv1", "v=DKIM1")
# Of these types a name has one record, or it means another thing.
_SINGLE = frozenset({"CNAME", "DNAME", "SOA"})
_OVERRIDE = "with override: true the free record replaces the other"

# Names to types to claims.
_Names = dict[str, dict[str, list[Claim]]]


class Merger:
    """The record sets of one zone in one view."""

    def __init__(self, key: ZoneKey, ttl: int) -> None:
        self._key = key
        self._ttl = ttl
        self._names: _Names = {}
        # Names at which an override has put an alias in the place of other records, or the other way round.
        self._replaced: set[str] = set()
        self.findings: list[Finding] = []

    def add(self, claim: Claim) -> None:
        """Take in a claim."""
        self._names.setdefault(claim.name, {}).setdefault(claim.kind, []).append(claim)

    def sets(self) -> list[RRset]:
        """Return the record sets; what was wrong is in `findings` then, and left out of them."""
        found = []
        for name, kinds in self._names.items():
            if "CNAME" in kinds and len(kinds) > 1:
                kinds = self._beside_cname(name, kinds)
            for kind, claims in kinds.items():
                first = claims[0]
                if len(claims) == 1 and not (first.override or kind in _SINGLE or not first.values):
                    found.append(rrset(name, kind, self._ttl if first.ttl is None else first.ttl, first.values))
                elif joined_set := self._join(name, kind, claims):
                    found.append(joined_set)
        return found

    def _beside_cname(self, name: str, kinds: Mapping[str, list[Claim]]) -> dict[str, list[Claim]]:
        """A name with an alias has no other records (RFC 1034, 3.6.2): the free record with `override` wins."""
        alias = kinds["CNAME"][0]
        others = {kind: claims for kind, claims in kinds.items() if kind != "CNAME"}
        hand = [claim for claim in kinds["CNAME"] if claim.override]
        if hand and not any(claim.free for claims in others.values() for claim in claims):
            self._replaced.add(name)
            return {"CNAME": kinds["CNAME"]}
        if not alias.free and all(any(claim.override for claim in claims) for claims in others.values()):
            self._replaced.add(name)
            return others
        other = next(iter(others.values()))[0]
        self._clash(f"{shown(name)} has CNAME and {other.kind}", alias, other, "an alias has no other records")
        return {}

    def _join(self, name: str, kind: str, claims: list[Claim]) -> RRset | None:
        free = [claim for claim in claims if claim.free]
        derived = [claim for claim in claims if not claim.free]
        override = [claim for claim in free if claim.override]
        if override:
            derived = self._overridden(name, kind, override[0], derived)
        kept = [*derived, *free]
        if not self._agree(name, kind, kept, bool(free and derived)):
            return None
        values = dict.fromkeys(value for claim in kept for value in claim.values)
        if not values:
            return None
        ttls = [claim.ttl for claim in (*free, *derived) if claim.ttl is not None]
        # What people wrote comes before what follows from settings.
        return rrset(name, kind, ttls[0] if ttls else self._ttl, values)

    def _overridden(self, name: str, kind: str, free: Claim, derived: list[Claim]) -> list[Claim]:
        """Derived claims that stay: of texts those of other policies, of other types none."""
        if not derived and name not in self._replaced:
            message = f"override: nothing else says {kind} of {shown(name)} ({self._key.view})"
            self.findings.append(free.source.finding(message, "leave override out", WARNING))
        if kind != "TXT" or not free.values:
            return []
        policies = {_policy(value) for value in free.values} - {""}
        kept = (
            claim._replace(values=tuple(value for value in claim.values if _policy(value) not in policies))
            for claim in derived
        )
        return [claim for claim in kept if claim.values]

    def _agree(self, name: str, kind: str, claims: list[Claim], mixed: bool) -> bool:
        """Whether claims can be one set. `mixed`: some were derived and some written by hand."""
        if kind == "TXT":
            return self._one_policy(name, claims)
        values = [set(claim.values) for claim in claims]
        if kind in _SINGLE and len(set().union(*values)) > 1:
            second = next((claim for claim in claims if claim.values != claims[0].values), claims[0])
            self._clash(f"{shown(name)} has several {kind}", claims[0], second, "it can have one")
            return False
        if mixed and any(found != values[0] for found in values):
            derived = next(claim for claim in claims if not claim.free)
            free = next(claim for claim in claims if claim.free)
            self._clash(f"{kind} of {shown(name)} is said twice, differently", derived, free, _OVERRIDE)
            return False
        return True

    def _one_policy(self, name: str, claims: list[Claim]) -> bool:
        seen: dict[str, tuple[str, Claim]] = {}
        for claim in claims:
            for value in claim.values:
                policy = _policy(value)
                if policy and (first := seen.setdefault(policy, (value, claim)))[0] != value:
                    hint = _OVERRIDE if first[1].free != claim.free else "keep one of the two"
                    self._clash(f"{shown(name)} has several texts {policy}", first[1], claim, hint)
                    return False
        return True

    def _clash(self, what: str, one: Claim, other: Claim, hint: str) -> None:
        """The finding stands at the free record, where somebody can change something, and names the other source."""
        here, there = (one, other) if one.free else (other, one)
        told = (
            f"{what} ({self._key.view}): {' '.join(here.values)!r} here, {' '.join(there.values)!r} from {there.source}"
        )
        self.findings.append(here.source.finding(told, hint))


def _policy(value: str) -> str:
    text = joined(value) if value.startswith('"v=') else ""
    return next((mark for mark in _POLICIES if text == mark or text.startswith((f"{mark} ", f"{mark};"))), "")


def place(claims: Iterable[Claim], mergers: Mapping[ZoneKey, Merger], known: Container[str]) -> None:
    """Give each claim to the closest zone around its name; claims on zones that are not served are dropped.

    `known` are the names of all zones in the data, also of those that another provider serves.
    """
    closest: dict[str, str] = {}
    for claim in claims:
        zone = claim.zone or closest.get(claim.name)
        if zone is None:
            zone = closest[claim.name] = closest_zone(claim.name, known)
        if merger := mergers.get(ZoneKey(claim.view, zone)):
            merger.add(claim)


def closest_zone(name: str, zones: Container[str]) -> str:
    """Return the deepest of some zones that a name is in, "" if it is in none."""
    while name not in zones:
        _label, _dot, name = name.partition(".")
        if not name:
            return ""
    return name
