# SPDX-License-Identifier: GPL-3.0-or-later
"""One domain from its files: its own fields, each of which stands in one of them, then all that is in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path as FilePath
from typing import Any

from . import model
from .account_set import Accounts
from .addresses import check_local_part, domain_to_ascii
from .build_objects import ObjectBuilder
from .quantities import parse_size

_SECTIONS = frozenset({"mailboxes", "shared", "groups", "aliases"})


class DomainBuilder:
    """Builds one domain in two steps: `head()`, then, when the names of all domains are known, `objects()`."""

    def __init__(self, accounts: Accounts, name: str, sources: list[tuple[int, Any]], today: date) -> None:
        self.accounts = accounts
        self.sources = sources
        self.today = today
        self.fields: dict[str, Any] = {}
        self.domain = accounts.domains.setdefault(name, model.Domain(name))
        self.domain.source = sources[0][0]

    def head(self) -> None:
        """The fields of the domain itself that name no addresses."""
        self._same_folder()
        self._merge()
        fields, domain = self.fields, self.domain
        defaults, limits = fields.get("defaults", {}), fields.get("limits", {})
        domain.customer = fields.get("customer", "")
        domain.state = fields.get("state", model.ACTIVE)
        domain.quota = parse_size(defaults.get("quota", "unlimited"))
        domain.services = model.services_with(frozenset(model.SERVICES), defaults.get("services", {}))
        domain.alias_names = self._alias_names()
        domain.max_mailboxes = limits.get("mailboxes")
        domain.max_quota = parse_size(limits.get("quota", "unlimited"))
        domain.naming = fields.get("naming", model.ANY_NAME)
        domain.reserved = self._reserved()

    def objects(self) -> None:
        """The fields that name addresses, and the mailboxes, groups and aliases."""
        objects = ObjectBuilder(self.accounts, self.domain, self.today)
        domain = self.domain
        domain.administrators = objects.addresses(domain, ("administrators",), self.fields.get("administrators", ()))
        domain.identity = objects.address(domain, ("outgoing", "identity"), self._identity())
        for source, data in self.sources:
            for local, fields in (data.get("mailboxes") or {}).items():
                domain.mailboxes.append(objects.mailbox(source, local, fields))
            for local, fields in (data.get("shared") or {}).items():
                domain.mailboxes.append(objects.shared(source, local, fields))
            for local, fields in (data.get("groups") or {}).items():
                domain.groups.append(objects.group(source, local, fields))
            for local, targets in (data.get("aliases") or {}).items():
                domain.aliases.append(objects.alias(source, local, ("aliases", local), targets))
            if "catch_all" in data:
                domain.aliases.append(objects.alias(source, "", ("catch_all",), data["catch_all"]))

    def _identity(self) -> str:
        return str(self.fields.get("outgoing", {}).get("identity", ""))

    def _same_folder(self) -> None:
        """Several files of one domain are a folder of its own, or one of them is a mistake."""
        files = [self.accounts.documents[source].file for source, _data in self.sources]
        for file, (source, data) in zip(files[1:], self.sources[1:], strict=True):
            folder = FilePath(file).parent
            if folder != FilePath(files[0]).parent or folder.name not in {*self.domain.names, data["domain"]}:
                message = f"{data['domain']} is already in {files[0]}"
                hint = f"put both files into a folder called {data['domain']}, or merge them"
                self.accounts.findings.append(self.accounts.documents[source].finding(("domain",), message, hint))

    def _merge(self) -> None:
        """Collect the fields of the domain itself, each of which may stand in one of its files only."""
        for source, data in self.sources:
            document = self.accounts.documents[source]
            for name in sorted(set(data) - {"domain"} - _SECTIONS):
                if name in self.fields:
                    message = f"already set in {self.accounts.place(self.domain, (name,))}"
                    self.accounts.findings.append(document.finding((name,), message, "keep one of the two"))
                    continue
                self.fields[name] = data[name]
                self.domain.sources[name] = source

    def _alias_names(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for position, value in enumerate(self.fields.get("alias_domains", ())):
            path = ("alias_domains", position)
            try:
                name = domain_to_ascii(value)
            except ValueError as error:
                self.accounts.report(self.domain, path, str(error))
                continue
            if name == self.domain.name:
                self.accounts.report(self.domain, path, f"{value} is the domain itself", "leave it out")
            elif name in found:
                self.accounts.report(self.domain, path, f"{value!r} is listed twice")
            else:
                found[name] = None
        return tuple(found)

    def _reserved(self) -> tuple[str, ...]:
        found = []
        for position, local in enumerate(self.fields.get("reserved", ())):
            try:
                check_local_part(local)
                found.append(local)
            except ValueError as error:
                self.accounts.report(self.domain, ("reserved", position), str(error))
        return tuple(found)
