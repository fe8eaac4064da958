# SPDX-License-Identifier: GPL-3.0-or-later
"""All zones from all sources: hosts and services, mail domains, free records. Runs on the controller."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..findings import WARNING, Finding
from .checks import check
from .claims import Claim, Source
from .cuts import cut_claims, glue
from .dkim import Key, dkim_claims
from .hosts import host_claims
from .mail import NO_MAIL, MailDomain, MailPublisher, MailRecords, effective, helo_claims, mail_claims
from .merge import Merger, closest_zone, place
from .model import VIEWS, Zone, ZoneKey, zone
from .names import absolute, shown
from .platform import Platform, Times
from .reverse import reverse_claims, reverse_zones
from .tlsa import tlsa_claims
from .zone_files import ZoneFile, times_of


@dataclass(frozen=True)
class ZoneSpec:
    """How a zone is served, before it is known what is in it."""

    name: str
    views: tuple[str, ...]
    ttl: int
    times: Times
    contact: str
    nameservers: tuple[str, ...]
    dynamic: bool
    source: Source

    def claims(self) -> Iterator[Claim]:
        """What stands at the top of the zone."""
        for view in self.views:
            soa = f"{self.nameservers[0]} {self.contact} {self.times}"
            yield Claim(view, self.name, "SOA", (soa,), self.source, zone=self.name)
            yield Claim(view, self.name, "NS", self.nameservers, self.source, zone=self.name)


@dataclass
class Built:
    """Zones by key, what is wrong with them (they must not be used if that has errors), and for the web server the
    text of the MTA-STS policy of each domain that has one (names without the last dot).
    """

    zones: dict[ZoneKey, Zone] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    policies: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources:
    """What zones are made of.

    `keys` are DKIM keys by domain, `certificates` PEM certificates or public keys by mail host: the one in use, and
    the one that comes next. Their names may be in either form, with or without the last dot.
    """

    platform: Platform
    files: Mapping[str, ZoneFile] = field(default_factory=dict)
    domains: Collection[MailDomain] = ()
    keys: Mapping[str, Collection[Key]] = field(default_factory=dict)
    certificates: Mapping[str, Collection[str]] = field(default_factory=dict)


def build_zones(sources: Sources) -> Built:
    """Return all zones, in order of their names, and what is wrong with the data."""
    built = Built()
    specs = _specs(sources)
    keys = {ZoneKey(view, spec.name): spec for spec in specs.values() for view in spec.views}
    mergers = {key: Merger(key, spec.ttl) for key, spec in keys.items()}
    mail = _Mail(sources, built)
    claims: list[Claim] = [claim for spec in specs.values() for claim in spec.claims()]
    claims += cut_claims({name: (spec.views, spec.nameservers) for name, spec in specs.items()})
    claims += host_claims(sources.platform)
    claims += reverse_claims(sources.platform)
    claims += mail.claims()
    claims += _certificates(sources, built)
    claims += [claim for file in sources.files.values() for claim in file.claims]
    built.findings += _homeless(sources.platform, specs)
    place(claims, mergers, specs)
    for key in sorted(mergers):
        merger, spec = mergers[key], keys[key]
        sets = merger.sets()
        built.findings += merger.findings
        built.zones[key] = zone(key.name, key.view, spec.ttl, sets, dynamic=spec.dynamic)
    glue(built.zones)
    accepted = {name for file in sources.files.values() for name in file.one_sided}
    free = {(claim.view, claim.name, claim.kind): claim for claim in claims if claim.free}
    built.findings += check(built.zones, sources.platform, free, accepted)
    # One wrong setting is said of each domain that follows it.
    built.findings = list(dict.fromkeys(built.findings))
    return built


def _specs(sources: Sources) -> dict[str, ZoneSpec]:
    """How each zone is served: those with a file, the platform's, reverse zones, and mail domains in no other."""
    platform, specs = sources.platform, {}

    def add(name: str, source: Source, views: tuple[str, ...] = VIEWS) -> None:
        if name in specs:
            return
        file = sources.files.get(name)
        specs[name] = ZoneSpec(
            name,
            file.views if file else views,
            platform.ttl if file is None or file.ttl is None else file.ttl,
            times_of(file, platform.times),
            (file and file.contact) or platform.contact,
            (file and file.nameservers) or platform.nameservers,
            bool(file and file.dynamic),
            file.source if file else source,
        )

    for file in sources.files.values():
        add(file.name, file.source)
    add(platform.domain, Source("domain of the platform", path=("domain",)))
    for network in platform.networks:
        for name in reverse_zones(network):
            add(name, Source(f"network {network.prefix}", path=network.path), network.views)
    # Those above first: a mail domain below another one is in its zone.
    for domain in sorted(sources.domains, key=lambda item: item.name.count(".")):
        if not closest_zone(domain.name, specs):
            add(domain.name, domain.source)
    return specs


