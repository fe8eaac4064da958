# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes changes to the directory, and whether a replica may become that one.

The directory itself keeps a record of it: the entry `cn=provider` below the suffix says who became provider and who
was one before. It is replicated like everything else, so it outlives the host that wrote it, and it is what a former
provider is judged by when it comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .pair import csn_time, lag
from .pair_rules import Rules, Verdict, blind

_HOST = re.compile(r"^\w+://(\[[^\]]*\]|[^:/]*)")


@dataclass(frozen=True)
class Record:
    """Who became provider, when, and who was one before and must not be one again by itself."""

    provider: str = ""
    since: str = ""
    former: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it as values of the entry's `description`."""
        return [f"provider {self.provider}", f"since {self.since}", *(f"former {name}" for name in self.former)]


def read_record(lines: Iterable[str]) -> Record:
    """Return the record that an entry holds; an empty one if nobody was ever promoted."""
    words = [line.partition(" ") for line in lines]
    told = {key: value for key, _space, value in words}
    former = tuple(sorted(value for key, _space, value in words if key == "former"))
    return Record(told.get("provider", ""), told.get("since", ""), former)


def may_step_down(name: str, record: Record) -> bool:
    """Return whether the provider that holds the record was made one in place of `name`."""
    return name in record.former and record.provider != name


def host_of(uri: str) -> str:
    """Return the host in a URI."""
    match = _HOST.match(uri)
    return match[1] if match else uri


