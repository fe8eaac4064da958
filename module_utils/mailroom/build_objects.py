# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes, groups and aliases of one domain out of the fields of its files: defaults applied, addresses canonical."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from . import model, passwords
from .account_set import Accounts
from .addresses import canonical_local_part, check_local_part, qualify
from .findings import Path
from .loader import Secret
from .quantities import parse_size

_TEXTS = ("name", "display_name", "given_name", "surname", "title", "department", "phone", "hold")


class ObjectBuilder:
    """Builds what is in a domain. What is wrong becomes findings; the rest is still built."""

    def __init__(self, accounts: Accounts, domain: model.Domain, today: date) -> None:
        self.accounts = accounts
        self.domain = domain
        self.today = today
        # Most mailboxes have the services of their domain: one set for all of them.
        self._usual = {
            kind: model.services_of_kind(kind, domain.services)
            for kind in (model.PERSON, model.SHARED, model.SEND_ONLY, model.RECEIVE_ONLY)
        }

    def mailbox(self, source: int, key: str, fields: Mapping[str, Any]) -> model.Mailbox:
        """A mailbox of `mailboxes:`."""
        box = self._box(source, key, ("mailboxes", key), fields, fields.get("kind", model.PERSON))
        if "send_as" in fields:
            box.send_as = self.addresses(box, ("send_as",), fields["send_as"])
        if "expires" in fields:
            self._expires(box, fields["expires"])
        if "password" in fields:
            self._password(box, fields["password"])
        return box

    def shared(self, source: int, key: str, fields: Mapping[str, Any]) -> model.Mailbox:
        """A mailbox of `shared:`."""
        box = self._box(source, key, ("shared", key), fields, model.SHARED)
        agents: dict[str, str] = {}
        for name, right in fields.get("agents", {}).items():
            address = self.address(box, ("agents", name), name)
            if address in agents:
                self.accounts.report(box, ("agents", name), f"{name!r} is listed twice")
            elif address:
                agents[address] = right
        box.agents = agents
        return box

    def group(self, source: int, key: str, fields: Mapping[str, Any]) -> model.Group:
        """A group of `groups:`."""
        group = model.Group(
            self._local(source, key, ("groups", key)), self.domain.name, fields.get("name", key), (), source=source
        )
        group.path = ("groups", key)
        group.members = self.addresses(group, ("members",), fields.get("members", ()))
        posters = fields.get("posters", model.ANYONE)
        if isinstance(posters, str):
            group.post = posters
        else:
            group.post = model.LISTED
            group.posters = self.addresses(group, ("posters",), posters)
        return group

    def alias(self, source: int, key: str, path: Path, targets: Sequence[str]) -> model.Alias:
        """An alias, or with an empty key the catch-all."""
        alias = model.Alias(self._local(source, key, path), self.domain.name, (), path, source)
        alias.targets = self.addresses(alias, (), targets)
        return alias

    def addresses(self, thing: model.Domain | model.Addressed, below: Path, values: Sequence[str]) -> tuple[str, ...]:
        """Canonical addresses out of a list; `below` is its field, for findings."""
        found: dict[str, None] = {}
        for position, value in enumerate(values):
            address = self.address(thing, (*below, position), value)
            if address in found:
                self.accounts.report(thing, (*below, position), f"{value!r} is listed twice")
            elif address:
                found[address] = None
        return tuple(found)

    def address(self, thing: model.Domain | model.Addressed, below: Path, value: str) -> str:
        """A canonical address, or "" for no value and for what is none (a finding)."""
        try:
            return qualify(value, self.domain.name, self.accounts.hosted) if value else ""
        except ValueError as error:
            self.accounts.report(thing, below, str(error))
            return ""

    def _box(self, source: int, key: str, path: Path, fields: Mapping[str, Any], kind: str) -> model.Mailbox:
        """What all kinds of mailboxes share."""
        texts = {name: fields[name] for name in _TEXTS if name in fields}
        texts.setdefault("name", key)
        local = self._local(source, key, path)
        box = model.Mailbox(local, self.domain.name, **texts, kind=kind, path=path, source=source)
        box.given_name, box.surname = model.name_parts(box.name, box.given_name, box.surname)
        box.display_name = box.display_name or box.name
        box.state = fields.get("state", model.ACTIVE)
        box.quota = parse_size(fields["quota"]) if "quota" in fields else self.domain.quota
        box.services = self._usual[kind]
        if "services" in fields:
            box.services = model.services_of_kind(kind, model.services_with(self.domain.services, fields["services"]))
        if "aliases" in fields:
            box.aliases = self._own_addresses(box, fields["aliases"])
        if "forwards" in fields:
            self._forwards(box, fields["forwards"])
        if "renamed_from" in fields:
            box.renamed_from = self.address(box, ("renamed_from",), fields["renamed_from"])
        box.identity = self._identity(box, fields.get("identity", ""))
        return box

    def _local(self, source: int, key: str, path: Path) -> str:
        if key.isascii():
            return key  # checked by the schema
        local = unicodedata.normalize("NFC", key)
        try:
            check_local_part(local)
        except ValueError as error:
            self.accounts.findings.append(self.accounts.documents[source].finding(path, str(error)))
        return local

    def _forwards(self, box: model.Mailbox, forwards: Any) -> None:
        if isinstance(forwards, dict):
            box.keep_copy = forwards.get("keep_copy", True)
            box.forwards = self.addresses(box, ("forwards", "to"), forwards.get("to", ()))
        else:
            box.forwards = self.addresses(box, ("forwards",), forwards)

    def _own_addresses(self, box: model.Mailbox, values: Sequence[str]) -> tuple[str, ...]:
        """Further addresses of a mailbox; they obey the rules for hosted addresses, unlike targets."""
        found = self.addresses(box, ("aliases",), values)
        for address in found:
            try:
                check_local_part(canonical_local_part(address.rpartition("@")[0]))
            except ValueError as error:
                self.accounts.report(box, ("aliases",), str(error))
        return found

    def _identity(self, box: model.Mailbox, value: str) -> str:
        """The address that mail to the outside leaves under; "" for the mailbox's own."""
        if value == model.OWN:
            return ""
        identity = self.address(box, ("identity",), value) or self.domain.identity
        return "" if identity == box.address else identity

    def _expires(self, box: model.Mailbox, fields: Mapping[str, str]) -> None:
        box.contact = self.address(box, ("expires", "contact"), fields.get("contact", ""))
        written = fields.get("date")
        if written is None:
            return  # reported by the schema
        try:
            end = date.fromisoformat(written)
        except ValueError:
            self.accounts.report(box, ("expires", "date"), f"{written} is no day of the calendar")
            return
        box.expires = written
        if end <= self.today and box.state == model.ACTIVE:
            box.state = model.DISABLED

    def _password(self, box: model.Mailbox, value: str | Secret) -> None:
        if isinstance(value, Secret):
            clear = value.value or ""
            if passwords.is_hash(clear):
                box.password = clear
            elif problem := passwords.vaulted_problem(clear) if value.value is not None else "":
                self.accounts.report(box, ("password",), problem)
            elif clear:
                self.accounts.vaulted[box.address] = clear
        elif problem := passwords.problem(value):
            self.accounts.report(box, ("password",), problem, passwords.HINT)
        else:
            box.password = value
