# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of accounts from outside: text by column, checked and turned into fields of account files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mailroom import model, passwords
from mailroom.addresses import check_local_part, domain_to_ascii, parse_address
from mailroom.model import Domain, name_parts, services_of_kind
from mailroom.quantities import format_size, parse_size

from .edits import reference
from .fields import TEXTS, Fields, ordered
from .shapes import COLUMNS
from .workspace import DomainFiles
from .yaml_text import Value

__all__ = ["COLUMNS", "SECRET", "Problem", "Row", "Writer", "check"]

# May be read, and is never written.
SECRET = "password"  # noqa: S105  a column's name

_KINDS = (model.PERSON, model.SHARED, model.SEND_ONLY, model.RECEIVE_ONLY)
_STATES = (model.ACTIVE, model.DISABLED, model.QUARANTINED, model.ABSENT)
_LISTS = ("aliases", "forwards", "send_as")
_TRUTH = {"true": True, "yes": True, "1": True, "wahr": True, "": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with one place of an input. `column` is "" for the line as a whole."""

    line: int
    column: str
    message: str


@dataclass(frozen=True)
class Row:
    """One account of the input: texts by column; several addresses stand apart by spaces."""

    line: int
    values: Mapping[str, str]

    @property
    def address(self) -> tuple[str, str]:
        """Local part and domain (A-labels). Raises ValueError."""
        local, at, host = self.values.get("address", "").rpartition("@")
        if not at:
            raise ValueError(f"{self.values.get('address', '')!r} is no address")
        return local.lower(), domain_to_ascii(host)


def check(row: Row) -> list[Problem]:
    """Return all that is wrong with a row by itself."""
    found = []

    def attempt(column: str, test: Callable[[str], Any]) -> None:
        try:
            if text := row.values.get(column, ""):
                test(text)
        except ValueError as error:
            found.append(Problem(row.line, column, str(error)))

    if not row.values.get("address"):
        found.append(Problem(row.line, "address", "is missing"))
    attempt("address", lambda _text: check_local_part(row.address[0]))
    attempt("quota", lambda text: parse_size(_size(text)))
    attempt("kind", lambda text: _one_of(text, _KINDS))
    attempt("state", lambda text: _one_of(text, _STATES))
    attempt("services", _services)
    attempt("keep_copy", _truth)
    attempt("agents", _agents)
    attempt("expires", date.fromisoformat)
    attempt(SECRET, _hash)
    for column in (*_LISTS, "contact", "identity"):
        attempt(column, _addresses)
    if bool(row.values.get("expires")) != bool(row.values.get("contact")):
        found.append(Problem(row.line, "expires", "expires and contact go together"))
    return found


class Writer:
    """Turns checked rows into the fields of one domain's file. What the domain gives anyway is left out."""

    def __init__(self, files: DomainFiles, domain: Domain) -> None:
        self._files = files
        self._domain = domain

    def section(self, row: Row) -> str:
        return "shared" if row.values.get("kind") == model.SHARED else "mailboxes"

    def fields(self, row: Row) -> dict[str, Value | None]:
        """The fields that the row's columns speak of; None for what should not be there."""
        given = row.values
        found: dict[str, Value | None] = {name: given[name] or None for name in (*TEXTS, "hold") if name in given}
        self._names(found)
        kind = given.get("kind") or model.PERSON
        if "kind" in given:
            found["kind"] = kind if kind not in (model.PERSON, model.SHARED) else None
        if "state" in given:
            found["state"] = given["state"] if given["state"] not in ("", model.ACTIVE) else None
        if "quota" in given:
            size = parse_size(_size(given["quota"])) if given["quota"] else self._domain.quota
            found["quota"] = None if size == self._domain.quota else format_size(size)
        if "services" in given:
            found["services"] = self._services(kind, given["services"])
        for name in ("aliases", "send_as"):
            if name in given:
                own = row.address[0] if name == "aliases" else ""
                found[name] = [text for text in self._references(given[name]) if text != own] or None
        if "forwards" in given:
            to = self._references(given["forwards"])
            keep = _truth(given.get("keep_copy", ""))
            found["forwards"] = (to if keep else {"to": to, "keep_copy": False}) if to else None
        if "identity" in given:
            found["identity"] = self._identity(row, given["identity"])
        if "expires" in given:
            contact = given.get("contact", "")
            found["expires"] = {"date": given["expires"], "contact": self._one(contact)} if contact else None
        if given.get("agents"):
            found["agents"] = {self._one(address): right for address, right in _agents(given["agents"]).items()}
        if given.get(SECRET):
            found["password"] = given[SECRET]
        return found

    def new(self, row: Row) -> Fields:
        """The fields of a mailbox that is new."""
        return ordered({name: value for name, value in self.fields(row).items() if value is not None})

    def _names(self, found: dict[str, Value | None]) -> None:
        """Leave out parts of the name that are what they would be anyway."""
        name = str(found.get("name") or "")
        if not name:
            return
        given, last = name_parts(name)
        for field, usual in (("given_name", given), ("surname", last), ("display_name", name)):
            if found.get(field) == usual:
                found[field] = None

    def _services(self, kind: str, text: str) -> Value | None:
        if not text:
            return None
        wanted, usual = set(_services(text)), services_of_kind(kind, self._domain.services)
        flags: dict[str, Value] = {name: name in wanted for name in sorted(wanted ^ usual)}
        return flags or None

    def _identity(self, row: Row, text: str) -> Value | None:
        usual = self._one(self._domain.identity)
        if text == model.OWN:
            return text if usual and usual != row.address[0] else None
        return None if not text or self._one(text) == usual else self._one(text)

    def _references(self, text: str) -> list[Value]:
        return list(dict.fromkeys(self._one(address) for address in text.split()))

    def _one(self, address: str) -> str:
        """An address as it is written here; that in an alias domain of this one is the same one."""
        local, at, host = address.rpartition("@")
        if at and domain_to_ascii(host) in self._domain.alias_names:
            return reference(local, self._files)
        return reference(address, self._files)


def _size(text: str) -> str:
    return text if text == "unlimited" else text.replace(" ", "").upper().removesuffix("B").removesuffix("I")


def _one_of(text: str, known: tuple[str, ...]) -> None:
    if text not in known:
        raise ValueError(f"{text!r} is not one of {', '.join(known)}")


def _services(text: str) -> list[str]:
    """The services that are on; the word `none` stands for none."""
    names = [] if text == "none" else text.replace(",", " ").split()
    if unknown := sorted(set(names) - set(model.SERVICES)):
        raise ValueError(f"unknown services: {', '.join(unknown)}; known are {', '.join(model.SERVICES)}, or none")
    return names


def _addresses(text: str) -> None:
    for address in text.split():
        if "@" in address:
            parse_address(address)


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError(f"{text!r} is not true or false")
    return _TRUTH[text.lower()]


def _agents(text: str) -> dict[str, str]:
    found = {}
    for pair in text.split():
        address, _is, right = pair.rpartition("=")
        if not address or right not in (model.READ, model.EDIT, model.SEND):
            raise ValueError(f"{pair!r} is not ADDRESS=read, ADDRESS=edit or ADDRESS=send")
        found[address] = right
    return found


def _hash(text: str) -> None:
    if problem := passwords.problem(text):
        raise ValueError(f"{problem}; {passwords.HINT}")