class Directories:
    """All directory servers as they are now, and the wish to make one of them the provider."""

    def __init__(self, views: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], rules: Rules) -> None:
        """`names` has the name in the certificate of each host, by which others reach it."""
        self.rules = rules
        self.names = names
        self.views = views = dict(sorted(views.items()))
        self.blind = {name: reason for name, view in views.items() if (reason := blind(view))}
        self.have = {name: view["directory"] for name, view in views.items() if name not in self.blind}
        self.answering = {name: have for name, have in self.have.items() if not have["problem"]}
        self.record = self._record()

    def _record(self) -> Record:
        """Return the newest record that any of them has: who was away while it was written has an older one."""
        records = [read_record(have["record"]) for have in self.answering.values()]
        return max(records, key=lambda record: record.since, default=Record())

    def by_name(self, uri: str) -> str:
        """Return the host that a URI leads to, or the name in the URI."""
        wanted = host_of(uri)
        return next((host for host, name in self.names.items() if wanted in (name, host)), wanted)

    def providers(self) -> dict[str, list[str]]:
        """Return who takes changes now, with those that say so."""
        found: dict[str, list[str]] = {}
        for name, have in self.answering.items():
            if have["role"] == "provider":
                found.setdefault(name, []).append(name)
            elif have["provider_csn"] or have["provider_problem"].startswith("answers"):
                found.setdefault(self.by_name(have["provider"]), []).append(name)
        return found

    def standings(self) -> list[str]:
        """Return one line for each, the newest first: what a choice can be made by."""
        rows = sorted(self.answering.items(), key=lambda row: (row[1]["csn"], row[0]), reverse=True)
        lines = [f"{name} {have['role']} {have['csn'].partition('#')[0] or 'incomplete'}" for name, have in rows]
        lines += [f"{name} does not answer" for name in self.views if name not in self.answering]
        return lines

    def promote(self, host: str, named: str = "", without: Sequence[str] = ()) -> Verdict:
        """May `host` become the provider? `named` is the provider that shall step down, `without` are lost hosts."""
        verdict = Verdict()
        standings = "; ".join(self.standings())
        if host not in self.views:
            listed = f"no directory server {host}" if host else "no host named"
            verdict.refused.append(f"There is {listed} (-e host=NAME). They are: {standings}.")
            return verdict
        providers = self.providers()
        mine = self.answering.get(host)
        is_provider = bool(mine and mine["role"] == "provider")
        verdict.refused += [*self._unfit(host), *self._wrongly_named(host, named)]
        verdict.refused += self._rivals(host, named, providers)
        if mine and not is_provider:
            verdict.refused += self._newer(host, mine["csn"], named, without)
        former = sorted({*self._former(host, named, providers)})
        followers = [name for name in self.answering if name != host]
        wrong = [
            name
            for name in followers
            if self.answering[name]["role"] != "replica" or self.by_name(self.answering[name]["provider"]) != host
        ]
        verdict.needed = bool(not is_provider or wrong or (mine and mine["read_only"]))
        if away := [name for name in self.views if name not in self.answering and name != host]:
            verdict.warnings.append(f"{', '.join(away)}: cannot be told now; run this again when they are back.")
        verdict.facts = {
            "host": host,
            "recorded": is_provider and read_record(mine["record"] if mine else ()).provider == host,
            "unreachable": sorted(self.blind),
            "planned": bool(named and named in providers and not is_provider),
            "former": former,
            "followers": followers,
            "standings": self.standings(),
            "csn": mine["csn"] if mine else "",
        }
        return verdict

    def _unfit(self, host: str) -> Iterator[str]:
        if host in self.blind:
            yield f"{host} cannot be asked: {self.blind[host]}"
        elif host not in self.answering:
            yield f"The directory on {host} does not answer: {self.have[host]['problem']}"
        elif not self.answering[host]["csn"]:
            yield f"The copy on {host} is not complete, so it is no base for others."
        else:
            newest, now = csn_time(self.answering[host]["csn"]), self.views[host]["time"]
            if newest is not None and newest > now + 1:
                yield (
                    f"The clock of {host} is {newest - now:.0f} s behind the newest change: what it writes would look "
                    "older than what is there, and replicas would not take it. Set the clock first."
                )

    def _wrongly_named(self, host: str, named: str) -> Iterator[str]:
        if named and named == host:
            yield f"{host} cannot take its own place (-e replaces={named})."
        elif named and named not in self.views:
            yield f"There is no directory server {named} (-e replaces={named})."

    def _rivals(self, host: str, named: str, providers: Mapping[str, Sequence[str]]) -> Iterator[str]:
        mine = read_record(self.answering[host]["record"]) if host in self.answering else Record()
        for name, witnesses in providers.items():
            if name in (host, named):
                continue
            # It was replaced while it was away and has come back: it is what this play has come for.
            if may_step_down(name, mine) and mine.provider == host:
                continue
            yield (
                f"The provider {name} still answers (asked by {', '.join(witnesses)}): two providers would part the "
                f"directory. If {host} shall take its place although it is well, name it: -e replaces={name}"
            )

    def _newer(self, host: str, csn: str, named: str, without: Sequence[str]) -> Iterator[str]:
        for name, have in self.answering.items():
            # A provider that steps down is waited for; it must only not be far ahead.
            allowed = self.rules.max_lag if name == named else 0.0
            if name != host and have["csn"] > csn and (lag(csn, have["csn"]) or 0.0) >= allowed:
                yield (
                    f"{name} is newer than {host} ({have['csn']} against {csn}), and what only it has would be lost. "
                    + (f"Promote {name}." if name != named else f"Wait until {host} has caught up.")
                )
        for name, view in self.views.items():
            lost = name in without or name == named or name == self.by_name(self.answering[host]["provider"])
            if name != host and name not in self.answering and not lost:
                reason = self.blind.get(name) or view["directory"]["problem"]
                yield f"{name} cannot be compared with {host}: {reason}. If it is lost, name it: -e without={name}"

    def _former(self, host: str, named: str, providers: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """Yield who must not take changes any more."""
        mine = self.answering.get(host, {"role": ""})
        before = self.by_name(mine["provider"]) if mine["role"] == "replica" else ""
        names = (*self.record.former, self.record.provider, named, *providers, before)
        yield from (name for name in names if name not in ("", host))


def inventory_lines(host: str, former: Iterable[str], providers: Iterable[str], replicas: Iterable[str]) -> list[str]:
    """Return what an inventory has to say from now on, in words for whoever edits it; empty if it says so already."""
    out = [name for name in providers if name != host]
    if list(providers) == [host] and host not in replicas:
        return []
    back = sorted({*out, *(name for name in former if name not in replicas)} - {host})
    lines = [f"directory_provider: {host}" + (f"   (instead of {', '.join(out)})" if out else "")]
    kept = [name for name in replicas if name != host]
    told = ", ".join([*kept, *(name for name in back if name not in kept)]) or "nobody"
    lines.append(f"directory_replica: {told}" + (f"   (without {host})" if host in replicas else ""))
    return lines
