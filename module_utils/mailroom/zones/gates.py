# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a plan for zones before anything is written: what goes beyond a measure must have been named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..limits import Limits, lift
from ..plan import Refusal
from .limits import Allowed
from .model import EXTERNAL, RRset, Zone, ZoneKey
from .names import shown
from .rdata import ADDRESSES, NULL_MX
from .special import unreachable

# So many names are listed in a message; a change of settings may be about thousands.
_SHOWN = 5


@dataclass(frozen=True)
class Pair:
    """One record set before and after; None where it is not there."""

    key: ZoneKey
    old: RRset | None
    new: RRset | None

    @property
    def name(self) -> str:
        return self._either.name

    @property
    def kind(self) -> str:
        return self._either.kind

    @property
    def removed(self) -> int:
        """How many records fewer there are afterwards."""
        return max(0, len(self.old.values if self.old else ()) - len(self.new.values if self.new else ()))

    @property
    def _either(self) -> RRset:
        found = self.new or self.old
        assert found is not None  # noqa: S101 - for the types: a pair has one of the two
        return found


@dataclass(frozen=True)
class Case:
    """What the gates judge: changed record sets, the live zones that they are in, and zones that go as a whole."""

    pairs: Collection[Pair]
    live: Mapping[ZoneKey, Zone]
    gone: Collection[ZoneKey]
    limits: Limits
    allowed: Allowed
    documentation: bool = False


def judge(case: Case) -> list[Refusal]:
    """Let all gates look at a plan; return why it must not be applied."""
    staying = [pair for pair in case.pairs if pair.key not in case.gone]
    return [
        *_zones(case),
        *_counts(case, staying),
        *_nameservers(case, staying),
        *_mail(case, staying),
        *_tlsa(case, staying),
        *_special(case, staying),
    ]


def _zones(case: Case) -> Iterator[Refusal]:
    """A whole zone goes: always named, whatever is in it."""
    named = case.allowed.names("zone_removals")
    for name, keys in _by_zone(case.gone):
        if name not in named:
            inside = " and ".join(f"{key.view} with {case.live[key].records} records" for key in keys)
            mail = any(_has_mail(case.live[key]) for key in keys)
            told = f"{shown(name)}: the zone{' of a mail domain' if mail else ''} would be removed ({inside})."
            yield Refusal(told, lift("zone_removals", [shown(name)]))


def _counts(case: Case, pairs: Iterable[Pair]) -> Iterator[Refusal]:
    """Many records of a zone go, or a large share of them."""
    removed: dict[ZoneKey, int] = {}
    for pair in pairs:
        if pair.removed:
            removed[pair.key] = removed.get(pair.key, 0) + pair.removed
    for name, keys in _by_zone(removed):
        reasons = []
        for key in keys:
            gone, there, limits = removed[key], case.live[key].records, case.limits
            if gone > limits.many or (gone >= limits.few and gone > limits.share * there):
                reasons.append(f"{gone} of {there} records ({key.view})")
        total = sum(removed[key] for key in keys)
        if reasons and case.allowed.count(name) != str(total):
            hint = lift("record_removals", {shown(name): total})
            yield Refusal(f"{shown(name)}: {' and '.join(reasons)} would be removed.", hint)


def _nameservers(case: Case, pairs: Iterable[Pair]) -> Iterator[Refusal]:
    """A host ceases to be a name server of zones: who still asks it finds nothing."""
    named = case.allowed.names("nameserver_removals")
    losing: dict[str, dict[str, None]] = {}
    for pair in pairs:
        if pair.kind == "NS" and pair.name == pair.key.name and pair.old:
            for host in set(pair.old.values) - set(pair.new.values if pair.new else ()) - named:
                losing.setdefault(host, {})[shown(pair.name)] = None
    for host, zones in sorted(losing.items()):
        told = f"{shown(host)} would no longer be a name server of {_listed(list(zones))}."
        yield Refusal(told, lift("nameserver_removals", [shown(host)]))


def _mail(case: Case, pairs: Iterable[Pair]) -> Iterator[Refusal]:
    """A name takes no more mail, or a mail domain's apex loses its addresses."""
    named = case.allowed.names("mail_removals")
    losing: dict[str, dict[str, None]] = {}
    for pair in pairs:
        if pair.name in named or pair.old is None:
            continue
        if pair.kind == "MX" and _takes(pair.old) and not _takes(pair.new):
            losing.setdefault(pair.name, {})["MX"] = None
        elif (
            pair.kind in ADDRESSES
            and pair.new is None
            and pair.name == pair.key.name
            and _has_mail(case.live[pair.key])
        ):
            losing.setdefault(pair.name, {})[pair.kind] = None
    for name, kinds in sorted(losing.items()):
        told = f"{shown(name)} is a mail domain, and its {' and '.join(sorted(kinds))} would be removed."
        yield Refusal(told, lift("mail_removals", [shown(name)]))


def _tlsa(case: Case, pairs: Iterable[Pair]) -> Iterator[Refusal]:
    """A host's keys change all at once: senders that remember the old ones refuse the new (RFC 7671, 8.1)."""
    named = case.allowed.names("tlsa_breaks")
    losing: dict[str, None] = {}
    for pair in pairs:
        if pair.kind == "TLSA" and pair.old and pair.new and not set(pair.old.values) & set(pair.new.values):
            host = pair.name.split(".", 2)[2]
            if host not in named:
                losing[shown(host)] = None
    for host in sorted(losing):
        told = f"{host}: all keys in TLSA would change at once, and servers that remember the old ones refuse to send."
        yield Refusal(told, "Publish old and new together first. " + lift("tlsa_breaks", [host]))


def _special(case: Case, pairs: Iterable[Pair]) -> Iterator[Refusal]:
    """The outside would be told an address that it cannot reach."""
    named = case.allowed.names("special_addresses")
    found: dict[str, list[str]] = {}
    for pair in pairs:
        if pair.key.view == EXTERNAL and pair.kind in ADDRESSES and pair.new and pair.name not in named:
            for value in pair.new.values:
                if what := unreachable(value, documentation=case.documentation):
                    found.setdefault(pair.name, []).append(f"{value} ({what})")
    for name, values in sorted(found.items()):
        told = f"{shown(name)} would show the outside what it cannot reach: {', '.join(values)}."
        yield Refusal(told, lift("special_addresses", [shown(name)]))


def _by_zone(keys: Iterable[ZoneKey]) -> list[tuple[str, list[ZoneKey]]]:
    found: dict[str, list[ZoneKey]] = {}
    for key in sorted(keys):
        found.setdefault(key.name, []).append(key)
    return sorted(found.items())


def _takes(found: RRset | None) -> bool:
    """Whether MX records say that mail is taken."""
    return found is not None and found.values != (NULL_MX,)


def _has_mail(zone: Zone) -> bool:
    return _takes(zone.sets.get((zone.name, "MX")))


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{len(names)} zones ({', '.join(names[:_SHOWN])}, ...)"
