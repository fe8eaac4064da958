# SPDX-License-Identifier: GPL-3.0-or-later
"""Read zone files (YAML): what a zone holds beside hosts and mail domains. Runs on the controller."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..findings import Finding, Path
from ..loader import Document, contents, find_files, parse
from ..schema import compile_schema
from . import rdata
from .claims import Claim, Source
from .model import EXTERNAL, INTERNAL, MOST_TTL, VIEWS
from .names import absolute, is_host, owner, target
from .platform import Times, contact_name

# Sections of a zone file, with the views that their records are for.
_SECTIONS = {"records": VIEWS, INTERNAL: (INTERNAL,), EXTERNAL: (EXTERNAL,)}
# Addresses under other names are refused by named (check-names).
_HOST_OWNERS = ("A", "AAAA", "MX")


@dataclass
class ZoneFile:
    """One zone file. None and empty mean that the platform's settings hold.

    `mail` is as in the schema; `no_mail` says that the domain neither takes nor sends any.
    """

    name: str
    source: Source
    views: tuple[str, ...] = VIEWS
    ttl: int | None = None
    times: Mapping[str, int] = field(default_factory=dict)
    contact: str = ""
    nameservers: tuple[str, ...] = ()
    dynamic: bool = False
    one_sided: frozenset[str] = frozenset()
    mail: Mapping[str, Any] = field(default_factory=dict)
    no_mail: bool = False
    claims: list[Claim] = field(default_factory=list)


def load_zone_files(path: str) -> tuple[list[Document], list[Finding]]:
    """Parse the zone files in a folder, sorted by name. A folder that is not there has none."""
    if not os.path.isdir(path) or find_files(path) == ([], []):
        return [], []
    documents = []
    files, findings = contents(path)
    for file, content in files:
        document, problems = parse(file, content)
        findings += problems
        if document is not None:
            documents.append(document)
    return documents, [_about_zones(item) for item in findings]


def _about_zones(finding: Finding) -> Finding:
    """The loader speaks of account files."""
    message, hint = finding.message.replace("account files", "zone files"), finding.hint.replace("domain:", "zone:")
    return replace(finding, message=message, hint=hint)


def read_zone_files(
    documents: Sequence[Document], schema: Mapping[str, Any]
) -> tuple[dict[str, ZoneFile], list[Finding]]:
    """Return zone files by the zone's name, and what is wrong with them. A file with findings is left out.

    `schema` is the content of schemas/zone.schema.json.
    """
    check = compile_schema(schema)
    found: dict[str, ZoneFile] = {}
    findings: list[Finding] = []
    for document in documents:
        problems = [document.finding(*violation) for violation in check(document.data)]
        if not problems:
            reader = _Reader(document)
            zone = reader.zone()
            problems = reader.findings
            if zone and (first := found.get(zone.name)):
                message = f"{document.data['zone']} is already in {first.source.document.file}"
                problems.append(document.finding(("zone",), message, "merge the two files"))
            elif zone and not problems:
                found[zone.name] = zone
        findings += problems
    return found, findings


class _Reader:
    """Reads one file that the schema has passed."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data: Mapping[str, Any] = document.data
        self._name = ""
        self._first: dict[tuple[str, str, str], Path] = {}
        self.findings: list[Finding] = []

    def zone(self) -> ZoneFile | None:
        data = self._data
        try:
            self._name = absolute(data["zone"])
            if self._name.count(".") < 2:
                raise ValueError("a zone's name needs a dot")
        except ValueError as error:
            self._report(("zone",), str(error))
            return None
        mail = data.get("mail", {})
        return ZoneFile(
            name=self._name,
            source=Source("zone file", self._document, ("zone",)),
            views=tuple(data.get("views", VIEWS)),
            ttl=self._ttl(("ttl",), data.get("ttl")),
            times=data.get("soa", {}),
            contact=self._contact(),
            nameservers=self._nameservers(),
            dynamic=data.get("dynamic", False),
            one_sided=frozenset(self._one_sided()),
            mail={} if mail == "none" else mail,
            no_mail=mail == "none",
            claims=[claim for section in _SECTIONS if section in data for claim in self._section(section)],
        )

    def _contact(self) -> str:
        try:
            return contact_name(self._data["contact"]) if "contact" in self._data else ""
        except ValueError as error:
            self._report(("contact",), str(error))
            return ""

    def _nameservers(self) -> tuple[str, ...]:
        found = []
        for position, text in enumerate(self._data.get("nameservers", ())):
            try:
                found.append(absolute(text))
            except ValueError as error:
                self._report(("nameservers", position), str(error))
        return tuple(found)

    def _one_sided(self) -> Iterator[str]:
        for position, text in enumerate(self._data.get("one_sided", ())):
            try:
                yield owner(text, self._name)
            except ValueError as error:
                self._report(("one_sided", position), str(error))

    def _section(self, section: str) -> Iterator[Claim]:
        for text, types in self._data[section].items():
            path = (section, text)
            try:
                name = owner(text, self._name)
            except ValueError as error:
                self._report(path, str(error))
                continue
            for kind, given in types.items():
                yield from self._set(section, name, kind, (*path, kind), given)

    def _set(self, section: str, name: str, kind: str, path: Path, given: Any) -> Iterator[Claim]:
        form = given if isinstance(given, Mapping) else {"values": given}
        ttl, override = form.get("ttl"), form.get("override", False)
        if not rdata.known(kind):
            self._report(path, _unknown(kind))
            return
        if kind in _HOST_OWNERS and not is_host(name):
            self._report(path, f"{name} is not a name of a host, and has no {kind}: letters, digits and - only")
        below = (*path, "values") if isinstance(given, Mapping) else path
        values = tuple(self._values(kind, below, form["values"]))
        if not values and not override and not form["values"]:
            self._report(path, "must not be empty", "with override: true, nothing is left of what is derived")
        self._ttl((*path, "ttl"), ttl)
        source = Source("free record", self._document, path)
        for view in _SECTIONS[section]:
            if (first := self._first.setdefault((view, name, kind), path)) != path:
                message = f"{kind} of {name} is already on line {self._document.line(first)}"
                self._report(path, message, "put what is for both sides into records, and nothing of it elsewhere")
                return
            yield Claim(view, name, kind, values, source, ttl, self._name, free=True, override=override)

    def _values(self, kind: str, path: Path, given: Any) -> Iterator[str]:
        items = [(path, given)] if isinstance(given, str) else [((*path, n), text) for n, text in enumerate(given)]
        for where, text in items:
            try:
                yield rdata.parse(kind, text, lambda name: target(name, self._name))
            except ValueError as error:
                self._report(where, str(error))

    def _ttl(self, path: Path, ttl: int | None) -> int | None:
        if ttl is not None and ttl > MOST_TTL:
            self._report(path, f"{ttl} is more than {MOST_TTL}, the longest TTL (RFC 2181)")
        return ttl

    def _report(self, path: Path, message: str, hint: str = "") -> None:
        self.findings.append(self._document.finding(path, message, hint))


def _unknown(kind: str) -> str:
    return "SOA is made from soa:, contact: and nameservers:" if kind == "SOA" else rdata.unknown(kind)


def times_of(zone: ZoneFile | None, platform: Times) -> Times:
    """The times of a zone: the platform's, some of them changed by its file."""
    return platform.changed(zone.times) if zone else platform