class _Mail:
    """The records of all mail domains, and of zones that say something about mail."""

    def __init__(self, sources: Sources, built: Built) -> None:
        self._sources = sources
        self._built = built
        self._publisher = MailPublisher()
        self._keys = {absolute(name): keys for name, keys in sources.keys.items()}

    def claims(self) -> Iterator[Claim]:
        """Yield all of them, and note what is wrong."""
        domains = {domain.name: domain for domain in self._sources.domains}
        for file in self._sources.files.values():
            if file.mail:
                domains.setdefault(file.name, MailDomain(file.name, replace(file.source, what="mail settings")))
        for domain in domains.values():
            yield from self._domain(domain)
        for file in self._sources.files.values():
            if file.no_mail:
                yield from self._none(file, domains)
        yield from helo_claims(self._sources.platform.helo)

    def _domain(self, domain: MailDomain) -> Iterator[Claim]:
        file = self._sources.files.get(domain.name)
        records = self._publisher.records(effective(self._sources.platform.mail, file.mail if file else {}))
        self._note(records, file)
        if records.policy:
            self._built.policies[domain.name.removesuffix(".")] = records.policy
        yield from mail_claims(domain, records)
        try:
            yield from dkim_claims(domain.name, self._keys.get(domain.name, ()), records.ttl)
        except ValueError as error:
            self._built.findings.append(Source("", path=("dkim", shown(domain.name))).finding(str(error)))

    def _none(self, file: ZoneFile, domains: Mapping[str, MailDomain]) -> Iterator[Claim]:
        source = replace(file.source, what="mail: none", path=("mail",))
        if domain := domains.get(file.name):
            message = f"mail: none, and {shown(file.name)} has mail from {domain.source}"
            self._built.findings.append(source.finding(message, "remove one of the two"))
            return
        records = self._publisher.records(effective(self._sources.platform.mail, NO_MAIL))
        yield from mail_claims(MailDomain(file.name, source), records)

    def _note(self, records: MailRecords, file: ZoneFile | None) -> None:
        """Findings stand where the setting does: in the zone's file, or else in the inventory."""
        for path, message in records.problems:
            own = file is not None and path[1] in file.mail
            source = replace(file.source, path=path) if own and file else Source("", path=path)
            self._built.findings.append(source.finding(message))


def _certificates(sources: Sources, built: Built) -> list[Claim]:
    found: list[Claim] = []
    for host, certificates in sources.certificates.items():
        try:
            found += tlsa_claims(host, certificates, sources.platform.mail.get("ttl"))
        except ValueError as error:
            built.findings.append(Source("", path=("certificates", host)).finding(str(error)))
    return found


def _homeless(platform: Platform, specs: Mapping[str, ZoneSpec]) -> Iterator[Finding]:
    """Names of hosts that no zone holds: nobody will find them."""
    for host in platform.hosts:
        for name in (*host.names, *host.aliases):
            if not closest_zone(name, specs):
                source = Source(host.what, path=host.path)
                yield source.finding(f"{shown(name)} is in no zone", "add a zone file, or correct the name", WARNING)
