# SPDX-License-Identifier: GPL-3.0-or-later
"""From parsed files to the model: check the schema, merge a domain's files, apply defaults, normalise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from . import model, passwords
from .addresses import check_local_part, domain_to_ascii, qualify
from .findings import Finding, Path
from .loader import Document, Secret
from .quantities import parse_size
from .schema import compile_schema

_SECTIONS = ("mailboxes", "aliases")
_TEXTS = ("name", "display_name", "given_name", "surname", "title", "department", "phone")


@dataclass
class Accounts:
    """All domains by name, with what was found wrong while they were built.

    `vaulted` holds clear passwords (address to password) out of vaulted values that were not hashes.
    """

    documents: Sequence[Document]
    domains: dict[str, model.Domain] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    vaulted: dict[str, str] = field(default_factory=dict, repr=False)

    def report(self, thing: model.Domain | model.Mailbox | model.Alias, below: Path, *text: str) -> None:
        """Add a finding (message, hint, severity) on a field below a domain, mailbox or alias."""
        path = below if isinstance(thing, model.Domain) else (*thing.path, *below)
        self.findings.append(self.documents[thing.source].finding(path, *text))

    def place(self, thing: model.Mailbox | model.Alias) -> str:
        """Return file:line of an object."""
        document = self.documents[thing.source]
        return f"{document.file}:{document.line(thing.path)}"


def build(documents: Sequence[Document], schema_file: str) -> Accounts:
    """Build the model of all documents. What is wrong becomes findings; the rest is still built."""
    check = compile_schema(json.loads(FilePath(schema_file).read_text(encoding="utf-8")))
    accounts = Accounts(documents)
    parts: dict[str, list[tuple[int, Any]]] = {}
    for source, document in enumerate(documents):
        violations = check(document.data)
        accounts.findings += [document.finding(*violation) for violation in violations]
        data = _without(document.data, [violation.path for violation in violations])
        if not isinstance(data, dict) or "domain" not in data:
            continue
        try:
            name = domain_to_ascii(data["domain"])
        except ValueError as error:
            accounts.findings.append(document.finding(("domain",), str(error)))
            continue
        _check_file_name(accounts, document, name)
        parts.setdefault(name, []).append((source, data))
        if any(len(violation.path) <= 2 for violation in violations):
            accounts.domains[name] = model.Domain(name, incomplete=True)
    for name, sources in parts.items():
        _Builder(accounts, name, sources).build()
    return accounts


class _Builder:
    """Builds one domain from its files."""

    def __init__(self, accounts: Accounts, name: str, sources: list[tuple[int, Any]]) -> None:
        self.accounts = accounts
        self.sources = sources
        self.domain = accounts.domains.setdefault(name, model.Domain(name))
        self.domain.source = sources[0][0]

    def build(self) -> None:
        self._same_folder()
        head = self._head()
        defaults = head.get("defaults", {})
        self.domain.customer = head.get("customer", "")
        self.domain.state = head.get("state", model.ACTIVE)
        self.domain.quota = parse_size(defaults.get("quota", "unlimited"))
        self.domain.services = model.services_with(frozenset(model.SERVICES), defaults.get("services", {}))
        for source, data in self.sources:
            for local, fields in (data.get("mailboxes") or {}).items():
                self.domain.mailboxes.append(self._mailbox(source, local, fields))
            for local, targets in (data.get("aliases") or {}).items():
                alias = model.Alias(local, self.domain.name, (), ("aliases", local), source)
                alias.targets = self._addresses(alias, (), targets)
                self.domain.aliases.append(alias)

    def _same_folder(self) -> None:
        """Several files of one domain are a folder of its own, or one of them is a mistake."""
        files = [self.accounts.documents[source].file for source, _data in self.sources]
        for file, (source, data) in zip(files[1:], self.sources[1:], strict=True):
            if FilePath(file).parent != FilePath(files[0]).parent or FilePath(file).parent.name not in self._names(
                data
            ):
                message = f"{data['domain']} is already in {files[0]}"
                hint = f"put both files into a folder called {data['domain']}, or merge them"
                self.accounts.findings.append(self.accounts.documents[source].finding(("domain",), message, hint))

    def _names(self, data: Any) -> set[str]:
        return {*self.domain.names, data["domain"]}

    def _head(self) -> dict[str, Any]:
        """The fields of the domain itself, each of which may stand in one of its files only."""
        head: dict[str, Any] = {}
        first: dict[str, str] = {}
        for source, data in self.sources:
            document = self.accounts.documents[source]
            for name in set(data) - {"domain", *_SECTIONS}:
                if name in head:
                    message = f"already set in {first[name]}"
                    self.accounts.findings.append(document.finding((name,), message, "keep one of the two"))
                head[name] = data[name]
                first[name] = f"{document.file}:{document.line((name,))}"
        return head

    def _mailbox(self, source: int, local: str, fields: Mapping[str, Any]) -> model.Mailbox:
        texts = {name: fields[name] for name in _TEXTS if name in fields}
        texts.setdefault("name", local)
        box = model.Mailbox(local, self.domain.name, **texts, path=("mailboxes", local), source=source)
        box.given_name, box.surname = model.name_parts(box.name, box.given_name, box.surname)
        box.display_name = box.display_name or box.name
        box.state = fields.get("state", model.ACTIVE)
        box.quota = parse_size(fields["quota"]) if "quota" in fields else self.domain.quota
        box.services = model.services_with(self.domain.services, fields.get("services", {}))
        box.aliases = self._own_addresses(box, fields.get("aliases", ()))
        forwards = fields.get("forwards", ())
        if isinstance(forwards, dict):
            box.keep_copy = forwards.get("keep_copy", True)
            box.forwards = self._addresses(box, ("forwards", "to"), forwards.get("to", ()))
        else:
            box.forwards = self._addresses(box, ("forwards",), forwards)
        self._password(box, fields.get("password", ""))
        return box

    def _addresses(self, thing: Any, below: Path, values: Sequence[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for position, value in enumerate(values):
            try:
                address = qualify(value, self.domain.name)
            except ValueError as error:
                self.accounts.report(thing, (*below, position), str(error))
                continue
            if address in found:
                self.accounts.report(thing, (*below, position), f"{value!r} is listed twice")
            found[address] = None
        return tuple(found)

    def _own_addresses(self, box: model.Mailbox, values: Sequence[str]) -> tuple[str, ...]:
        """Further addresses of a mailbox; they obey the rules for hosted addresses, unlike targets."""
        found = tuple(address.lower() for address in self._addresses(box, ("aliases",), values))
        for address in found:
            try:
                check_local_part(address.partition("@")[0])
            except ValueError as error:
                self.accounts.report(box, ("aliases",), str(error))
        return found

    def _password(self, box: model.Mailbox, value: str | Secret) -> None:
        if isinstance(value, Secret):
            clear = value.value or ""
            if passwords.is_hash(clear):
                box.password = clear
            elif problem := passwords.vaulted_problem(clear) if value.value is not None else "":
                self.accounts.report(box, ("password",), problem)
            elif clear:
                self.accounts.vaulted[box.address] = clear
        elif value and (problem := passwords.problem(value)):
            self.accounts.report(box, ("password",), problem, passwords.HINT)
        else:
            box.password = value


def _check_file_name(accounts: Accounts, document: Document, name: str) -> None:
    """A file (or its folder) is called like its domain: this catches copies with a forgotten edit."""
    file = FilePath(document.file)
    for called in (file.stem, file.parent.name):
        try:
            if domain_to_ascii(called) == name:
                return
        except ValueError:
            continue
    hint = "rename the file, or correct the domain"
    accounts.findings.append(
        document.finding(("domain",), f"{document.data['domain']} is not what the file is called", hint)
    )


def _without(data: Any, paths: Sequence[Path]) -> Any:
    """The data less what stands at the given paths, so that the rest can be checked further."""
    for path in sorted(set(paths), key=lambda path: (len(path), [str(part).zfill(9) for part in path]), reverse=True):
        if not path:
            continue
        node = data
        for part in path[:-1]:
            node = node[part]
        # A missing field is reported on the mapping that lacks it; that stays.
        if isinstance(node, list) or not isinstance(node.get(path[-1]), dict) or not _whole(path):
            del node[path[-1]]
    return data


def _whole(path: Path) -> bool:
    """Whether the path names a mailbox, whose violations are those of what it lacks."""
    return len(path) == 2 and path[0] == "mailboxes"
