# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mail domain publishes: everything that a modern receiver, sender or mail program asks for.

Most domains publish the same, so records are made once for each set of settings, with names relative to the domain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..findings import Path
from .claims import Claim, Source
from .discovery import autoconfig_records, service_records
from .model import VIEWS
from .mta_sts import LABEL, policy
from .mta_sts import record as mta_sts_record
from .names import ROOT, absolute, is_host, shown
from .rdata import NULL_MX
from .reports import ACCEPTS, dmarc, must_accept, report_domains, tls_reports
from .spf import FAIL, NOBODY, spf
from .strings import split

# Neither takes nor sends mail.
NO_MAIL: Mapping[str, Any] = {"receives": False, "sends": False}
_MOST = 65535


@dataclass(frozen=True)
class MailDomain:
    """A name that has mail (absolute, alias domains too), and where that is said."""

    name: str
    source: Source


class Part(NamedTuple):
    """One record, its name relative to the domain ("" for the domain itself)."""

    label: str
    kind: str
    value: str


@dataclass
class MailRecords:
    """What domains with certain settings publish.

    `policy` is the text of the MTA-STS policy to serve for them ("" for none), `reporters` the domains that get
    reports, `problems` what is wrong with the settings: (field, message).
    """

    parts: list[Part] = field(default_factory=list)
    policy: str = ""
    reporters: tuple[str, ...] = ()
    ttl: int | None = None
    problems: list[tuple[Path, str]] = field(default_factory=list)


def effective(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the platform's settings with those of a domain over them, field by field one level down.

    `true` stands for the settings of the platform.
    """
    merged = dict(base)
    for name, value in over.items():
        below = base.get(name)
        if isinstance(value, Mapping):
            merged[name] = {**(below if isinstance(below, Mapping) else {}), **value}
        elif value is not True or not below:
            merged[name] = value
    return merged


class MailPublisher:
    """Makes the records of domains by their settings, each set of settings once."""

    def __init__(self) -> None:
        self._known: dict[str, MailRecords] = {}

    def records(self, settings: Mapping[str, Any]) -> MailRecords:
        """What domains with these settings publish."""
        key = json.dumps(settings, sort_keys=True)
        if key not in self._known:
            self._known[key] = _Maker(settings).records
        return self._known[key]


def mail_claims(domain: MailDomain, records: MailRecords) -> Iterator[Claim]:
    """Yield the records of a domain for both views, and what domains that get its reports must publish."""
    name, source, ttl = domain.name, domain.source, records.ttl
    for part in records.parts:
        owner = f"{part.label}.{name}" if part.label else name
        if part.kind == "CNAME" and part.value == owner:
            continue  # The host itself lies in this domain.
        for view in VIEWS:
            yield Claim(view, owner, part.kind, (part.value,), source, ttl)
    for reporter in records.reporters:
        if must_accept(name, reporter):
            for view in VIEWS:
                yield Claim(view, f"{name}_report._dmarc.{reporter}", "TXT", (split(ACCEPTS),), source, ttl)


def helo_claims(names: tuple[str, ...]) -> Iterator[Claim]:
    """Yield SPF records of names that mail hosts greet with: bounces have no other sender (RFC 7208, 2.4)."""
    for name in names:
        for view in VIEWS:
            yield Claim(view, name, "TXT", (split("v=spf1 a -all"),), Source(f"greeting of {shown(name)}"))


class _Maker:
    """Makes the records for one set of settings that the schema has passed."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.records = MailRecords(ttl=settings.get("ttl"))
        self._hosts: Sequence[str] | None = None
        receives, sends = settings.get("receives", True), settings.get("sends", True)
        if receives:
            self._hosts = self._part("mx", self._mx, [])
            self._part("mta_sts", self._mta_sts)
            self._part("tls_reports", self._tls_reports)
        else:
            self._add("", "MX", NULL_MX)
        if sends:
            self._part("spf", self._spf)
        else:
            self._text("", NOBODY)
        self._part("dmarc", self._dmarc if sends else self._rejecting, {} if not sends else None)
        if receives or sends:
            self._part("services", self._services)
            self._part("autoconfig", self._autoconfig)

    def _part(self, name: str, make: Callable[[Any], Any], default: Any = None) -> Any:
        """Make what one field says, if it says something. `true` says it without settings."""
        given = self._settings.get(name, default)
        if given is None or given is False:
            if default is None:
                return None
            given = default
        try:
            if given is True:
                raise ValueError("there are no settings to follow: write them here or in the platform's mail settings")
            return make(given)
        except ValueError as error:
            self.records.problems.append((("mail", name), str(error)))
            return None

    def _add(self, label: str, kind: str, value: str) -> None:
        self.records.parts.append(Part(label, kind, value))

    def _text(self, label: str, text: str) -> None:
        self._add(label, "TXT", split(text))

    def _mx(self, given: Any) -> list[str]:
        hosts: list[str] = []
        if not given:
            raise ValueError("no host takes mail of this domain: name it, or say `receives: false`")
        for item in given:
            host = absolute(item["host"])
            if host == ROOT or not is_host(host):
                raise ValueError(
                    f"{item['host']!r} is not a name of a host; `receives: false` says that no mail is taken"
                )
            if host in hosts:
                raise ValueError(f"{item['host']} is listed twice")
            if item["preference"] > _MOST:
                raise ValueError(f"preference {item['preference']} is more than {_MOST}")
            hosts.append(host)
            self._add("", "MX", f"{item['preference']} {host}")
        return hosts

    def _spf(self, given: Any) -> None:
        self._text("", spf(given.get("senders", ["mx"]), given.get("others", FAIL)))

    def _dmarc(self, given: Any) -> None:
        self._text("_dmarc", dmarc(given))
        self.records.reporters = report_domains(given)

    def _rejecting(self, given: Any) -> None:
        """Of a domain that sends no mail, whatever the platform's policy is; reports tell who misuses it."""
        kept = {name: given[name] for name in ("reports", "failure_reports") if name in given}
        self._dmarc({"policy": "reject", **kept})

    def _mta_sts(self, given: Any) -> None:
        if missing := [name for name in ("mode", "max_age", "host") if name not in given]:
            raise ValueError(f"{' and '.join(missing)} missing")
        if self._hosts is None:
            return  # That is said of mx already.
        self.records.policy = policy(given["mode"], self._hosts, given["max_age"])
        self._text("_mta-sts", mta_sts_record(self.records.policy))
        self._add(LABEL, "CNAME", absolute(given["host"]))

    def _tls_reports(self, given: Any) -> None:
        if not given:
            raise ValueError("no address to send reports to; `false` asks for none")
        self._text("_smtp._tls", tls_reports(given))

    def _services(self, given: Any) -> None:
        for label, value in service_records(given):
            self._add(label, "SRV", value)

    def _autoconfig(self, given: Any) -> None:
        for record in autoconfig_records(given):
            self._add(*record)
