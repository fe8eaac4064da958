# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a change of account files by who made it: each field that changed must be his to change.

The comparison is of the files' data, not of their text: comments, order and quoting are free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .account_set import Accounts
from .addresses import domain_to_ascii, domain_to_unicode
from .delegation import DOMAIN, Administrator
from .findings import Finding, Path
from .loader import Document, Secret
from .model import ABSENT, Domain, Mailbox
from .quantities import format_size

SECTIONS = ("mailboxes", "shared", "groups", "aliases")


@dataclass
class _Part:
    """The data of one domain out of all its files, each value with its document."""

    first: Document
    fields: dict[str, tuple[Any, Document]] = field(default_factory=dict)
    objects: dict[tuple[str, str], tuple[Any, Document]] = field(default_factory=dict)


def review(administrator: Administrator, old: Accounts, new: Accounts) -> list[Finding]:
    """Return why an administrator may not change `old` into `new`, sorted; nothing means that he may.

    Both must have been read without anything decrypted. Findings are on the new files, or on the old ones for
    what is gone.
    """
    return sorted(set(_Review(administrator, old, new).run()))


class _Review:
    def __init__(self, administrator: Administrator, old: Accounts, new: Accounts) -> None:
        self.administrator = administrator
        self.old, self.new = old, new

    def run(self) -> Iterator[Finding]:
        before, after = _parts(self.old), _parts(self.new)
        for name in sorted({*before, *after}):
            yield from self._domain(name, before.get(name), after.get(name))
        yield from self._addresses()
        yield from self._limits()

    def _domain(self, name: str, old: _Part | None, new: _Part | None) -> Iterator[Finding]:
        who = self.administrator
        shown = domain_to_unicode(name)
        if old is not None and new is not None and _content(old) == _content(new):
            return
        if new is None:
            if old is not None and not (who.manages(name) and who.remove_domains):
                yield self._refuse(old.first, (DOMAIN,), f"may not remove the domain {shown}")
        elif old is None and not who.may_create(name):
            yield self._refuse(new.first, (DOMAIN,), f"may not add the domain {shown}", _offer("may add", who.create))
        elif not who.manages(name):
            yield self._refuse(new.first, (DOMAIN,), f"may not change {shown}", _offer("may change", who.domains))
        else:
            yield from self._fields(old, new)
            yield from self._objects(old or _Part(new.first), new)

    def _fields(self, old: _Part | None, new: _Part) -> Iterator[Finding]:
        """The domain's own fields; in a new domain, `domain` and the customer that he must set are free."""
        who = self.administrator
        before = old.fields if old else {}
        free = {DOMAIN} if old is None else set()
        if old is None and who.customer:
            free.add("customer")
            value, document = new.fields.get("customer", ("", new.first))
            if value != who.customer:
                yield self._refuse(document, ("customer",), f"must set customer: {who.customer} in domains he adds")
        for name in sorted({*before, *new.fields} - free):
            if _value(before, name) != _value(new.fields, name) and not who.may_change(DOMAIN, name):
                _data, document = new.fields.get(name) or (None, new.first)
                yield self._refuse(document, (name,), f"may not change {name} of the domain")

    def _objects(self, old: _Part, new: _Part) -> Iterator[Finding]:
        who = self.administrator
        for key in sorted({*old.objects, *new.objects}):
            section, local = key
            if key not in new.objects:
                if section not in who.remove:
                    yield self._refuse(new.first, (section,), f"may not remove {local} from {section}")
                continue
            data, document = new.objects[key]
            if key not in old.objects and section not in who.add:
                yield self._refuse(document, key, f"may not add to {section}")
                continue
            before = _fields_of(old.objects[key][0]) if key in old.objects else {}
            yield from self._object(section, document, key, before, _fields_of(data))

    def _object(
        self, section: str, document: Document, key: Path, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterator[Finding]:
        who = self.administrator
        # What an object cannot be without comes with the right to add it.
        free = {"name", "members", "targets"} if not before else set()
        for name in sorted({*before, *after} - free):
            if before.get(name) == after.get(name):
                continue
            below: Path = (name,) if name in after and name != "targets" else ()
            if name == "state" and ABSENT in (before.get(name), after.get(name)) and section not in who.remove:
                yield self._refuse(document, (*key, *below), f"may not remove or bring back {key[1]} of {section}")
            elif not who.may_change(section, name):
                yield self._refuse(document, (*key, *below), f"may not change {name} in {section}")

    def _addresses(self) -> Iterator[Finding]:
        """Addresses and names that reach into domains of others, where they are new."""
        for name, domain in self.new.domains.items():
            if not self.administrator.manages(name):
                continue
            before = self.old.domains.get(name)
            for alias in set(domain.alias_names) - set(before.alias_names if before else ()):
                if not self.administrator.manages(alias):
                    message = f"may not take {domain_to_unicode(alias)} as another name"
                    yield self._refuse(self.new.documents[domain.source], ("alias_domains",), message)
            known = {box.address: _reach(box) for box in before.mailboxes} if before else {}
            for box in domain.mailboxes:
                for address, where in _reach(box).items():
                    if address not in known.get(box.address, {}) and not self._is_his(address):
                        document = self.new.documents[box.source]
                        yield self._refuse(document, (*box.path, where), f"may not use {address}", _NOT_HIS)
            identity = "" if before and before.identity == domain.identity else domain.identity
            if identity and not self._is_his(identity):
                document = self.new.documents[domain.source]
                yield self._refuse(document, ("outgoing",), f"may not use {identity}", _NOT_HIS)

    def _is_his(self, address: str) -> bool:
        return self.administrator.manages(address.rpartition("@")[2])

    def _limits(self) -> Iterator[Finding]:
        """Limits on all his domains together; what was over a limit before may stay, but not grow."""
        who = self.administrator
        old, new = (_totals(who, accounts.domains) for accounts in (self.old, self.new))
        if who.max_mailboxes is not None and new.mailboxes > max(who.max_mailboxes, old.mailboxes):
            yield self._total(f"{new.mailboxes} mailboxes are over the limit of {who.max_mailboxes}")
        if who.max_quota is None:
            return
        if new.unlimited > old.unlimited:
            yield self._total("a mailbox without a quota is not possible", "set quota, or defaults: {quota: ...}")
        if new.quota > max(who.max_quota, old.quota):
            shown = f"{format_size(new.quota)} of quota are over the limit of {format_size(who.max_quota)}"
            yield self._total(shown)

    def _total(self, message: str, hint: str = "make it fewer, or ask for a higher limit") -> Finding:
        document = next(
            self.new.documents[domain.source]
            for name, domain in self.new.domains.items()
            if self.administrator.manages(name)
        )
        return self._refuse(document, (), f"in all domains together: {message}", hint)

    def _refuse(self, document: Document, path: Path, what: str, hint: str = "") -> Finding:
        return document.finding(path, f"{self.administrator.name}: {what}", hint)


_NOT_HIS = "it is in a domain of somebody else"


@dataclass(frozen=True)
class _Totals:
    mailboxes: int
    unlimited: int
    quota: int


def _totals(administrator: Administrator, domains: Mapping[str, Domain]) -> _Totals:
    boxes = [
        box
        for name, domain in domains.items()
        if administrator.manages(name)
        for box in domain.mailboxes
        if box.state != ABSENT
    ]
    quotas = [box.quota for box in boxes]
    return _Totals(len(boxes), quotas.count(None), sum(quota for quota in quotas if quota))


def _reach(box: Mailbox) -> dict[str, str]:
    """Addresses that a mailbox claims, sends from or comes from, each with the field that says so."""
    found = dict.fromkeys(box.aliases, "aliases") | dict.fromkeys(box.send_as, "send_as")
    if box.renamed_from:
        found[box.renamed_from] = "renamed_from"
    if "@" in box.identity:
        found[box.identity] = "identity"
    return found


def _parts(accounts: Accounts) -> dict[str, _Part]:
    """The raw data of each domain, by its name in A-labels."""
    found: dict[str, _Part] = {}
    for document in accounts.documents:
        data = document.data
        if not isinstance(data, dict) or not isinstance(data.get(DOMAIN), str):
            continue
        try:
            part = found.setdefault(domain_to_ascii(data[DOMAIN]), _Part(document))
        except ValueError:
            continue
        for name, value in data.items():
            if name not in SECTIONS:
                part.fields[name] = (_plain(value), document)
            elif isinstance(value, dict):
                part.objects.update({(name, local): (_plain(item), document) for local, item in value.items()})
    return found


def _plain(value: Any) -> Any:
    """Data that can be compared; a vaulted value is its envelope, as nothing was decrypted."""
    if isinstance(value, Secret):
        return ("vaulted", value.value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _content(part: _Part) -> Any:
    return {name: value for name, (value, _document) in part.fields.items()}, {
        key: value for key, (value, _document) in part.objects.items()
    }


def _value(fields: Mapping[str, tuple[Any, Document]], name: str) -> Any:
    return fields[name][0] if name in fields else None


def _fields_of(data: Any) -> Mapping[str, Any]:
    """The fields of an object; those of an alias, which is a bare list, are its targets."""
    return data if isinstance(data, dict) else {"targets": data}


def _offer(what: str, patterns: tuple[str, ...]) -> str:
    names = (pattern if pattern.startswith("*") else domain_to_unicode(pattern) for pattern in sorted(patterns))
    return f"{what}: {', '.join(names)}" if patterns else ""
